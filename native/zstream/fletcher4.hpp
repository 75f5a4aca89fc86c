// The fletcher-4 checksum of ZFS: four running sums over 32-bit words.
#pragma once

#include "zstream/byte_order.hpp"
#include "zstream/bytes.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>

namespace imgadm::zstream {

// a, b, c, d; all arithmetic is modulo 2^64.
using Fletcher4Sum = std::array<std::uint64_t, 4>;

std::string to_string(const Fletcher4Sum &sum);

enum class Fletcher4Method { scalar, avx2 };

bool supports(Fletcher4Method method);
Fletcher4Method fastest_fletcher4();

// Sums bytes that arrive in pieces of any length. A last incomplete word is never counted.
class Fletcher4 {
public:
    explicit Fletcher4(ByteOrder order = host_byte_order,
                       Fletcher4Method method = fastest_fletcher4())
        : order_(order), method_(method) {}

    void update(Bytes bytes);
    const Fletcher4Sum &sum() const { return sum_; }

private:
    void add_words(Bytes bytes);

    Fletcher4Sum sum_{};
    std::uint8_t word_[4] = {};
    std::size_t word_filled_ = 0;
    ByteOrder order_;
    Fletcher4Method method_;
};

// The two methods, for whole words; avx2 wants a multiple of fletcher4_avx2_step bytes and a
// processor that supports it.
constexpr std::size_t fletcher4_avx2_step = 16;
void fletcher4_scalar(Fletcher4Sum &sum, Bytes bytes, ByteOrder order);
void fletcher4_avx2(Fletcher4Sum &sum, Bytes bytes, ByteOrder order);

}  // namespace imgadm::zstream
