#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // sync_file_range
#endif
#include "descriptors/write_behind.hpp"

#include <algorithm>
#include <cerrno>
#include <system_error>

#include <fcntl.h>

namespace imgadm {
namespace {

// So that the device always has something to do.
constexpr std::size_t steps_behind = 3;

#if defined(SYNC_FILE_RANGE_WRITE)

bool sync_range(int descriptor, std::uint64_t offset, std::uint64_t length, unsigned flags) {
    int result;
    do {
        result = ::sync_file_range(descriptor, static_cast<off_t>(offset),
                                   static_cast<off_t>(length), flags);
    } while (result != 0 && errno == EINTR);
    return result == 0;
}

#endif

}  // namespace

void WriteBehind::wrote(std::uint64_t offset, std::uint64_t length) {
    if (step_ == 0) return;
    gathered_.begin = std::min(gathered_.begin, offset);
    gathered_.end = std::max(gathered_.end, offset + length);
    gathered_bytes_ += length;
    if (gathered_bytes_ < step_) return;
    const Range range = gathered_;
    gathered_ = {UINT64_MAX, 0};
    gathered_bytes_ = 0;
    start(range);
    started_.push_back(range);
    if (started_.size() > steps_behind) {
        finish(started_.front());
        started_.pop_front();
    }
}

#if defined(SYNC_FILE_RANGE_WRITE)

// To ask for writing tells nothing of its outcome, only whether this can be done with such a file.
void WriteBehind::start(const Range &range) {
    if (!sync_range(descriptor_, range.begin, range.end - range.begin, SYNC_FILE_RANGE_WRITE)) {
        step_ = 0;
    }
}

void WriteBehind::finish(const Range &range) {
    const std::uint64_t length = range.end - range.begin;
    if (!sync_range(descriptor_, range.begin, length,
                    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
                        SYNC_FILE_RANGE_WAIT_AFTER)) {
        // The kernel reports this error once, and will not report it to a later fsync.
        throw std::system_error(errno, std::generic_category(), "write to the device");
    }
    ::posix_fadvise(descriptor_, static_cast<off_t>(range.begin), static_cast<off_t>(length),
                    POSIX_FADV_DONTNEED);
}

#else

void WriteBehind::start(const Range &) { step_ = 0; }
void WriteBehind::finish(const Range &) {}

#endif

}  // namespace imgadm
