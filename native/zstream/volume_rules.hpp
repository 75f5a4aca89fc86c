// Rules for the stream of a volume.
#pragma once

#include "zstream/record.hpp"

#include <cstdint>
#include <optional>

namespace imgadm::zstream {

// The sizes given are those of the volume in MiB, rounded up; without one, any size will do.
// `offset` is that of the record at fault.

// Throws a format error for an object that is neither the data nor the properties of a volume.
void require_volume_object(const Object &object, std::uint64_t offset);

// Throws a size error for data that ends behind the volume.
void require_inside_volume(std::uint64_t end, std::optional<std::uint64_t> size_in_mib,
                           std::uint64_t offset);

// Throws a size error for a volume of another size, in bytes.
void require_volume_size(std::uint64_t size, std::optional<std::uint64_t> size_in_mib,
                         std::uint64_t offset);

}  // namespace imgadm::zstream
