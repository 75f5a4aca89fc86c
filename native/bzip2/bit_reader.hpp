// Bits of a byte array, most significant first.
#pragma once

#include <cstddef>
#include <cstdint>

#include "bzip2/byte_words.hpp"

namespace imgadm::bzip2 {

// Small enough to be copied into a loop's registers and back. Reading goes on past the end of the
// data for up to padding_bytes bytes, which the array must really have. A caller that reads an
// unbounded number of bits must ask past_end() at least once in 8 * (padding_bytes - 16) of them.
class BitReader {
public:
    static constexpr std::size_t padding_bytes = 160;

    BitReader(const std::uint8_t *data, std::size_t begin_bit, std::size_t end_bit)
        : start_(data), next_(data + begin_bit / 8), end_bit_(end_bit) {
        refill();
        skip(static_cast<unsigned>(begin_bit % 8));
    }

    // Makes at least 56 bits available to peek() and skip().
    void refill() {
        window_ |= load_big64(next_) >> available_;
        next_ += (63 - available_) >> 3;
        available_ |= 56;
    }

    // 1 <= bits <= 56
    std::uint32_t peek(unsigned bits) const {
        return static_cast<std::uint32_t>(window_ >> (64 - bits));
    }

    void skip(unsigned bits) {
        window_ <<= bits;
        available_ -= bits;
    }

    // 1 <= bits <= 32
    std::uint32_t take(unsigned bits) {
        refill();
        const std::uint32_t value = peek(bits);
        skip(bits);
        return value;
    }

    std::size_t position() const {
        return static_cast<std::size_t>(next_ - start_) * 8 - available_;
    }

    bool past_end() const { return position() > end_bit_; }

private:
    const std::uint8_t *start_;
    const std::uint8_t *next_;
    std::size_t end_bit_;
    std::uint64_t window_ = 0;
    unsigned available_ = 0;
};

}  // namespace imgadm::bzip2
