// Writing a large file without filling the memory of the host with it.
#pragma once

#include <cstdint>
#include <deque>

namespace imgadm {

// The kernel keeps what is written to a file in memory, and finds new memory for every page of it;
// a file of many gigabytes drives out what other programs use, and its sync at the end is long.
// WriteBehind makes the kernel write a file to its device while it grows, and forget it: only the
// last few steps stay in memory. On systems that have no call for that it does nothing.
class WriteBehind {
public:
    // A step is `step` bytes; with 0 it does nothing. The caller closes the descriptor.
    WriteBehind(int descriptor, std::uint64_t step) : descriptor_(descriptor), step_(step) {}

    // Notes that the caller has just written this range. Waits while the device is more than a few
    // steps behind. Throws std::system_error if an earlier range could not be written to it, which
    // a later sync does not report again.
    void wrote(std::uint64_t offset, std::uint64_t length);

private:
    struct Range {
        std::uint64_t begin, end;
    };

    void start(const Range &range);
    void finish(const Range &range);

    const int descriptor_;
    std::uint64_t step_;
    std::uint64_t gathered_bytes_ = 0;
    Range gathered_ = {UINT64_MAX, 0};
    std::deque<Range> started_;
};

}  // namespace imgadm
