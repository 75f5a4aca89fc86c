// Zero-length encoding: a byte up to 63 is followed by one byte more than that of literals; a
// larger one stands for that many zeros, less 63.
#include "zstream/codec.hpp"

#include <algorithm>

namespace imgadm::zstream {

namespace {

constexpr std::size_t longest_literal_run = 64;

}  // namespace

bool decode_zle(Bytes input, std::uint8_t *out, std::size_t size) {
    std::size_t done = 0;
    while (done < size) {
        if (input.empty()) {
            return false;
        }
        const std::size_t code = input.data[0] + std::size_t{1};
        input = input.after(1);
        const bool literal = code <= longest_literal_run;
        const std::size_t length = literal ? code : code - longest_literal_run;
        if (length > size - done || (literal && length > input.size)) {
            return false;
        }
        if (literal) {
            std::copy_n(input.data, length, out + done);
            input = input.after(length);
        } else {
            std::fill_n(out + done, length, std::uint8_t{0});
        }
        done += length;
    }
    return true;
}

}  // namespace imgadm::zstream
