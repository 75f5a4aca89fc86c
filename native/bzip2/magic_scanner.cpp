#include "bzip2/magic_scanner.hpp"

#include <array>

#include "bzip2/format.hpp"

namespace imgadm::bzip2 {

namespace {

// Wherever a magic begins, 16 bits of it fill two bytes whose offset is a multiple of four: one
// look at those rules out all but a thousandth of the places.
constexpr std::size_t scan_stride = 4;
constexpr unsigned window_bits = 16;

class Windows {
public:
    constexpr Windows() {
        for (const std::uint64_t magic : {block_magic, end_magic}) {
            for (unsigned shift = 0; shift + window_bits <= magic_bits; ++shift) {
                const auto window = static_cast<std::uint16_t>(magic >> shift);
                bits_[window / 64] |= std::uint64_t{1} << window % 64;
            }
        }
    }

    bool contain(std::uint16_t window) const { return bits_[window / 64] >> window % 64 & 1; }

private:
    std::array<std::uint64_t, (1u << window_bits) / 64> bits_{};
};

constexpr Windows windows;

}  // namespace

std::uint64_t magic_at(const std::uint8_t *data, std::size_t bit) {
    const std::uint8_t *bytes = data + bit / 8;
    const unsigned within = bit % 8;
    std::uint64_t value = 0;
    for (unsigned i = 0; i < 6; ++i) value = value << 8 | bytes[i];
    if (within != 0) value = value << within | bytes[6] >> (8 - within);
    return value & ((std::uint64_t{1} << magic_bits) - 1);
}

void find_magics(const std::uint8_t *data, std::size_t length, std::size_t from_bit,
                 std::vector<std::size_t> &found) {
    if (length * 8 < magic_bits) return;
    const std::size_t last = length * 8 - magic_bits;
    std::size_t from = from_bit;
    for (std::size_t at = from_bit / 8 / scan_stride * scan_stride; at + 1 < length;
         at += scan_stride) {
        if (!windows.contain(static_cast<std::uint16_t>(data[at] << 8 | data[at + 1]))) continue;
        const std::size_t reach = magic_bits - window_bits;
        const std::size_t begin = at * 8 < reach ? 0 : at * 8 - reach;
        for (std::size_t bit = begin < from ? from : begin; bit <= at * 8 && bit <= last; ++bit) {
            const std::uint64_t magic = magic_at(data, bit);
            if (magic != block_magic && magic != end_magic) continue;
            found.push_back(bit);
            from = bit + 1;
        }
    }
}

}  // namespace imgadm::bzip2
