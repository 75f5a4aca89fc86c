// Writes bits, the most significant of each byte first.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace imgadm::bzip2 {

class BitWriter {
public:
    // The lowest `count` bits of `bits`, at most 32; those above them are zero.
    void write(unsigned count, std::uint64_t bits) {
        pending_ = pending_ << count | bits;
        count_ += count;
        if (count_ >= 32) {
            count_ -= 32;
            const auto word = static_cast<std::uint32_t>(pending_ >> count_);
            const std::uint8_t bytes[4] = {
                static_cast<std::uint8_t>(word >> 24), static_cast<std::uint8_t>(word >> 16),
                static_cast<std::uint8_t>(word >> 8), static_cast<std::uint8_t>(word)};
            bytes_.insert(bytes_.end(), bytes, bytes + 4);
        }
    }

    // A magic number of 48 bits.
    void write_magic(std::uint64_t magic) {
        write(24, magic >> 24);
        write(24, magic & 0xffffff);
    }

    // All bits, filled up with zeros to a whole byte. The caller may write nothing after that.
    std::vector<std::uint8_t> finish() {
        while (count_ > 0) {
            const unsigned taken = count_ < 8 ? count_ : 8;
            const std::uint64_t bits = pending_ >> (count_ - taken) & ((1u << taken) - 1);
            bytes_.push_back(static_cast<std::uint8_t>(bits << (8 - taken)));
            count_ -= taken;
        }
        return std::move(bytes_);
    }

private:
    std::vector<std::uint8_t> bytes_;
    std::uint64_t pending_ = 0;
    unsigned count_ = 0;
};

}  // namespace imgadm::bzip2
