// Integers of either byte order at any address.
#pragma once

#include <cstdint>
#include <cstring>

namespace imgadm::zstream {

enum class ByteOrder { little, big };

constexpr ByteOrder host_byte_order =
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    ByteOrder::big;
#else
    ByteOrder::little;
#endif

inline std::uint16_t swap_bytes(std::uint16_t value) { return __builtin_bswap16(value); }
inline std::uint32_t swap_bytes(std::uint32_t value) { return __builtin_bswap32(value); }
inline std::uint64_t swap_bytes(std::uint64_t value) { return __builtin_bswap64(value); }

template <typename Integer> Integer load(const std::uint8_t *address, ByteOrder order) {
    Integer value;
    std::memcpy(&value, address, sizeof value);
    return order == host_byte_order ? value : swap_bytes(value);
}

template <typename Integer> void store(std::uint8_t *address, Integer value, ByteOrder order) {
    if (order != host_byte_order) {
        value = swap_bytes(value);
    }
    std::memcpy(address, &value, sizeof value);
}

}  // namespace imgadm::zstream
