#include "zstream/image_reader.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <unistd.h>

namespace imgadm::zstream {

namespace {

constexpr std::size_t window_size = 1 << 20;
// How much of a hole one look from the end passes over.
constexpr std::uint64_t stride = 64 << 20;

}  // namespace

ImageReader::ImageReader(int fd, std::uint64_t size, std::size_t block_size)
    : fd_(fd), size_(size), block_size_(block_size), window_(std::max(window_size, block_size)) {}

Bytes ImageReader::block(std::uint64_t offset) {
    const std::uint64_t window_offset = offset - offset % window_.size();
    if (window_offset != window_offset_) {
        fill_window(window_offset);
    }
    return {window_.data() + (offset - window_offset), block_size_};
}

void ImageReader::fill_window(std::uint64_t offset) {
    window_offset_ = nowhere;
    const std::uint64_t rest = offset < size_ ? size_ - offset : 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(rest, window_.size()));
    std::size_t filled = 0;
    while (filled < wanted) {
        const ssize_t count = ::pread(fd_, window_.data() + filled, wanted - filled,
                                      static_cast<off_t>(offset + filled));
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
    std::fill(window_.begin() + static_cast<std::ptrdiff_t>(filled), window_.end(),
              std::uint8_t{0});
    window_offset_ = offset;
}

std::uint64_t ImageReader::next_data(std::uint64_t offset) {
    if (offset < hole_start_ || offset >= data_.end) {
        hole_start_ = offset;
        data_ = find_data(fd_, offset, size_);
    }
    return data_.start < size_ ? std::max(offset, data_.start) : nowhere;
}

std::uint64_t ImageReader::data_end() {
    std::uint64_t end = size_;
    while (end != 0) {
        const std::uint64_t start = (end - 1) / stride * stride;
        if (find_data(fd_, start, size_).start < end) {
            if (const std::uint64_t found = data_end_within(start, end)) {
                return found;
            }
        }
        end = start;
    }
    return 0;
}

std::uint64_t ImageReader::data_end_within(std::uint64_t start, std::uint64_t end) {
    while (end > start) {
        const std::uint64_t window = (end - 1) / window_.size() * window_.size();
        if (find_data(fd_, window, size_).start < end) {
            for (std::uint64_t at = (end - 1) / block_size_ * block_size_ + block_size_;
                 at > window; at -= block_size_) {
                if (!all_zero(block(at - block_size_))) {
                    return at;
                }
            }
        }
        end = window;
    }
    return 0;
}

}  // namespace imgadm::zstream
