// One of a block's prefix codes: canonical Huffman codes of up to 20 bits.
#pragma once

#include <array>
#include <cstdint>

#include "bzip2/bit_reader.hpp"
#include "bzip2/format.hpp"

namespace imgadm::bzip2 {

// Decodes a group of symbols with one look-up for every two short codes. Codes that do not fill
// the code space and codes that overfill it mean what they mean to the reference implementation.
class PrefixCode {
public:
    static constexpr unsigned invalid_symbol = ~0u;

    // The alphabet's last symbol ends the block. Every length is 1 to max_code_length.
    void build(const std::uint8_t *lengths, unsigned alphabet);

    // Writes group_length symbols, or fewer where the block ends: then the reader stands behind
    // the end symbol, which is not written. Returns how many, or invalid_symbol for an unassigned
    // code. There must be room for one symbol more.
    unsigned decode_group(BitReader &reader, std::uint16_t *symbols) const;

private:
    static constexpr unsigned lookup_bits = 10;

    // A look-up entry, from the low bit: 9 bits first symbol, 9 bits second, 4 bits length of the
    // first code, 2 bits count of symbols, unused, 5 bits length of all; zero means take_long().
    static constexpr unsigned second_shift = 9;
    static constexpr unsigned first_length_shift = 18;
    static constexpr unsigned count_shift = 22;
    static constexpr unsigned length_shift = 27;
    static constexpr std::uint32_t symbol_mask = 0x1ff;

    static unsigned accept(std::uint32_t entry, BitReader &reader, std::uint16_t *symbols);
    unsigned take_long(BitReader &reader) const;

    std::array<std::uint32_t, 1u << lookup_bits> entries_;
    std::array<std::uint16_t, max_alphabet> by_code_;
    // Per length: the first code, how many codes, and where by_code_ lists them.
    std::array<std::uint32_t, max_code_length + 1> first_;
    std::array<std::uint16_t, max_code_length + 1> count_;
    std::array<std::uint16_t, max_code_length + 1> listed_;
    unsigned end_symbol_ = 0;
};

}  // namespace imgadm::bzip2
