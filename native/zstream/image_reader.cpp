#include "zstream/image_reader.hpp"

#include <algorithm>

namespace imgadm::zstream {

namespace {

// Leaves room for rounding up; no disk is as long.
constexpr std::uint64_t longest_disk = std::uint64_t{1} << 62;
constexpr std::size_t window_size = 1 << 20;
// How much of a hole one look from the end passes over.
constexpr std::uint64_t stride = 64 << 20;

}  // namespace

ImageReader::ImageReader(DiskContent &content, std::optional<std::uint64_t> size,
                         std::size_t block_size)
    : content_(content), size_known_(size.has_value()), size_(size.value_or(longest_disk)),
      block_size_(block_size), window_(std::max(window_size, block_size)) {}

Bytes ImageReader::block(std::uint64_t offset) { return {window_at(offset), block_size_}; }

bool ImageReader::ended(std::uint64_t offset) {
    if (!size_known_ && offset < size_) {
        window_at(offset);
    }
    return offset >= size_;
}

const std::uint8_t *ImageReader::window_at(std::uint64_t offset) {
    const std::uint64_t window_offset = offset - offset % window_.size();
    if (window_offset != window_offset_) {
        fill_window(window_offset);
    }
    return window_.data() + (offset - window_offset);
}

void ImageReader::fill_window(std::uint64_t offset) {
    window_offset_ = nowhere;
    const std::uint64_t rest = offset < size_ ? size_ - offset : 0;
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(rest, window_.size()));
    const std::size_t filled = content_.read(offset, window_.data(), wanted);
    if (!size_known_ && filled < wanted) {
        size_ = offset + filled;
    }
    std::fill(window_.begin() + static_cast<std::ptrdiff_t>(filled), window_.end(),
              std::uint8_t{0});
    window_offset_ = offset;
}

std::uint64_t ImageReader::next_data(std::uint64_t offset) {
    if (!size_known_) {
        return offset;
    }
    if (offset < hole_start_ || offset >= data_.end) {
        hole_start_ = offset;
        data_ = content_.find_data(offset, size_);
    }
    return data_.start < size_ ? std::max(offset, data_.start) : nowhere;
}

std::uint64_t ImageReader::data_end() {
    std::uint64_t end = size_;
    while (end != 0) {
        const std::uint64_t start = (end - 1) / stride * stride;
        if (content_.find_data(start, size_).start < end) {
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
        if (content_.find_data(window, size_).start < end) {
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
