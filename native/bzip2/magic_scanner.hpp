// Finds where blocks and ends of streams may begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace imgadm::bzip2 {

// Appends the bit offset of every block magic and end magic that begins at a bit in
// [from_bit, length * 8 - 47), in ascending order. Blocks begin at any bit, and nothing keeps the
// same bits from occurring inside one: an offset found is only a hint, but none is missing.
void find_magics(const std::uint8_t *data, std::size_t length, std::size_t from_bit,
                 std::vector<std::size_t> &found);

// The 48 bits at `bit`, all of which lie within the data.
std::uint64_t magic_at(const std::uint8_t *data, std::size_t bit);

}  // namespace imgadm::bzip2
