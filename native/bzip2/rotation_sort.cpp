#include "bzip2/rotation_sort.hpp"

#include <algorithm>

#include "bzip2/byte_words.hpp"

namespace imgadm::bzip2 {

namespace {

// Positions and seeds are numbers below 2^20.
constexpr unsigned number_bits = 20;
constexpr std::uint32_t number_mask = (1u << number_bits) - 1;
static_assert(max_block_length <= number_mask);

// Bytes that seeds are sorted by at once: by their bucket, then in one key.
constexpr std::uint32_t bucket_bytes = 2;
constexpr std::uint32_t key_bytes = 5;

// Bytes by which seeds are compared at least, before the ranks of the seeds behind them decide.
constexpr std::uint32_t text_depth = bucket_bytes + key_bytes;

// The text goes on with its beginning for as long as a key, read as a word, may reach.
constexpr std::size_t padding_bytes = 16;

}  // namespace

RotationSort::RotationSort(std::size_t capacity)
    : padded_(1 + capacity + padding_bytes), text_(padded_.data() + 1),
      seeds_(make_storage<std::uint32_t>(capacity / 2 + 2)),
      ranks_(make_storage<std::uint32_t>(capacity / 2 + 2)),
      sorted_(make_storage<std::uint64_t>(capacity / 2 + 2)),
      rows_(make_storage<std::uint32_t>(capacity)) {}

std::uint32_t RotationSort::transform(std::uint32_t length, std::uint8_t *last_column) {
    length_ = length;
    text_[-1] = text_[length - 1];
    for (std::size_t at = 0; at < padding_bytes; ++at) text_[length + at] = text_[at % length];
    if (!find_seeds()) {
        std::copy_n(text_, length, last_column);  // one byte again and again
        return 0;
    }
    sort_seeds();
    induce_falls();
    return induce_rises(last_column);
}

// A rotation rises if the next one, which it has in it, is greater than itself, and falls if less.
bool RotationSort::find_seeds() {
    rows_of_.fill(0);
    for (std::uint32_t at = 0; at < length_; ++at) ++rows_of_[text_[at] + 1u];
    for (unsigned byte = 0; byte < 256; ++byte) rows_of_[byte + 1] += rows_of_[byte];

    const std::uint8_t final_byte = text_[length_ - 1];
    std::uint32_t other = 0;
    while (other < length_ && text_[other] == final_byte) ++other;
    if (other == length_) return false;
    bool rises = final_byte < text_[other];
    const bool final_rises = rises;

    // From the end, so that they are collected at the end of their storage first.
    std::uint32_t free = length_ / 2 + 2;
    const std::uint32_t storage_end = free;
    for (std::uint32_t at = length_ - 1; at-- > 0;) {
        const std::uint8_t byte = text_[at], next = text_[at + 1];
        const bool rises_here = (byte < next) | ((byte == next) & rises);
        // Written in any case, as no branch predictor knows; it counts where a fall meets a rise.
        seeds_[free - 1] = at + 1;
        free -= static_cast<std::uint32_t>(rises & !rises_here);
        rises = rises_here;
    }
    if (rises && !final_rises) seeds_[--free] = 0;
    seed_count_ = storage_end - free;
    std::copy(&seeds_[free], &seeds_[0] + storage_end, &seeds_[0]);
    return true;
}

std::uint32_t RotationSort::distance_to_next(std::uint32_t seed) const {
    return seed + 1 < seed_count_ ? seeds_[seed + 1] - seeds_[seed]
                                  : seeds_[0] + length_ - seeds_[seed];
}

// The bytes of the rotation from `depth` on, above the number of the seed.
std::uint64_t RotationSort::text_key(std::uint32_t seed, std::uint32_t depth) const {
    std::uint32_t at = seeds_[seed] + depth;
    if (at >= length_) at %= length_;
    const std::uint64_t word = load_big64(text_ + at);
    return word >> (64 - 8 * key_bytes) << number_bits | seed;
}

void RotationSort::sort_seeds() {
    std::vector<std::uint32_t> ends(1u << 16);
    const auto bucket_of = [this](std::uint32_t at) {
        return static_cast<std::uint32_t>(text_[at] << 8 | text_[at + 1]);
    };
    for (std::uint32_t seed = 0; seed < seed_count_; ++seed) ++ends[bucket_of(seeds_[seed])];
    std::uint32_t begin = 0;
    for (std::uint32_t bucket = 0; bucket < ends.size(); ++bucket) {
        if (bucket % 256 == 0) seeds_of_[bucket / 256] = begin;
        const std::uint32_t count = ends[bucket];
        ends[bucket] = begin;
        begin += count;
    }
    seeds_of_[256] = begin;
    for (std::uint32_t seed = 0; seed < seed_count_; ++seed) {
        sorted_[ends[bucket_of(seeds_[seed])]++] = text_key(seed, bucket_bytes);
    }
    unsorted_.clear();
    begin = 0;
    for (const std::uint32_t end : ends) {
        if (begin != end) sort_by_text(begin, end, bucket_bytes + key_bytes);
        begin = end;
    }
    sort_by_ranks();
}

// Sorts by keys that end at `depth`, then what they leave equal.
void RotationSort::sort_by_text(std::uint32_t begin, std::uint32_t end, std::uint32_t depth) {
    if (end - begin > 1) std::sort(&sorted_[begin], &sorted_[0] + end);
    for (std::uint32_t first = begin; first < end;) {
        const std::uint64_t key = sorted_[first] >> number_bits;
        std::uint32_t last = first + 1;
        while (last < end && sorted_[last] >> number_bits == key) ++last;
        if (last - first > 1) {
            split_by_text(first, last, depth);
        } else {
            ranks_[sorted_[first] & number_mask] = first;
        }
        first = last;
    }
}

// Goes on with seeds that are equal up to `depth`.
void RotationSort::split_by_text(std::uint32_t begin, std::uint32_t end, std::uint32_t depth) {
    if (depth >= text_depth && comparable_by_ranks(begin, end, depth)) {
        for (std::uint32_t at = begin; at < end; ++at) {
            ranks_[sorted_[at] & number_mask] = begin;
        }
        unsorted_.push_back({begin, end});
        return;
    }
    for (std::uint32_t at = begin; at < end; ++at) {
        sorted_[at] = text_key(sorted_[at] & number_mask, depth);
    }
    sort_by_text(begin, end, depth + key_bytes);
}

// Whether equal seeds are equal up to their next seeds, so that those can stand for the rest.
bool RotationSort::comparable_by_ranks(std::uint32_t begin, std::uint32_t end,
                                       std::uint32_t depth) const {
    const std::uint32_t distance = distance_to_next(sorted_[begin] & number_mask);
    if (distance > depth) return false;
    for (std::uint32_t at = begin + 1; at < end; ++at) {
        if (distance_to_next(sorted_[at] & number_mask) != distance) return false;
    }
    return true;
}

// Doubles the number of seeds that the order is right for, until it is for all (Larsson and
// Sadakane 2007). What is equal after the whole block is equal for good.
void RotationSort::sort_by_ranks() {
    std::vector<Group> groups;
    for (std::uint32_t step = 1; !unsorted_.empty() && step < seed_count_; step *= 2) {
        groups.swap(unsorted_);
        unsorted_.clear();
        for (const Group group : groups) {
            for (std::uint32_t at = group.begin; at < group.end; ++at) {
                const std::uint32_t seed = sorted_[at] & number_mask;
                std::uint32_t other = seed + step;
                if (other >= seed_count_) other -= seed_count_;
                sorted_[at] = std::uint64_t{ranks_[other]} << number_bits | seed;
            }
            std::sort(&sorted_[group.begin], &sorted_[0] + group.end);
            for (std::uint32_t first = group.begin; first < group.end;) {
                const std::uint64_t key = sorted_[first] >> number_bits;
                std::uint32_t last = first;
                for (; last < group.end && sorted_[last] >> number_bits == key; ++last) {
                    ranks_[sorted_[last] & number_mask] = first;
                }
                if (last - first > 1) unsorted_.push_back({first, last});
                first = last;
            }
        }
    }
}

// What a row says of the rotation that begins one byte before `position`.
std::uint32_t RotationSort::entry_before(std::uint32_t position) const {
    const std::uint32_t before = (position == 0 ? length_ : position) - 1;
    return std::uint32_t{text_[static_cast<std::int32_t>(before) - 1]} << number_bits | before;
}

// Every rotation that falls is one byte and a smaller rotation, which comes earlier: in order.
void RotationSort::induce_falls() {
    std::copy_n(rows_of_.begin(), 256, falls_end_.begin());
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        for (std::uint32_t row = rows_of_[byte]; row < falls_end_[byte]; ++row) {
            const std::uint32_t before = rows_[row] >> number_bits;
            if (before >= byte) {
                rows_[falls_end_[before]++] = entry_before(rows_[row] & number_mask);
            }
        }
        for (std::uint32_t at = seeds_of_[byte]; at < seeds_of_[byte + 1]; ++at) {
            const std::uint32_t position = seeds_[sorted_[at] & number_mask];
            rows_[falls_end_[text_[static_cast<std::int32_t>(position) - 1]]++] =
                entry_before(position);
        }
    }
}

// And every one that rises is a byte and a greater rotation: from the end.
std::uint32_t RotationSort::induce_rises(std::uint8_t *last_column) {
    std::uint32_t whole_block = 0;
    std::copy_n(rows_of_.begin() + 1, 256, rises_begin_.begin());
    for (std::uint32_t byte = 256; byte-- > 0;) {
        std::uint32_t row = rows_of_[byte + 1];
        const auto take = [&](bool rises) {
            const std::uint32_t entry = rows_[--row];
            const std::uint32_t before = entry >> number_bits, position = entry & number_mask;
            last_column[row] = static_cast<std::uint8_t>(before);
            if (position == 0) whole_block = row;
            if (before < byte || (rises && before == byte)) {
                rows_[--rises_begin_[before]] = entry_before(position);
            }
        };
        while (row > rises_begin_[byte]) take(true);
        while (row > rows_of_[byte]) take(false);
    }
    return whole_block;
}

}  // namespace imgadm::bzip2
