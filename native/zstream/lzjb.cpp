// LZJB, the first compression of ZFS: groups of eight items behind a byte of flags, lowest bit
// first. A clear bit is a literal byte; a set bit is a match of six bits of length and ten bits
// of distance.
#include "zstream/codec.hpp"

namespace imgadm::zstream {

namespace {

constexpr std::size_t shortest_match = 3;
constexpr std::size_t distance_mask = 0x3ff;

}  // namespace

bool decode_lzjb(Bytes input, std::uint8_t *out, std::size_t size) {
    const std::uint8_t *in = input.data;
    const std::uint8_t *const in_end = in + input.size;
    std::size_t done = 0;
    unsigned flags = 0;
    unsigned flags_left = 0;
    while (done < size) {
        if (flags_left == 0) {
            if (in == in_end) {
                return false;
            }
            flags = *in++;
            flags_left = 8;
        }
        if ((flags & 1) == 0) {
            if (in == in_end) {
                return false;
            }
            out[done++] = *in++;
        } else {
            if (in_end - in < 2) {
                return false;
            }
            std::size_t length = (in[0] >> 2) + shortest_match;
            const std::size_t distance = (std::size_t{in[0]} << 8 | in[1]) & distance_mask;
            in += 2;
            if (distance == 0 || distance > done) {
                return false;
            }
            // Encoders let the last match run past the end of the block.
            for (; length != 0 && done < size; --length, ++done) {
                out[done] = out[done - distance];
            }
        }
        flags >>= 1;
        --flags_left;
    }
    return true;
}

}  // namespace imgadm::zstream
