// Freeing parts of a file and finding its data, which each system does in its own way.
#pragma once

#include <cstdint>

namespace imgadm::zstream {

// Frees the range, which then reads as zeros; the file keeps its length. False, with errno set,
// where it cannot.
bool punch_hole(int fd, std::uint64_t offset, std::uint64_t length);

// A run of a file that may hold data.
struct Extent {
    std::uint64_t start, end;
};

// The first run at or after `offset`; {size, size} where there is none. Where the file system does
// not tell, all of [offset, size) is one run. Moves the position of the descriptor.
Extent find_data(int fd, std::uint64_t offset, std::uint64_t size);

}  // namespace imgadm::zstream
