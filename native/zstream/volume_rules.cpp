#include "zstream/volume_rules.hpp"

#include "zstream/error.hpp"
#include "zstream/volume_properties.hpp"

#include <string>

namespace imgadm::zstream {

namespace {

using Kind = StreamError::Kind;

constexpr std::uint64_t mib = 1 << 20;

}  // namespace

void require_volume_object(const Object &object, std::uint64_t offset) {
    const bool data = object.object == volume_data_object;
    const std::uint32_t wanted = data ? volume_data_type : volume_properties_type;
    if (object.object > volume_properties_object || object.type != wanted) {
        fail(Kind::format, offset,
             "object " + std::to_string(object.object) + " of type " + std::to_string(object.type) +
                 " does not belong to a volume");
    }
}

void require_inside_volume(std::uint64_t end, std::optional<std::uint64_t> size_in_mib,
                           std::uint64_t offset) {
    if (size_in_mib && end / mib >= *size_in_mib && end > *size_in_mib * mib) {
        fail(Kind::size, offset,
             "got data up to byte " + std::to_string(end) + " of the volume, wanted a volume of " +
                 std::to_string(*size_in_mib) + " MiB");
    }
}

void require_volume_size(std::uint64_t size, std::optional<std::uint64_t> size_in_mib,
                         std::uint64_t offset) {
    const std::uint64_t in_mib = size / mib + (size % mib != 0);
    if (size_in_mib && in_mib != *size_in_mib) {
        fail(Kind::size, offset,
             "got a volume of " + std::to_string(size) + " bytes (" + std::to_string(in_mib) +
                 " MiB), wanted one of " + std::to_string(*size_in_mib) + " MiB");
    }
}

}  // namespace imgadm::zstream
