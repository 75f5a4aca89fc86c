// Numbers of the bzip2 format, as its reference implementation (bzip2 1.0.8) reads it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imgadm::bzip2 {

constexpr std::uint64_t block_magic = 0x314159265359;
constexpr std::uint64_t end_magic = 0x177245385090;
constexpr unsigned magic_bits = 48;

constexpr std::size_t stream_header_bytes = 4;
constexpr std::size_t block_unit = 100000;
constexpr std::size_t max_block_length = 9 * block_unit;

constexpr unsigned group_length = 50;
constexpr unsigned min_tables = 2;
constexpr unsigned max_tables = 6;
constexpr unsigned max_alphabet = 258;
constexpr unsigned max_code_length = 20;
// More selectors than this cannot be used by a block; the reference reads and forgets the rest.
constexpr std::size_t max_selectors = max_block_length / group_length + 2;

// No block takes more: header and map, 15-bit count of selectors of six bits, six tables whose
// lengths wander across their range at every symbol, and the longest code for every byte.
constexpr std::size_t max_compressed_block_bytes =
    (48 + 32 + 25 + 272 + 18 + 32768 * 6 + max_tables * max_alphabet * (2 * max_code_length + 6) +
     (max_block_length + group_length) * max_code_length) /
        8 +
    1;

}  // namespace imgadm::bzip2
