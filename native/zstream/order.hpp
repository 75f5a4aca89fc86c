// The order that the records of a stream keep, as far as real receivers insist on it.
#pragma once

#include "zstream/record.hpp"

#include <cstdint>

namespace imgadm::zstream {

// Senders put each OBJECT right before its data, or (older ones) a group of OBJECTs before the data
// of that group. In both, OBJECT numbers rise, an OBJECT precedes its data, and data rises by
// object and offset.
class RecordOrder {
public:
    // Throws a format error; also for data that is written to the same place again and again, and
    // for a WRITE_BYREF whose source has not come yet.
    void check(const Record &record, std::uint64_t offset);

private:
    void check_object(const Object &object, std::uint64_t offset);
    void check_data(const char *name, std::uint64_t object, std::uint64_t data_offset,
                    std::uint64_t length, std::uint64_t offset);
    void check_source(const WriteByRef &copy, std::uint64_t offset) const;
    void check_known(const char *name, std::uint64_t object, std::uint64_t offset) const;

    std::uint64_t last_object_ = 0;
    std::uint64_t last_data_object_ = 0;
    std::uint64_t last_data_offset_ = 0, last_data_end_ = 0;
    std::uint64_t written_again_ = 0;  // bytes
};

}  // namespace imgadm::zstream
