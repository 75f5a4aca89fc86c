// A run of bytes in memory that other code owns.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace imgadm::zstream {

struct Bytes {
    const std::uint8_t *data = nullptr;
    std::size_t size = 0;

    bool empty() const { return size == 0; }
    Bytes first(std::size_t count) const { return {data, count}; }
    Bytes after(std::size_t count) const { return {data + count, size - count}; }
};

// Comparing a run with itself shifted by one word lets memcmp do the work, at its full width.
inline bool all_zero(Bytes bytes) {
    constexpr std::size_t word = 8;
    if (bytes.size < word) {
        for (std::size_t i = 0; i < bytes.size; ++i) {
            if (bytes.data[i] != 0) {
                return false;
            }
        }
        return true;
    }
    std::uint64_t head;
    std::memcpy(&head, bytes.data, word);
    return head == 0 && std::memcmp(bytes.data, bytes.data + word, bytes.size - word) == 0;
}

}  // namespace imgadm::zstream
