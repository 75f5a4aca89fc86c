// Four lanes: word i goes to lane i mod 4, each lane runs the plain recurrence, and the lanes are
// merged at the end. The merging coefficients follow from counting how often each word is added.
#include "zstream/fletcher4.hpp"

#include <algorithm>

#if defined(__x86_64__)
#include <immintrin.h>

namespace imgadm::zstream {

namespace {

constexpr std::size_t lanes = 4;
// Keeps n * (n + 1) * (n + 2) below 2^64.
constexpr std::size_t longest_run = std::size_t{1} << 22;

struct Lanes {
    alignas(32) std::uint64_t a[lanes], b[lanes], c[lanes], d[lanes];
};

Fletcher4Sum merged(const Lanes &sums) {
    std::uint64_t a = 0, b = 0, c = 0, d = 0;
    for (std::size_t lane = 0; lane < lanes; ++lane) {
        const auto j = static_cast<std::int64_t>(lane);
        const auto times = [](std::int64_t factor, std::uint64_t value) {
            return static_cast<std::uint64_t>(factor) * value;
        };
        a += sums.a[lane];
        b += times(4, sums.b[lane]) - times(j, sums.a[lane]);
        c += times(16, sums.c[lane]) - times(6 + 4 * j, sums.b[lane]) +
             times(j * (j - 1) / 2, sums.a[lane]);
        d += times(64, sums.d[lane]) - times(48 + 16 * j, sums.c[lane]) +
             times((64 + 48 * (j - 1) + 4 * (3 * j * j - 6 * j + 2)) / 6, sums.b[lane]) -
             times(j * (j - 1) * (j - 2) / 6, sums.a[lane]);
    }
    return {a, b, c, d};
}

// What the sums become when `words` more words follow whose own sums, from zero, are `next`.
void append(Fletcher4Sum &sum, const Fletcher4Sum &next, std::uint64_t words) {
    const std::uint64_t n = words;
    const auto [a, b, c, d] = sum;
    const std::uint64_t pairs = n * (n + 1) / 2;
    const std::uint64_t triples = n * (n + 1) * (n + 2) / 6;
    sum = {a + next[0], b + next[1] + n * a, c + next[2] + n * b + pairs * a,
           d + next[3] + n * c + pairs * b + triples * a};
}

__attribute__((target("avx2"))) Lanes sum_lanes(Bytes bytes, ByteOrder order) {
    const __m128i reversed = _mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    const __m128i straight = _mm_set_epi8(15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0);
    const __m128i shuffle = order == ByteOrder::little ? straight : reversed;
    __m256i a = _mm256_setzero_si256(), b = a, c = a, d = a;
    for (std::size_t at = 0; at < bytes.size; at += fletcher4_avx2_step) {
        const __m128i words = _mm_shuffle_epi8(
            _mm_loadu_si128(reinterpret_cast<const __m128i *>(bytes.data + at)), shuffle);
        a = _mm256_add_epi64(a, _mm256_cvtepu32_epi64(words));
        b = _mm256_add_epi64(b, a);
        c = _mm256_add_epi64(c, b);
        d = _mm256_add_epi64(d, c);
    }
    Lanes sums;
    _mm256_store_si256(reinterpret_cast<__m256i *>(sums.a), a);
    _mm256_store_si256(reinterpret_cast<__m256i *>(sums.b), b);
    _mm256_store_si256(reinterpret_cast<__m256i *>(sums.c), c);
    _mm256_store_si256(reinterpret_cast<__m256i *>(sums.d), d);
    return sums;
}

}  // namespace

bool supports(Fletcher4Method method) {
    return method == Fletcher4Method::scalar || __builtin_cpu_supports("avx2");
}

void fletcher4_avx2(Fletcher4Sum &sum, Bytes bytes, ByteOrder order) {
    while (!bytes.empty()) {
        const Bytes run = bytes.first(std::min(bytes.size, longest_run));
        append(sum, merged(sum_lanes(run, order)), run.size / 4);
        bytes = bytes.after(run.size);
    }
}

}  // namespace imgadm::zstream

#else

namespace imgadm::zstream {

bool supports(Fletcher4Method method) { return method == Fletcher4Method::scalar; }

void fletcher4_avx2(Fletcher4Sum &sum, Bytes bytes, ByteOrder order) {
    fletcher4_scalar(sum, bytes, order);
}

}  // namespace imgadm::zstream

#endif
