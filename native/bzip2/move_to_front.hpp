// The move-to-front list of a block.
#pragma once

#include <array>
#include <cstdint>
#include <cstring>

namespace imgadm::bzip2 {

// The first eight bytes live in one word, where a move is a few shifts; the rest lie in memory.
class MoveToFront {
public:
    // Fills the list with `count` bytes in use; the rest of it is never asked for.
    void reset(const std::uint8_t *bytes, unsigned count) {
        std::array<std::uint8_t, 256> all{};
        std::memcpy(all.data(), bytes, count);
        front_ = 0;
        for (unsigned i = 0; i < front_length; ++i) {
            front_ |= std::uint64_t{all[i]} << (8 * i);
        }
        std::memcpy(rest_.data() + pad_bytes, all.data() + front_length, all.size() - front_length);
    }

    // The byte at `index`, 0 to 255, which goes to the front.
    std::uint8_t take(unsigned index) {
        if (index >= front_length) return take_from_rest(index - front_length);
        const unsigned shift = 8 * index;
        const std::uint64_t moved = ~std::uint64_t{0} >> (56 - shift);
        const auto byte = static_cast<std::uint8_t>(front_ >> shift);
        front_ = (front_ & ~moved) | ((front_ << 8) & moved) | byte;
        return byte;
    }

private:
    static constexpr unsigned front_length = 8;
    static constexpr unsigned pad_bytes = 16;

    // Moves whole pieces of 16 bytes, from the back; the last may begin in the padding.
    std::uint8_t take_from_rest(unsigned index) {
        std::uint8_t *list = rest_.data() + pad_bytes;
        const std::uint8_t byte = list[index];
        std::uint8_t *piece = list + index;
        do {
            piece -= pad_bytes;
            std::array<std::uint8_t, pad_bytes> copy;
            std::memcpy(copy.data(), piece, pad_bytes);
            std::memcpy(piece + 1, copy.data(), pad_bytes);
        } while (piece > list);
        list[0] = static_cast<std::uint8_t>(front_ >> 56);
        front_ = front_ << 8 | byte;
        return byte;
    }

    std::uint64_t front_ = 0;
    std::array<std::uint8_t, pad_bytes + 256 - front_length> rest_{};
};

}  // namespace imgadm::bzip2
