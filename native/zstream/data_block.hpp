// One block of an object's data, however its record packs it.
#pragma once

#include "zstream/bytes.hpp"
#include "zstream/codec.hpp"
#include "zstream/record.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace imgadm::zstream {

struct DataBlock {
    std::uint64_t object;
    std::uint64_t offset;
    std::size_t length;         // of the block
    std::size_t unpacked_size;  // of the payload; zeros fill the block
    std::size_t packed_size;    // what the payload has of data, its padding left out
    std::optional<Codec> codec;

    bool is_plain() const { return !codec && unpacked_size == length; }
};

// The block that a WRITE or WRITE_EMBEDDED carries; nothing for other records.
std::optional<DataBlock> data_block_of(const Record &record);

// Fills the block.length bytes at `out`. Throws StreamError, with `offset`.
void unpack(const DataBlock &block, Bytes payload, std::uint8_t *out, const Inflate &inflate,
            std::uint64_t offset);

// Puts a payload together. One that arrives in a single piece is not copied.
class PayloadCollector {
public:
    void expect(std::size_t size);
    // The whole payload once its last piece came; good until the next call.
    std::optional<Bytes> add(Bytes piece);

private:
    std::vector<std::uint8_t> collected_;
    std::size_t size_ = 0;
};

}  // namespace imgadm::zstream
