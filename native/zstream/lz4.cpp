// The LZ4 block format (lz4_Block_format.md of the reference implementation).
#include "zstream/codec.hpp"

#include <algorithm>

namespace imgadm::zstream {

namespace {

constexpr std::size_t shortest_match = 4;
constexpr std::size_t extended_length = 15;

class Lz4Decoder {
public:
    Lz4Decoder(Bytes block, std::uint8_t *out, std::size_t size)
        : in_(block), out_(out), size_(size) {}

    bool run() {
        while (!in_.empty()) {
            const std::uint8_t token = take();
            std::size_t length = token >> 4;
            if (!extend(length) || !copy_literals(length)) {
                return false;
            }
            if (in_.empty()) {
                break;  // the last sequence has no match
            }
            if (in_.size < 2) {
                return false;
            }
            std::size_t distance = take();
            distance |= static_cast<std::size_t>(take()) << 8;
            length = token & 15;
            if (!extend(length) || !copy_match(distance, length + shortest_match)) {
                return false;
            }
        }
        return done_ == size_;
    }

private:
    std::uint8_t take() {
        const std::uint8_t byte = *in_.data;
        in_ = in_.after(1);
        return byte;
    }

    // Reads the further bytes of a length whose four bits are all set. A sum cannot overflow:
    // it grows by at most 255 a byte of input.
    bool extend(std::size_t &length) {
        if (length != extended_length) {
            return true;
        }
        std::uint8_t more;
        do {
            if (in_.empty()) {
                return false;
            }
            more = take();
            length += more;
        } while (more == 255);
        return true;
    }

    bool copy_literals(std::size_t length) {
        if (length > in_.size || length > size_ - done_) {
            return false;
        }
        std::copy_n(in_.data, length, out_ + done_);
        in_ = in_.after(length);
        done_ += length;
        return true;
    }

    bool copy_match(std::size_t distance, std::size_t length) {
        if (distance == 0 || distance > done_ || length > size_ - done_) {
            return false;
        }
        // A match that overlaps itself repeats: each round doubles what there is to copy from.
        std::uint8_t *to = out_ + done_;
        const std::uint8_t *from = to - distance;
        done_ += length;
        while (length != 0) {
            const std::size_t count = std::min(length, static_cast<std::size_t>(to - from));
            std::memcpy(to, from, count);
            to += count;
            length -= count;
        }
        return true;
    }

    Bytes in_;
    std::uint8_t *out_;
    std::size_t size_;
    std::size_t done_ = 0;
};

}  // namespace

bool decode_lz4(Bytes block, std::uint8_t *out, std::size_t size) {
    return Lz4Decoder(block, out, size).run();
}

}  // namespace imgadm::zstream
