#include "zstream/disk_content.hpp"

#include <cerrno>
#include <string>
#include <system_error>

#include <unistd.h>

namespace imgadm::zstream {

std::size_t FileContent::read(std::uint64_t offset, std::uint8_t *out, std::size_t size) {
    if (before_read_) {
        before_read_();
    }
    std::size_t filled = 0;
    while (filled < size) {
        const ssize_t count =
            ::pread(fd_, out + filled, size - filled, static_cast<off_t>(offset + filled));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            throw std::system_error(errno, std::generic_category(),
                                    "read the disk at " + std::to_string(offset + filled));
        }
        if (count == 0) {
            break;
        }
        filled += static_cast<std::size_t>(count);
    }
    return filled;
}

Extent FileContent::find_data(std::uint64_t offset, std::uint64_t size) {
    return zstream::find_data(fd_, offset, size);
}

}  // namespace imgadm::zstream
