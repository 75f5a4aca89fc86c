// The SHA-1 instructions of ARMv8 processors, and the answer for processors of other kinds.
#include "sha1/sha1.hpp"

#if defined(__aarch64__) && defined(__linux__) && defined(__ARM_NEON) && !defined(__AARCH64EB__)

#include <arm_neon.h>
#include <asm/hwcap.h>
#include <sys/auxv.h>

namespace imgadm::sha1 {
namespace {

__attribute__((target("+crypto"))) void
compress_instructions(State &state, const std::uint8_t *blocks, std::size_t count) {
    constexpr std::uint32_t constants[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
    uint32x4_t abcd = vld1q_u32(state.data());
    std::uint32_t e = state[4];
    for (; count > 0; --count, blocks += 64) {
        uint32x4_t w[4];
        for (int i = 0; i < 4; ++i) {
            w[i] = vreinterpretq_u32_u8(vrev32q_u8(vld1q_u8(blocks + 16 * i)));
        }
        const uint32x4_t saved_abcd = abcd;
        const std::uint32_t saved_e = e;
        for (int group = 0; group < 20; ++group) {
            const int p = group & 3;
            if (group >= 4) {
                w[p] = vsha1su1q_u32(vsha1su0q_u32(w[p], w[(p + 1) & 3], w[(p + 2) & 3]),
                                     w[(p + 3) & 3]);
            }
            const int function = group / 5;
            const uint32x4_t sum = vaddq_u32(w[p], vdupq_n_u32(constants[function]));
            const std::uint32_t next_e = vsha1h_u32(vgetq_lane_u32(abcd, 0));
            if (function == 0) {
                abcd = vsha1cq_u32(abcd, e, sum);
            } else if (function == 2) {
                abcd = vsha1mq_u32(abcd, e, sum);
            } else {
                abcd = vsha1pq_u32(abcd, e, sum);
            }
            e = next_e;
        }
        abcd = vaddq_u32(abcd, saved_abcd);
        e += saved_e;
    }
    vst1q_u32(state.data(), abcd);
    state[4] = e;
}

}  // namespace

Compress instructions() {
    static const bool available = getauxval(AT_HWCAP) & HWCAP_SHA1;
    return available ? compress_instructions : nullptr;
}

}  // namespace imgadm::sha1

#elif !defined(__x86_64__)

namespace imgadm::sha1 {

Compress instructions() { return nullptr; }

}  // namespace imgadm::sha1

#endif
