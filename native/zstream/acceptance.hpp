// The streams that a consumer accepts: their kind, and the snapshot that they are based on.
#pragma once

#include "zstream/record.hpp"

#include <cstdint>
#include <optional>

namespace imgadm::zstream {

struct Wanted {
    std::optional<ObjectSet> kind;  // absent: a file system or a volume
    // A full stream, or an incremental one from the snapshot with this guid; 0: a full one only.
    // Absent: from any snapshot.
    std::optional<std::uint64_t> from_guid;
};

// Throws an unsupported error for a stream of another kind, an origin error for an incremental
// stream from another snapshot. `offset` is that of the BEGIN record.
void require_wanted(const Begin &begin, const Wanted &wanted, std::uint64_t offset);

}  // namespace imgadm::zstream
