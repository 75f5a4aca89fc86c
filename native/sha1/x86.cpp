// The SHA extensions of x86-64 processors: four rounds per instruction.
#include "sha1/sha1.hpp"

#if defined(__x86_64__)

#include <cpuid.h>
#include <immintrin.h>

namespace imgadm::sha1 {
namespace {

bool has_instructions() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d)) return false;
    const bool ssse3 = c & bit_SSSE3, sse41 = c & bit_SSE4_1;
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return false;
    return ssse3 && sse41 && (b & (1u << 29));
}

#define IMGADM_SHA __attribute__((target("sha,sse4.1,ssse3"), always_inline)) inline

IMGADM_SHA __m128i load_words(const std::uint8_t *block, int index) {
    const __m128i big_endian = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
    return _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i *>(block) + index),
                            big_endian);
}

// Group `group` of four rounds, then the rest. The words of the message schedule are made three
// groups ahead, a step at each, so that the rounds, which are the critical path, never wait for
// them; the last four groups load the block that comes after. `e` is the state before the last
// group, of which the instructions make the fifth word.
template <int group>
IMGADM_SHA void rounds(__m128i &abcd, __m128i &e, __m128i (&w)[4], const std::uint8_t *following) {
    if constexpr (group < 20) {
        constexpr int now = group & 3, next = (group + 1) & 3, second = (group + 2) & 3,
                      third = (group + 3) & 3;
        const __m128i before = abcd;
        if constexpr (group == 0) {
            abcd = _mm_sha1rnds4_epu32(abcd, _mm_add_epi32(e, w[now]), 0);
        } else {
            abcd = _mm_sha1rnds4_epu32(abcd, _mm_sha1nexte_epu32(e, w[now]), group / 5);
        }
        e = before;
        if constexpr (group >= 3 && group < 19) w[next] = _mm_sha1msg2_epu32(w[next], w[now]);
        if constexpr (group >= 2 && group < 18) w[second] = _mm_xor_si128(w[second], w[now]);
        if constexpr (group >= 1 && group < 17) w[third] = _mm_sha1msg1_epu32(w[third], w[now]);
        if constexpr (group >= 16) w[now] = load_words(following, group - 16);
        rounds<group + 1>(abcd, e, w, following);
    }
}

__attribute__((target("sha,sse4.1,ssse3"))) void
compress_instructions(State &state, const std::uint8_t *blocks, std::size_t count) {
    __m128i abcd =
        _mm_shuffle_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i *>(state.data())), 0x1b);
    __m128i e0 = _mm_set_epi32(static_cast<int>(state[4]), 0, 0, 0);
    __m128i w[4];
    for (int i = 0; i < 4; ++i) w[i] = load_words(blocks, i);
    for (; count > 0; --count) {
        const std::uint8_t *following = count > 1 ? blocks + 64 : blocks;
        blocks = following;
        const __m128i saved_abcd = abcd, saved_e = e0;
        __m128i e = e0;
        rounds<0>(abcd, e, w, following);
        e0 = _mm_sha1nexte_epu32(e, saved_e);
        abcd = _mm_add_epi32(abcd, saved_abcd);
    }
    _mm_storeu_si128(reinterpret_cast<__m128i *>(state.data()), _mm_shuffle_epi32(abcd, 0x1b));
    state[4] = static_cast<std::uint32_t>(_mm_extract_epi32(e0, 3));
}

}  // namespace

Compress instructions() {
    static const bool available = has_instructions();
    return available ? compress_instructions : nullptr;
}

}  // namespace imgadm::sha1

#endif
