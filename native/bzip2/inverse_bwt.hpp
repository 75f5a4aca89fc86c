// Undoes the Burrows-Wheeler transform of one block.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "bzip2/format.hpp"
#include "bzip2/storage.hpp"

namespace imgadm::bzip2 {

// The last column of the sorted rotations: `links[i]` holds the byte of row i in its low 8 bits
// and, above them, how many rows before i hold the same byte.
struct LastColumn {
    // A writer may go this far beyond the longest block before it must look at its count.
    static constexpr std::size_t slack = 512;

    Storage<std::uint32_t> links = make_storage<std::uint32_t>(max_block_length + slack);
    std::size_t length = 0;
    std::array<std::uint32_t, 256> occurrences{};
};

// Following the links of a block from its last byte back to its first is a walk through memory in
// random order, bound by latency. The walk is therefore begun at many rows at once: each piece ends
// where it meets the beginning of another, and the pieces are put in order afterwards.
class InverseBwt {
public:
    // Writes the block, `column.length` bytes, whose unrotated row is `origin` < column.length.
    // `column.links` is used up.
    void restore(LastColumn &column, std::size_t origin, std::uint8_t *block);

private:
    static constexpr unsigned lane_count = 16;
    static constexpr std::size_t chunk_words = 1024;
    static constexpr unsigned min_piece_shift = 6;
    static constexpr std::size_t max_pieces = 257;
    // Every piece may leave one chunk partly filled; one chunk takes what idle lanes write.
    static constexpr std::size_t max_chunks = max_block_length / chunk_words + max_pieces + 1;
    static constexpr std::uint32_t beginning_flag = std::uint32_t{1} << 31;
    static constexpr std::uint32_t no_piece = ~std::uint32_t{0};

    // The bytes of a piece come last to first, so its chunks fill from their ends.
    struct Piece {
        std::uint32_t previous;
        std::uint32_t newest_chunk;
        std::size_t used_in_newest;
        std::size_t length;
    };

    struct Lanes {
        std::array<std::uint32_t, lane_count> row;
        std::array<std::uint8_t *, lane_count> out;
        std::array<std::uint8_t *, lane_count> floor;
        std::array<std::uint32_t, lane_count> piece;
    };

    void plan(LastColumn &column, std::size_t origin);
    void walk(const LastColumn &column);
    void join(std::size_t length, std::uint8_t *block) const;

    void begin_piece(const LastColumn &column, unsigned lane);
    void end_piece(unsigned lane);
    void add_chunk(unsigned lane);
    std::uint8_t *chunk_end(std::uint32_t chunk) {
        return bytes_.get() + (chunk + 1) * chunk_words;
    }
    std::uint32_t piece_at(std::size_t row) const;
    std::size_t beginning_of(std::uint32_t piece) const;

    std::array<std::uint32_t, 256> first_row_{};
    unsigned piece_shift_ = 0;
    std::uint32_t origin_piece_ = 0;
    std::size_t origin_ = 0;
    std::uint32_t piece_count_ = 0;
    std::uint32_t pieces_begun_ = 0;
    unsigned lanes_walking_ = 0;
    Lanes lanes_{};
    std::array<Piece, max_pieces> pieces_{};
    std::array<std::uint32_t, max_chunks> older_chunk_{};
    Storage<std::uint8_t> bytes_ = make_storage<std::uint8_t>(max_chunks * chunk_words);
    std::uint32_t chunks_used_ = 0;
};

}  // namespace imgadm::bzip2
