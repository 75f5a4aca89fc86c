// Walks a disk and finds the blocks that a stream must carry.
#pragma once

#include "zstream/image_reader.hpp"

#include <cstdint>

namespace imgadm::zstream {

struct Change {
    enum class Kind { write, free, none };

    Kind kind = Kind::none;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    Bytes content;  // of a block to write; good until the next change
};

// Single blocks that hold data, and runs of blocks that do not. Against an origin, only blocks that
// differ from it. Throws std::system_error.
class ChangeScan {
public:
    // `origin` may be null; `end`, a multiple of the block size, is where to stop at the latest.
    ChangeScan(ImageReader &disk, ImageReader *origin, std::size_t block_size, std::uint64_t end)
        : disk_(disk), origin_(origin), block_size_(block_size), end_(end) {}

    // The next change by offset; of kind none when there are no more.
    Change next();

private:
    bool pass_hole();
    void extend_run(std::uint64_t end);
    Change take_run();

    ImageReader &disk_;
    ImageReader *const origin_;
    const std::size_t block_size_;
    const std::uint64_t end_;
    std::uint64_t at_ = 0;
    std::uint64_t run_start_ = 0, run_end_ = 0;  // blocks to free, up to at_
};

}  // namespace imgadm::zstream
