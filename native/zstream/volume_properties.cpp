#include "zstream/volume_properties.hpp"

#include "zstream/error.hpp"
#include "zstream/limits.hpp"

#include <cstring>
#include <string>

namespace imgadm::zstream {

namespace {

constexpr std::uint64_t micro_zap = 0x8000000000000003, fat_zap = 0x8000000000000001;
constexpr std::size_t salt_offset = 8;
constexpr std::size_t entry_size = 64, entry_name_offset = 14;
constexpr char size_entry[] = "size";

}  // namespace

std::optional<std::uint64_t> read_volume_size(Bytes block, ByteOrder order, std::uint64_t offset) {
    if (block.size < entry_size) {
        fail(StreamError::Kind::format, offset, "properties of the volume are too short");
    }
    const auto type = load<std::uint64_t>(block.data, order);
    if (type == fat_zap) {
        fail(StreamError::Kind::unsupported, offset,
             "properties of the volume are a fat ZAP, wanted a micro ZAP");
    }
    if (type != micro_zap) {
        fail(StreamError::Kind::format, offset,
             "properties of the volume have type " + hexadecimal(type) + ", wanted " +
                 hexadecimal(micro_zap));
    }
    for (std::size_t at = entry_size; at + entry_size <= block.size; at += entry_size) {
        const std::uint8_t *const entry = block.data + at;
        if (std::memcmp(entry + entry_name_offset, size_entry, sizeof size_entry) != 0) {
            continue;
        }
        const auto size = load<std::uint64_t>(entry, order);
        if (size == 0 || size % smallest_block != 0 || size > INT64_MAX) {
            fail(StreamError::Kind::format, offset,
                 "size of the volume is impossible, " + std::to_string(size));
        }
        return size;
    }
    return std::nullopt;
}

void write_volume_properties(std::uint8_t *block, std::uint64_t volume_size, std::uint64_t salt,
                             ByteOrder order) {
    std::memset(block, 0, volume_properties_size);
    store(block, micro_zap, order);
    store(block + salt_offset, salt, order);
    store(block + entry_size, volume_size, order);
    std::memcpy(block + entry_size + entry_name_offset, size_entry, sizeof size_entry);
}

}  // namespace imgadm::zstream
