#include "bzip2/input.hpp"

#include <algorithm>

#include "bzip2/format.hpp"
#include "bzip2/magic_scanner.hpp"

namespace imgadm::bzip2 {

void Input::append(const std::uint8_t *bytes, std::size_t length) {
    total_bytes_ += length;
    if (ignoring_) return;
    bytes_.insert(bytes_.end(), bytes, bytes + length);

    std::vector<std::size_t> found;
    find_magics(bytes_.data(), bytes_.size(), searched_ - base_ * 8, found);
    for (const std::size_t bit : found) magics_.push_back(base_ * 8 + bit);
    if (end() >= magic_bits) searched_ = std::max(searched_, end() - magic_bits + 1);
}

std::uint64_t Input::bits(std::uint64_t begin, unsigned count) const {
    std::uint64_t value = 0;
    const std::uint64_t end = begin + count;
    for (std::uint64_t bit = begin; bit < end;) {
        const auto within = static_cast<unsigned>(bit % 8);
        const unsigned taken =
            static_cast<unsigned>(std::min<std::uint64_t>(8 - within, end - bit));
        const unsigned byte = bytes_[bit / 8 - base_];
        value = value << taken | (byte >> (8 - within - taken) & ((1u << taken) - 1));
        bit += taken;
    }
    return value;
}

void Input::copy(std::uint64_t begin, std::uint64_t end, std::size_t padding,
                 std::vector<std::uint8_t> &to) const {
    const auto first = bytes_.begin() + static_cast<std::ptrdiff_t>(begin / 8 - base_);
    const auto last = bytes_.begin() + static_cast<std::ptrdiff_t>((end + 7) / 8 - base_);
    to.assign(first, last);
    to.resize(to.size() + padding);
}

void Input::discard(std::uint64_t begin) {
    searched_ = std::max(searched_, begin);
    while (!magics_.empty() && magics_.front() < begin) magics_.pop_front();
    // Moving the rest to the front is worth it once there is not more of it than of what goes.
    const std::uint64_t gone = begin / 8 - base_;
    if (gone * 2 < bytes_.size()) return;
    bytes_.erase(bytes_.begin(), bytes_.begin() + static_cast<std::ptrdiff_t>(gone));
    base_ += gone;
}

void Input::ignore_rest() {
    ignoring_ = true;
    bytes_.clear();
    bytes_.shrink_to_fit();
    magics_.clear();
}

}  // namespace imgadm::bzip2
