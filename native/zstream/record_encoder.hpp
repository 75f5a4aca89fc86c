// Writes records one after the other, with their checksums.
#pragma once

#include "zstream/bytes.hpp"
#include "zstream/fletcher4.hpp"
#include "zstream/record.hpp"

namespace imgadm::zstream {

class RecordEncoder {
public:
    // Streams that we write are little endian on every host, so that they are reproducible.
    static constexpr ByteOrder order = ByteOrder::little;

    // Writes header_size bytes and the payload to `out`; returns how many. Starts with BEGIN.
    std::size_t encode(const Record &record, Bytes payload, std::uint8_t *out);

private:
    Fletcher4 sum_{order};
};

}  // namespace imgadm::zstream
