#include "bzip2/block_decoder.hpp"

#include <algorithm>
#include <utility>

#include "bzip2/crc.hpp"
#include "bzip2/randomisation.hpp"

namespace imgadm::bzip2 {

Outcome BlockDecoder::decode(BitReader reader, const std::atomic<bool> &stop, Block &block) {
    reader.take(magic_bits / 2);
    reader.take(magic_bits / 2);
    block.stored_crc = reader.take(32);
    const bool randomised = reader.take(1) != 0;
    const std::uint32_t origin = reader.take(24);

    Outcome outcome = read_tables(reader);
    if (outcome == Outcome::decoded) outcome = read_column(reader);
    if (reader.past_end()) return Outcome::out_of_bits;
    if (outcome != Outcome::decoded) return outcome;
    if (origin >= column_.length) return Outcome::malformed;
    if (stop) return Outcome::stopped;

    inverse_.restore(column_, origin, block.bytes.get());
    block.length = column_.length;
    block.end_bit = reader.position();
    if (randomised) undo_randomisation(block.bytes.get(), block.length);
    if (stop) return Outcome::stopped;

    return expand_and_check(block) ? Outcome::decoded : Outcome::malformed;
}

// Reads the map of bytes in use, the selectors and the codes.
Outcome BlockDecoder::read_tables(BitReader &reader) {
    if (!read_bytes_in_use(reader)) return Outcome::malformed;
    const unsigned tables = reader.take(3);
    if (tables < min_tables || tables > max_tables) return Outcome::malformed;
    Outcome outcome = read_selectors(reader, tables);
    for (unsigned table = 0; table < tables && outcome == Outcome::decoded; ++table) {
        outcome = read_code_lengths(reader, codes_[table]);
    }
    return outcome;
}

bool BlockDecoder::read_bytes_in_use(BitReader &reader) {
    const std::uint32_t rows = reader.take(16);
    in_use_count_ = 0;
    for (unsigned row = 0; row < 16; ++row) {
        if (!(rows >> (15 - row) & 1)) continue;
        const std::uint32_t bytes = reader.take(16);
        for (unsigned column = 0; column < 16; ++column) {
            if (bytes >> (15 - column) & 1) {
                in_use_[in_use_count_++] = static_cast<std::uint8_t>(16 * row + column);
            }
        }
    }
    return in_use_count_ != 0;
}

Outcome BlockDecoder::read_selectors(BitReader &reader, unsigned tables) {
    const std::size_t count = reader.take(15);
    if (count == 0) return Outcome::malformed;
    std::array<std::uint8_t, max_tables> list{0, 1, 2, 3, 4, 5};
    for (std::size_t i = 0; i < count; ++i) {
        unsigned index = 0;
        while (reader.take(1)) {
            if (++index == tables) return Outcome::malformed;
        }
        std::rotate(list.begin(), list.begin() + index, list.begin() + index + 1);
        if (i < max_selectors) selectors_[i] = list[0];
        if (reader.past_end()) return Outcome::out_of_bits;
    }
    selector_count_ = std::min(count, max_selectors);
    return Outcome::decoded;
}

Outcome BlockDecoder::read_code_lengths(BitReader &reader, PrefixCode &code) {
    const unsigned alphabet = in_use_count_ + 2;
    std::array<std::uint8_t, max_alphabet> lengths;
    unsigned length = reader.take(5);
    for (unsigned symbol = 0; symbol < alphabet; ++symbol) {
        while (true) {
            if (reader.past_end()) return Outcome::out_of_bits;
            if (length < 1 || length > max_code_length) return Outcome::malformed;
            if (!reader.take(1)) break;
            length += reader.take(1) ? -1u : 1u;
        }
        lengths[symbol] = static_cast<std::uint8_t>(length);
    }
    code.build(lengths.data(), alphabet);
    return Outcome::decoded;
}

Outcome BlockDecoder::read_column(BitReader &reader) {
    column_.length = 0;
    column_.occurrences.fill(0);
    list_.reset(in_use_.data(), in_use_count_);
    run_weight_ = 0;
    for (std::size_t group = 0; group < selector_count_; ++group) {
        std::array<std::uint16_t, group_length + 1> symbols;
        const unsigned count = codes_[selectors_[group]].decode_group(reader, symbols.data());
        if (reader.past_end()) return Outcome::out_of_bits;
        if (count == PrefixCode::invalid_symbol) return Outcome::malformed;
        if (!add_to_column(symbols.data(), count)) return Outcome::malformed;
        if (count < group_length) return Outcome::decoded;
    }
    return Outcome::malformed;
}

// Symbols 0 and 1 are digits, least first, of how often the byte at the front of the list repeats;
// symbol s + 1 is one occurrence of the byte at index s. Both are taken the same way here, without
// a branch between them that could not be predicted: a digit d of weight w is d * w occurrences of
// the byte at index 0. Returns whether the column is within its limit.
bool BlockDecoder::add_to_column(const std::uint16_t *symbols, unsigned count) {
    static_assert(LastColumn::slack >= 4 * (group_length + 1), "four links may go beyond");
    std::uint32_t *const links = column_.links.get();
    std::uint32_t *const occurrences = column_.occurrences.data();
    std::size_t length = column_.length;
    unsigned weight = run_weight_;
    MoveToFront &list = list_;
    for (unsigned i = 0; i < count; ++i) {
        const std::uint32_t symbol = symbols[i];
        const bool digit = symbol < 2;
        const std::uint32_t repeat = digit ? (symbol + 1) << weight : 1;
        weight = digit ? weight + 1 : 0;
        const std::uint8_t byte = list.take(digit ? 0 : symbol - 1);
        const std::uint32_t seen = occurrences[byte];
        occurrences[byte] = seen + repeat;
        const std::uint32_t link = seen << 8 | byte;
        for (std::uint32_t k = 0; k < 4; ++k) links[length + k] = link + (k << 8);
        if (repeat > 4) {
            if (repeat > max_block_length - std::min(length, max_block_length)) return false;
            for (std::uint32_t k = 4; k < repeat; ++k) links[length + k] = link + (k << 8);
        }
        length += repeat;
    }
    run_weight_ = weight;
    column_.length = length;
    return length <= max_block_length;
}

// Expands what there is room for, and the rest for its checksum only. Returns whether the block
// ends where a run may end.
bool BlockDecoder::expand_and_check(Block &block) {
    block.rest = RunExpander(block.bytes.get(), block.length);
    block.expanded_length = block.rest.expand(block.expanded.get(), Block::expanded_bytes);
    std::uint32_t crc = update_crc(crc_start, block.expanded.get(), block.expanded_length);
    RunExpander unstored = block.rest;
    while (!unstored.finished()) {
        std::array<std::uint8_t, 16384> passing;
        crc = update_crc(crc, passing.data(), unstored.expand(passing.data(), passing.size()));
    }
    block.actual_crc = ~crc;
    return !unstored.lacks_count();
}

}  // namespace imgadm::bzip2
