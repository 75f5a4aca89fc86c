#include "bzip2/inverse_bwt.hpp"

#include <algorithm>
#include <cstring>

namespace imgadm::bzip2 {

void InverseBwt::restore(LastColumn &column, std::size_t origin, std::uint8_t *block) {
    plan(column, origin);
    walk(column);
    join(column.length, block);
}

// Chooses and marks the rows where pieces begin: every 2^piece_shift_-th, and the origin.
void InverseBwt::plan(LastColumn &column, std::size_t origin) {
    std::uint32_t row = 0;
    for (unsigned byte = 0; byte < 256; ++byte) {
        first_row_[byte] = row;
        row += column.occurrences[byte];
    }

    piece_shift_ = min_piece_shift;
    while ((column.length - 1) >> piece_shift_ >= max_pieces - 1) ++piece_shift_;
    const auto regular = static_cast<std::uint32_t>(((column.length - 1) >> piece_shift_) + 1);
    const bool origin_is_regular = (origin >> piece_shift_) << piece_shift_ == origin;
    origin_ = origin;
    origin_piece_ =
        origin_is_regular ? static_cast<std::uint32_t>(origin >> piece_shift_) : regular;

    piece_count_ = regular + (origin_is_regular ? 0 : 1);
    for (std::uint32_t piece = 0; piece < piece_count_; ++piece) {
        column.links[beginning_of(piece)] |= beginning_flag;
    }
    // A row that leads to itself, for lanes that have nothing left to do.
    column.links[column.length] = static_cast<std::uint32_t>(column.length) << 8;

    chunks_used_ = 1;
    pieces_begun_ = 0;
}

std::size_t InverseBwt::beginning_of(std::uint32_t piece) const {
    return piece == origin_piece_ ? origin_ : std::size_t{piece} << piece_shift_;
}

std::uint32_t InverseBwt::piece_at(std::size_t row) const {
    return row == origin_ ? origin_piece_ : static_cast<std::uint32_t>(row >> piece_shift_);
}

void InverseBwt::add_chunk(unsigned lane) {
    const std::uint32_t chunk = chunks_used_++;
    Piece &piece = pieces_[lanes_.piece[lane]];
    older_chunk_[chunk] = piece.newest_chunk;
    piece.newest_chunk = chunk;
    piece.length += chunk_words;
    lanes_.out[lane] = chunk_end(chunk);
    lanes_.floor[lane] = lanes_.out[lane] - chunk_words;
}

void InverseBwt::begin_piece(const LastColumn &column, unsigned lane) {
    if (pieces_begun_ == piece_count_) {
        // This lane is idle from now on; no code reads the bytes that it writes.
        lanes_.piece[lane] = no_piece;
        lanes_.row[lane] = static_cast<std::uint32_t>(column.length);
        lanes_.out[lane] = chunk_end(0);
        lanes_.floor[lane] = bytes_.get();
        return;
    }
    ++lanes_walking_;
    const std::uint32_t piece = pieces_begun_++;
    pieces_[piece] = Piece{no_piece, no_piece, 0, 0};
    lanes_.piece[lane] = piece;
    add_chunk(lane);
    const std::uint32_t link = column.links[beginning_of(piece)] & ~beginning_flag;
    *--lanes_.out[lane] = static_cast<std::uint8_t>(link);
    lanes_.row[lane] = first_row_[link & 0xff] + (link >> 8);
}

void InverseBwt::end_piece(unsigned lane) {
    Piece &piece = pieces_[lanes_.piece[lane]];
    piece.previous = piece_at(lanes_.row[lane]);
    const auto unused = static_cast<std::size_t>(lanes_.out[lane] - lanes_.floor[lane]);
    piece.used_in_newest = chunk_words - unused;
    piece.length -= unused;
    --lanes_walking_;
}

void InverseBwt::walk(const LastColumn &column) {
    const std::uint32_t *const links = column.links.get();
    lanes_walking_ = 0;
    for (unsigned lane = 0; lane < lane_count; ++lane) begin_piece(column, lane);

    while (lanes_walking_ != 0) {
        auto row = lanes_.row;
        const auto out = lanes_.out;
        std::ptrdiff_t room = chunk_words;
        for (unsigned lane = 0; lane < lane_count; ++lane) {
            room = std::min(room, out[lane] - lanes_.floor[lane]);
        }
        std::ptrdiff_t step = 0;
        while (step < room) {
            std::array<std::uint32_t, lane_count> link;
            std::uint32_t any = 0;
            for (unsigned lane = 0; lane < lane_count; ++lane) {
                link[lane] = links[row[lane]];
                any |= link[lane];
            }
            if (any & beginning_flag) break;
            ++step;
            for (unsigned lane = 0; lane < lane_count; ++lane) {
                out[lane][-step] = static_cast<std::uint8_t>(link[lane]);
                row[lane] = first_row_[link[lane] & 0xff] + (link[lane] >> 8);
            }
        }
        lanes_.row = row;
        for (unsigned lane = 0; lane < lane_count; ++lane) {
            lanes_.out[lane] -= step;
            if (links[row[lane]] & beginning_flag) {
                end_piece(lane);
                begin_piece(column, lane);
            } else if (lanes_.out[lane] == lanes_.floor[lane]) {
                if (lanes_.piece[lane] == no_piece) {
                    lanes_.out[lane] = chunk_end(0);
                } else {
                    add_chunk(lane);
                }
            }
        }
    }
}

// Goes from the piece that ends the block back to the one that begins it. A block that repeats a
// shorter string has its rows in several cycles: the one of the origin is the string.
void InverseBwt::join(std::size_t length, std::uint8_t *block) const {
    std::size_t left = length;
    std::uint32_t next = origin_piece_;
    do {
        const Piece &piece = pieces_[next];
        left -= piece.length;
        std::uint8_t *to = block + left;
        std::size_t used = piece.used_in_newest;
        for (std::uint32_t chunk = piece.newest_chunk; chunk != no_piece;
             chunk = older_chunk_[chunk]) {
            std::memcpy(to, bytes_.get() + (chunk + 1) * chunk_words - used, used);
            to += used;
            used = chunk_words;
        }
        next = piece.previous;
    } while (next != origin_piece_);

    if (left != 0) {
        std::size_t done = length - left;
        std::memmove(block, block + left, done);
        while (done < length) {
            const std::size_t copied = std::min(done, length - done);
            std::memcpy(block + done, block, copied);
            done += copied;
        }
    }
}

}  // namespace imgadm::bzip2
