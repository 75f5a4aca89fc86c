// Decodes one block, given the bits in which it lies.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>

#include "bzip2/bit_reader.hpp"
#include "bzip2/inverse_bwt.hpp"
#include "bzip2/move_to_front.hpp"
#include "bzip2/prefix_code.hpp"
#include "bzip2/run_expander.hpp"
#include "bzip2/storage.hpp"

namespace imgadm::bzip2 {

enum class Outcome { decoded, out_of_bits, malformed, stopped };

// A decoded block. Only its first bytes are expanded. If runs make it longer, the reader of the
// block expands the rest, so a block never needs more memory than this.
struct Block {
    static constexpr std::size_t expanded_bytes = 1536 * 1024;

    Storage<std::uint8_t> bytes = make_storage<std::uint8_t>(max_block_length);
    Storage<std::uint8_t> expanded = make_storage<std::uint8_t>(expanded_bytes);
    std::size_t expanded_length = 0;
    RunExpander rest;

    std::size_t length = 0;  // before expansion; what the level of the stream limits
    std::size_t end_bit = 0;
    std::uint32_t stored_crc = 0;
    std::uint32_t actual_crc = 0;
};

// Owns the large tables, to be used for one block after the other.
class BlockDecoder {
public:
    // The reader stands at the block's magic. Gives up early, with `stopped`, once `stop` is set.
    // Anything but `decoded` leaves nothing of use in `block`.
    Outcome decode(BitReader reader, const std::atomic<bool> &stop, Block &block);

private:
    Outcome read_tables(BitReader &reader);
    bool read_bytes_in_use(BitReader &reader);
    Outcome read_selectors(BitReader &reader, unsigned tables);
    Outcome read_code_lengths(BitReader &reader, PrefixCode &code);
    Outcome read_column(BitReader &reader);
    bool add_to_column(const std::uint16_t *symbols, unsigned count);
    static bool expand_and_check(Block &block);

    std::array<std::uint8_t, 256> in_use_{};
    unsigned in_use_count_ = 0;
    std::array<std::uint8_t, max_selectors> selectors_;
    std::size_t selector_count_ = 0;
    std::array<PrefixCode, max_tables> codes_;
    MoveToFront list_;
    unsigned run_weight_ = 0;
    LastColumn column_;
    InverseBwt inverse_;
};

}  // namespace imgadm::bzip2
