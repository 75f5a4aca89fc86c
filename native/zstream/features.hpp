// Feature bits and flags of a stream's BEGIN record.
#pragma once

#include <cstdint>

namespace imgadm::zstream {

namespace feature {
constexpr std::uint64_t dedup = 1 << 0;
constexpr std::uint64_t dedup_props = 1 << 1;
constexpr std::uint64_t sa_spill = 1 << 2;
constexpr std::uint64_t embed_data = 1 << 16;
constexpr std::uint64_t lz4 = 1 << 17;
constexpr std::uint64_t large_blocks = 1 << 19;
constexpr std::uint64_t resuming = 1 << 20;
constexpr std::uint64_t redacted = 1 << 21;
constexpr std::uint64_t compressed = 1 << 22;
constexpr std::uint64_t large_dnode = 1 << 23;
constexpr std::uint64_t raw = 1 << 24;
constexpr std::uint64_t zstd = 1 << 25;
constexpr std::uint64_t holds = 1 << 26;
constexpr std::uint64_t switch_to_large_blocks = 1 << 27;
constexpr std::uint64_t long_name = 1 << 28;
constexpr std::uint64_t large_microzap = 1 << 29;

constexpr std::uint64_t known = dedup | dedup_props | sa_spill | embed_data | lz4 | large_blocks |
                                resuming | redacted | compressed | large_dnode | raw | zstd |
                                holds | switch_to_large_blocks | long_name | large_microzap;
}  // namespace feature

namespace begin_flag {
constexpr std::uint32_t clone = 1;
constexpr std::uint32_t free_records = 4;
constexpr std::uint32_t spill_block = 8;
}  // namespace begin_flag

}  // namespace imgadm::zstream
