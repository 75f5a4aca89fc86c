// The description of a stream that has been read.
#pragma once

#include "zstream/record.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace imgadm::zstream {

struct Summary {
    Begin begin;
    ByteOrder byte_order = ByteOrder::little;
    std::optional<std::uint64_t> volume_size, block_size;  // bytes, of volumes only
    std::uint64_t stream_bytes = 0;                        // up to the end of END
    std::uint64_t logical_bytes = 0;  // of all data that the records carry, uncompressed
    std::array<std::uint64_t, record_type_count> records{};

    bool is_volume() const {
        return begin.object_set == static_cast<std::uint32_t>(ObjectSet::volume);
    }
};

}  // namespace imgadm::zstream
