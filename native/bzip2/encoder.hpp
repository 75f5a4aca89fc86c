// Compresses bytes to a bzip2 file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "bzip2/bit_writer.hpp"
#include "bzip2/rotation_sort.hpp"
#include "bzip2/symbol_coder.hpp"

namespace imgadm::bzip2 {

class Encoder {
public:
    // Of blocks of `level` hundred thousand bytes, 1 to 9.
    explicit Encoder(unsigned level);

    // One stream with everything in it, ready to have others before and behind it.
    std::vector<std::uint8_t> encode(const std::uint8_t *bytes, std::size_t length);

private:
    std::size_t fill_block(const std::uint8_t *bytes, std::size_t length);

    unsigned level_;
    std::size_t limit_;
    std::uint32_t block_length_ = 0;
    RotationSort sort_;
    SymbolCoder coder_;
    std::vector<std::uint8_t> last_column_;
};

}  // namespace imgadm::bzip2
