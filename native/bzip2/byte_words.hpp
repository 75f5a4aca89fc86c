// Words read from and written to byte arrays, at any alignment and on any byte order.
#pragma once

#include <cstdint>
#include <cstring>

namespace imgadm::bzip2 {

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
constexpr bool is_big_endian = true;
#else
constexpr bool is_big_endian = false;
#endif

inline std::uint64_t load_big64(const std::uint8_t *from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return is_big_endian ? word : __builtin_bswap64(word);
}

inline std::uint64_t load_little64(const std::uint8_t *from) {
    std::uint64_t word;
    std::memcpy(&word, from, sizeof word);
    return is_big_endian ? __builtin_bswap64(word) : word;
}

inline std::uint32_t load_big32(const std::uint8_t *from) {
    std::uint32_t word;
    std::memcpy(&word, from, sizeof word);
    return is_big_endian ? word : __builtin_bswap32(word);
}

}  // namespace imgadm::bzip2
