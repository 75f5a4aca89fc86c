#include "sha1/sha1.hpp"

namespace imgadm::sha1 {
namespace {

std::uint32_t rotate(std::uint32_t value, int bits) {
    return (value << bits) | (value >> (32 - bits));
}

std::uint32_t load_big_endian(const std::uint8_t *bytes) {
    return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 |
           std::uint32_t{bytes[2]} << 8 | std::uint32_t{bytes[3]};
}

}  // namespace

void compress_portable(State &state, const std::uint8_t *blocks, std::size_t count) {
    for (; count > 0; --count, blocks += 64) {
        // A ring of the last sixteen words of the message schedule.
        std::uint32_t w[16];
        std::uint32_t a = state[0], b = state[1], c = state[2], d = state[3], e = state[4];
        const auto round = [&](int t, std::uint32_t f, std::uint32_t k) {
            std::uint32_t &word = w[t & 15];
            if (t < 16) {
                word = load_big_endian(blocks + 4 * t);
            } else {
                word = rotate(w[(t + 13) & 15] ^ w[(t + 8) & 15] ^ w[(t + 2) & 15] ^ word, 1);
            }
            const std::uint32_t next = rotate(a, 5) + f + e + k + word;
            e = d;
            d = c;
            c = rotate(b, 30);
            b = a;
            a = next;
        };
        int t = 0;
        for (; t < 20; ++t) round(t, d ^ (b & (c ^ d)), 0x5a827999);
        for (; t < 40; ++t) round(t, b ^ c ^ d, 0x6ed9eba1);
        for (; t < 60; ++t) round(t, (b & c) | (d & (b | c)), 0x8f1bbcdc);
        for (; t < 80; ++t) round(t, b ^ c ^ d, 0xca62c1d6);
        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        state[4] += e;
    }
}

}  // namespace imgadm::sha1
