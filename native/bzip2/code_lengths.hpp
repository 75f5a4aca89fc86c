// Huffman codes for given frequencies, as lengths that the format allows.
#pragma once

#include <cstdint>

namespace imgadm::bzip2 {

// The longest code that is made; readers take max_code_length.
constexpr unsigned longest_code = 17;

// Writes a length of 1 to longest_code for each of `alphabet` symbols, 2 to max_alphabet, those
// that do not occur included.
void make_code_lengths(const std::uint32_t *frequencies, unsigned alphabet, std::uint8_t *lengths);

}  // namespace imgadm::bzip2
