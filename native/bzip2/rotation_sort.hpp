// The Burrows-Wheeler transform of a block: its rotations, sorted.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bzip2/format.hpp"
#include "bzip2/storage.hpp"

namespace imgadm::bzip2 {

// Sorts the rotations that begin a rise after a fall ("left-most S" of induced sorting: Nong, Zhang
// and Chan 2009), about a third, by comparing them, and infers the order of all others from theirs
// in two passes. Equal rotations of a periodic block come in any order, which changes nothing.
class RotationSort {
public:
    explicit RotationSort(std::size_t capacity);

    // Where to put the block.
    std::uint8_t *text() { return text_; }

    // Writes the last column of the sorted rotations of the `length` bytes that are in text(), at
    // least one. Returns the row that is the block itself.
    std::uint32_t transform(std::uint32_t length, std::uint8_t *last_column);

private:
    struct Group {
        std::uint32_t begin;
        std::uint32_t end;
    };

    bool find_seeds();
    void sort_seeds();
    void sort_by_text(std::uint32_t begin, std::uint32_t end, std::uint32_t depth);
    void split_by_text(std::uint32_t begin, std::uint32_t end, std::uint32_t depth);
    bool comparable_by_ranks(std::uint32_t begin, std::uint32_t end, std::uint32_t depth) const;
    void sort_by_ranks();
    std::uint32_t distance_to_next(std::uint32_t seed) const;
    std::uint64_t text_key(std::uint32_t seed, std::uint32_t depth) const;
    void induce_falls();
    std::uint32_t induce_rises(std::uint8_t *last_column);
    std::uint32_t entry_before(std::uint32_t position) const;

    std::vector<std::uint8_t> padded_;
    std::uint8_t *text_;
    std::uint32_t length_ = 0;

    // Positions of seeds in the order of the text, their ranks so far, and the seeds in sorted
    // order: the lower bits are the number of a seed, the higher ones its sort key.
    Storage<std::uint32_t> seeds_;
    Storage<std::uint32_t> ranks_;
    Storage<std::uint64_t> sorted_;
    std::uint32_t seed_count_ = 0;
    std::vector<Group> unsorted_;
    // By first byte: where the sorted seeds begin, and the rotations.
    std::array<std::uint32_t, 257> seeds_of_;
    std::array<std::uint32_t, 257> rows_of_;
    // Of the rotations that fall and that rise, the first row behind and the first row.
    std::array<std::uint32_t, 256> falls_end_;
    std::array<std::uint32_t, 256> rises_begin_;
    // Sorted rotations: the lower bits are the position, the higher ones the byte before it.
    Storage<std::uint32_t> rows_;
};

}  // namespace imgadm::bzip2
