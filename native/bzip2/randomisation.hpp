// Blocks of bzip2 0.9.0 and older may be randomised: here and there the lowest bit of a byte is
// flipped, which helped that version's sorting. Nothing has written such blocks since.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imgadm::bzip2 {

void undo_randomisation(std::uint8_t *block, std::size_t length);

}  // namespace imgadm::bzip2
