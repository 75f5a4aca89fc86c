// The checksum of bzip2: CRC-32 with polynomial 0x04c11db7, most significant bit first.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imgadm::bzip2 {

constexpr std::uint32_t crc_start = 0xffffffff;

// `state` is crc_start, then what the last call returned. The checksum is the complement.
std::uint32_t update_crc(std::uint32_t state, const std::uint8_t *bytes, std::size_t length);

}  // namespace imgadm::bzip2
