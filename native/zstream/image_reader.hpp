// Reads a raw disk block by block, through large reads and past its holes.
#pragma once

#include "zstream/bytes.hpp"
#include "zstream/sparse.hpp"

#include <cstdint>
#include <vector>

namespace imgadm::zstream {

// All methods throw std::system_error.
class ImageReader {
public:
    // The block size is a power of two. What lies at and beyond `size`, or beyond the end of the file, reads as zeros.
    ImageReader(int fd, std::uint64_t size, std::size_t block_size);

    // The block at `offset`, a multiple of the block size. Good until the next call.
    Bytes block(std::uint64_t offset);

    // The first offset, at or after the given one, where there may be data; nowhere if there is none.
    static constexpr std::uint64_t nowhere = ~std::uint64_t{0};
    std::uint64_t next_data(std::uint64_t offset);

    // Where the last block that is not all zeros ends; 0 if there is none. Reads from the end.
    std::uint64_t data_end();

private:
    void fill_window(std::uint64_t offset);
    std::uint64_t data_end_within(std::uint64_t start, std::uint64_t end);

    const int fd_;
    const std::uint64_t size_;
    const std::size_t block_size_;
    std::vector<std::uint8_t> window_;
    std::uint64_t window_offset_ = nowhere;
    // The last answer of find_data: nothing from hole_start_ up to data_.start.
    std::uint64_t hole_start_ = 0;
    Extent data_{0, 0};
};

}  // namespace imgadm::zstream
