// The limits of a record's fields, as current OpenZFS receivers enforce them.
#pragma once

#include "zstream/record.hpp"

#include <cstdint>

namespace imgadm::zstream {

constexpr std::uint64_t smallest_block = 512;
constexpr std::uint64_t largest_plain_block = 128 << 10;  // without the large-blocks feature
constexpr std::uint64_t largest_block = 16 << 20;
constexpr std::uint64_t largest_begin_payload = 64 << 20;  // of a package

// Whether `begin` is the header of a package of streams.
bool is_package(const Begin &begin);

// Throws a format error for the header of a package that makes no sense.
void check_package(const Begin &begin, std::uint64_t offset);

// Throws a format error for the BEGIN of a stream that makes no sense, an unsupported one for
// streams that are not whole and plain (raw, resumed, redacted), for the list that only those have,
// which a kernel would unpack, and for features that are unknown here.
void check_begin(const Begin &begin, std::uint64_t offset);

// Throws a format error for a record that `begin`'s stream must not have, an unsupported one for a
// reference into another stream.
void check_record(const Record &record, const Begin &begin, std::uint64_t offset);

}  // namespace imgadm::zstream
