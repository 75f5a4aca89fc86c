#include "bzip2/run_expander.hpp"

#include <algorithm>
#include <cstring>

#include "bzip2/byte_words.hpp"

namespace imgadm::bzip2 {

namespace {

constexpr std::size_t run_length_before_count = 4;

// Bit 8 * i + 7 is set where bytes i to i + 3 are equal, for i up to starts_per_word - 1.
constexpr unsigned starts_per_word = 6;

std::uint64_t run_starts(const std::uint8_t *bytes) {
    constexpr std::uint64_t low_seven = 0x7f7f7f7f7f7f7f7f;
    const std::uint64_t differ = load_little64(bytes) ^ load_little64(bytes + 1);
    const std::uint64_t same = ~(((differ & low_seven) + low_seven) | differ | low_seven);
    return same & (same >> 8) & (same >> 16);
}

}  // namespace

std::uint8_t *RunExpander::continue_run(std::uint8_t *to, const std::uint8_t *limit) {
    const std::size_t count = std::min(run_left_, static_cast<std::size_t>(limit - to));
    std::memset(to, run_byte_, count);
    run_left_ -= count;
    return to + count;
}

std::size_t RunExpander::expand(std::uint8_t *to, std::size_t room) {
    constexpr std::size_t window = 16;
    std::uint8_t *const begin = to;
    const std::uint8_t *const limit = to + room;
    to = continue_run(to, limit);
    // Every turn begins outside a run, so that four equal bytes ahead are always a run's beginning.
    while (to != limit && next_ != end_ && !lacks_count_) {
        const auto ahead = static_cast<std::size_t>(end_ - next_);
        if (ahead >= window && static_cast<std::size_t>(limit - to) >= window) {
            const std::uint64_t starts = run_starts(next_);
            std::memcpy(to, next_, sizeof starts);
            if (starts == 0) {
                next_ += starts_per_word;
                to += starts_per_word;
                continue;
            }
            const auto literals = static_cast<unsigned>(__builtin_ctzll(starts)) / 8;
            next_ += literals;
            to += literals;
        } else if (ahead < run_length_before_count || next_[0] != next_[1] ||
                   next_[1] != next_[2] || next_[2] != next_[3]) {
            *to++ = *next_++;
            continue;
        } else if (ahead == run_length_before_count) {
            lacks_count_ = true;
            break;
        }
        run_byte_ = next_[0];
        run_left_ = run_length_before_count + next_[run_length_before_count];
        next_ += run_length_before_count + 1;
        to = continue_run(to, limit);
    }
    return static_cast<std::size_t>(to - begin);
}

}  // namespace imgadm::bzip2
