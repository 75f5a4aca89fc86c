#include "bzip2/crc.hpp"

#include <array>

#include "bzip2/byte_words.hpp"

namespace imgadm::bzip2 {

namespace {

constexpr std::uint32_t crc_polynomial = 0x04c11db7;
constexpr unsigned slice_count = 16;

using Tables = std::array<std::array<std::uint32_t, 256>, slice_count>;

// Table k advances a byte over itself and k zero bytes.
constexpr Tables make_tables() {
    Tables tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte << 24;
        for (unsigned bit = 0; bit < 8; ++bit) {
            crc = (crc << 1) ^ (crc >> 31 ? crc_polynomial : 0);
        }
        tables[0][byte] = crc;
    }
    for (unsigned k = 1; k < slice_count; ++k) {
        for (unsigned byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[k - 1][byte];
            tables[k][byte] = (before << 8) ^ tables[0][before >> 24];
        }
    }
    return tables;
}

constexpr Tables crc_tables = make_tables();

std::uint32_t slice(std::uint32_t word, unsigned highest) {
    return crc_tables[highest][word >> 24] ^ crc_tables[highest - 1][(word >> 16) & 0xff] ^
           crc_tables[highest - 2][(word >> 8) & 0xff] ^ crc_tables[highest - 3][word & 0xff];
}

}  // namespace

std::uint32_t update_crc(std::uint32_t state, const std::uint8_t *bytes, std::size_t length) {
    for (; length >= slice_count; length -= slice_count, bytes += slice_count) {
        state = slice(load_big32(bytes) ^ state, 15) ^ slice(load_big32(bytes + 4), 11) ^
                slice(load_big32(bytes + 8), 7) ^ slice(load_big32(bytes + 12), 3);
    }
    for (; length != 0; --length, ++bytes) {
        state = (state << 8) ^ crc_tables[0][(state >> 24) ^ *bytes];
    }
    return state;
}

}  // namespace imgadm::bzip2
