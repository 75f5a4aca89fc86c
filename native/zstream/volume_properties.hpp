// Object 2 of a volume: a micro ZAP block whose entry "size" is the size of the volume.
#pragma once

#include "zstream/byte_order.hpp"
#include "zstream/bytes.hpp"

#include <cstdint>
#include <optional>

namespace imgadm::zstream {

constexpr std::uint64_t volume_data_object = 1, volume_properties_object = 2;
constexpr std::uint32_t volume_data_type = 23, volume_properties_type = 24;
constexpr std::size_t volume_properties_size = 512;

// The size in bytes, or nothing where the block has no entry for it. Throws StreamError, with
// `offset`, for a block that is not a micro ZAP and for an impossible size.
std::optional<std::uint64_t> read_volume_size(Bytes block, ByteOrder order, std::uint64_t offset);

// Fills volume_properties_size bytes. `salt` is any odd number; it seeds a hash that is not stored.
void write_volume_properties(std::uint8_t *block, std::uint64_t volume_size, std::uint64_t salt,
                             ByteOrder order);

}  // namespace imgadm::zstream
