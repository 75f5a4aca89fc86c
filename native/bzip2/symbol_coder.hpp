// The second half of compressing a block: its last column as ranks, runs and prefix codes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "bzip2/bit_writer.hpp"
#include "bzip2/format.hpp"
#include "bzip2/storage.hpp"

namespace imgadm::bzip2 {

class SymbolCoder {
public:
    explicit SymbolCoder(std::size_t capacity);

    // Writes what follows the header of a block: the bytes in use, the codes, and the symbols.
    void write(const std::uint8_t *last_column, std::size_t length, BitWriter &writer);

private:
    using Lengths = std::array<std::uint8_t, max_alphabet>;

    void note_bytes_in_use(const std::uint8_t *last_column, std::size_t length);
    void move_to_front(const std::uint8_t *last_column, std::size_t length);
    void add(unsigned symbol);
    void add_run(std::size_t length);
    void choose_codes();
    void guess_codes();
    void improve_codes();
    void write_map(BitWriter &writer) const;
    void write_selectors(BitWriter &writer) const;
    void write_codes(BitWriter &writer) const;
    void write_symbols(BitWriter &writer) const;

    std::array<bool, 256> in_use_;
    unsigned alphabet_ = 0;
    Storage<std::uint16_t> symbols_;
    std::size_t symbol_count_ = 0;
    std::array<std::uint32_t, max_alphabet> frequencies_;
    unsigned table_count_ = 0;
    std::array<Lengths, max_tables> lengths_;
    std::vector<std::uint8_t> selectors_;
};

}  // namespace imgadm::bzip2
