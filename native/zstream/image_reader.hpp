// Reads a raw disk block by block, through large reads and past its holes.
#pragma once

#include "zstream/bytes.hpp"
#include "zstream/disk_content.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace imgadm::zstream {

// All methods throw what the content throws.
class ImageReader {
public:
    // The block size is a power of two. Bytes at and beyond `size`, or beyond the end of the
    // content, read as zeros. Without a size the disk is as long as its content, and is read in
    // one pass: offsets must not fall back before the window of the last.
    ImageReader(DiskContent &content, std::optional<std::uint64_t> size, std::size_t block_size);

    // The block at `offset`, a multiple of the block size. Good until the next call.
    Bytes block(std::uint64_t offset);

    // Whether the disk has ended at or before `offset`; may read it to find out.
    bool ended(std::uint64_t offset);

    // In bytes; without a size that was given, what has been found so far.
    std::uint64_t size() const { return size_; }

    // The first offset, at or after the given one, where there may be data; nowhere if there is
    // none.
    static constexpr std::uint64_t nowhere = ~std::uint64_t{0};
    std::uint64_t next_data(std::uint64_t offset);

    // Where the last block that is not all zeros ends; 0 if there is none. Reads from the end.
    std::uint64_t data_end();

private:
    const std::uint8_t *window_at(std::uint64_t offset);
    void fill_window(std::uint64_t offset);
    std::uint64_t data_end_within(std::uint64_t start, std::uint64_t end);

    DiskContent &content_;
    const bool size_known_;
    std::uint64_t size_;
    const std::size_t block_size_;
    std::vector<std::uint8_t> window_;
    std::uint64_t window_offset_ = nowhere;
    // The last answer of find_data: nothing from hole_start_ up to data_.start.
    std::uint64_t hole_start_ = 0;
    Extent data_{0, 0};
};

}  // namespace imgadm::zstream
