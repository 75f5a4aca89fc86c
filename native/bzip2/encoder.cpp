#include "bzip2/encoder.hpp"

#include <algorithm>

#include "bzip2/crc.hpp"
#include "bzip2/format.hpp"

namespace imgadm::bzip2 {

namespace {

// Bytes that the reference implementation leaves free at the end of a block, as we do for readers
// that count on it.
constexpr std::size_t spare = 19;

// A run of at least four equal bytes is these and a byte that tells how many more there are.
constexpr std::size_t run_bytes = 4;
constexpr std::size_t longest_run_length =
    run_bytes + 251;  // what the reference implementation writes

}  // namespace

Encoder::Encoder(unsigned level)
    : level_(level), limit_(level * block_unit - spare), sort_(limit_), coder_(limit_),
      last_column_(limit_) {}

// Takes bytes, with their runs shortened, until the block is full or they end; returns how many.
std::size_t Encoder::fill_block(const std::uint8_t *bytes, std::size_t length) {
    std::uint8_t *const text = sort_.text();
    std::size_t at = 0, filled = 0;
    while (at < length) {
        const std::uint8_t byte = bytes[at];
        std::size_t end = at + 1;
        const std::size_t last = at + std::min(longest_run_length, length - at);
        while (end < last && bytes[end] == byte) ++end;
        const std::size_t run = end - at;
        if (filled + std::min(run, run_bytes + 1) > limit_) break;
        for (std::size_t copy = std::min(run, run_bytes); copy != 0; --copy) text[filled++] = byte;
        if (run >= run_bytes) text[filled++] = static_cast<std::uint8_t>(run - run_bytes);
        at = end;
    }
    block_length_ = static_cast<std::uint32_t>(filled);
    return at;
}

std::vector<std::uint8_t> Encoder::encode(const std::uint8_t *bytes, std::size_t length) {
    BitWriter writer;
    writer.write(32, 0x425a6830u + level_);  // "BZh" and the level's digit
    std::uint32_t stream_crc = 0;
    while (length != 0) {
        const std::size_t taken = fill_block(bytes, length);
        const std::uint32_t crc = ~update_crc(crc_start, bytes, taken);
        stream_crc = (stream_crc << 1 | stream_crc >> 31) ^ crc;
        const std::uint32_t row = sort_.transform(block_length_, last_column_.data());
        writer.write_magic(block_magic);
        writer.write(32, crc);
        writer.write(1, 0);  // not randomised
        writer.write(24, row);
        coder_.write(last_column_.data(), block_length_, writer);
        bytes += taken;
        length -= taken;
    }
    writer.write_magic(end_magic);
    writer.write(32, stream_crc);
    return writer.finish();
}

}  // namespace imgadm::bzip2
