#ifndef _GNU_SOURCE
#define _GNU_SOURCE  // fallocate, SEEK_DATA
#endif
#include "zstream/sparse.hpp"

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

namespace imgadm::zstream {

bool punch_hole(int fd, std::uint64_t offset, std::uint64_t length) {
    const auto start = static_cast<off_t>(offset);
    const auto count = static_cast<off_t>(length);
#if defined(FALLOC_FL_PUNCH_HOLE)
    int result;
    do {
        result = ::fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start, count);
    } while (result != 0 && errno == EINTR);
    return result == 0;
#elif defined(F_FREESP)
    struct flock range = {};
    range.l_whence = SEEK_SET;
    range.l_start = start;
    range.l_len = count;
    return ::fcntl(fd, F_FREESP, &range) == 0;
#else
    static_cast<void>(fd);
    static_cast<void>(start);
    static_cast<void>(count);
    errno = ENOSYS;
    return false;
#endif
}

Extent find_data(int fd, std::uint64_t offset, std::uint64_t size) {
    if (offset >= size) {
        return {size, size};
    }
#if defined(SEEK_DATA) && defined(SEEK_HOLE)
    const off_t data = ::lseek(fd, static_cast<off_t>(offset), SEEK_DATA);
    if (data < 0 && errno == ENXIO) {
        return {size, size};
    }
    if (data >= static_cast<off_t>(offset)) {
        const off_t hole = ::lseek(fd, data, SEEK_HOLE);
        if (hole > data) {
            return {std::min(static_cast<std::uint64_t>(data), size),
                    std::min(static_cast<std::uint64_t>(hole), size)};
        }
    }
#else
    static_cast<void>(fd);
#endif
    return {offset, size};
}

}  // namespace imgadm::zstream
