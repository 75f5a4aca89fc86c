// Numbers of the bzip2 format, as its reference implementation (bzip2 1.0.8) reads it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imgadm::bzip2 {

constexpr std::uint64_t kBlockMagic = 0x314159265359;
constexpr std::uint64_t kEndMagic = 0x177245385090;
constexpr unsigned kMagicBits = 48;

constexpr std::size_t kStreamHeaderBytes = 4;
constexpr std::size_t kBlockUnit = 100000;
constexpr std::size_t kMaxBlockLength = 9 * kBlockUnit;

constexpr unsigned kGroupLength = 50;
constexpr unsigned kMinTables = 2;
constexpr unsigned kMaxTables = 6;
constexpr unsigned kMaxAlphabet = 258;
constexpr unsigned kMaxCodeLength = 20;
// More selectors than this cannot be used by a block; the reference reads and forgets the rest.
constexpr std::size_t kMaxSelectors = kMaxBlockLength / kGroupLength + 2;

// No block takes more: header and map, 15-bit count of selectors of six bits, six tables whose
// lengths wander across their range at every symbol, and the longest code for every byte.
constexpr std::size_t kMaxCompressedBlockBytes =
    (48 + 32 + 25 + 272 + 18 + 32768 * 6 + kMaxTables * kMaxAlphabet * (2 * kMaxCodeLength + 6) +
     (kMaxBlockLength + kGroupLength) * kMaxCodeLength) / 8 + 1;

}  // namespace imgadm::bzip2
