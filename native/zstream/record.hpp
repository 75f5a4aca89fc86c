// The records of a ZFS send stream, as OpenZFS's sys/zfs_ioctl.h lays them out (dmu_replay_record).
//
// A record is a header of 312 bytes and a payload that follows it directly. Fields that only raw
// (encrypted) streams use are left out, save those that a plain stream must have zero.
#pragma once

#include "zstream/byte_order.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

namespace imgadm::zstream {

constexpr std::size_t header_size = 312;
constexpr std::size_t checksum_offset = 280;  // of the record checksum in a header; not in BEGIN
constexpr std::size_t name_offset = 56;       // of the snapshot's name in BEGIN
constexpr std::size_t name_size = 256;
constexpr std::uint64_t stream_magic = 0x2F5BACBAC;
constexpr std::uint64_t to_the_end = ~std::uint64_t{0};  // length of a FREE without an end
constexpr std::size_t largest_embedded_payload = 112;

enum class RecordType : std::uint32_t {
    begin,
    object,
    free_objects,
    write,
    free,
    end,
    write_by_ref,
    spill,
    write_embedded,
    object_range,
    redact
};
constexpr std::size_t record_type_count = 11;
const char *record_name(RecordType type);

enum class HeaderType : std::uint32_t { simple = 1, package = 2 };
enum class ObjectSet : std::uint32_t { none = 0, file_system = 2, volume = 3 };

struct Begin {
    std::uint32_t payload_size = 0;
    std::uint32_t header_type = 0;
    std::uint64_t features = 0;
    std::uint64_t reserved = 0;  // bits 58 to 63 of versioninfo
    std::uint64_t creation_time = 0;
    std::uint32_t object_set = 0;
    std::uint32_t flags = 0;
    std::uint64_t to_guid = 0, from_guid = 0;
    std::string name;  // the whole field where it lacks its terminating NUL
};

struct Object {
    std::uint64_t object = 0;
    std::uint32_t type = 0, bonus_type = 0;
    std::uint32_t block_size = 0, bonus_length = 0;
    std::uint8_t checksum_type = 0, compress = 0, slots = 0, flags = 0;
    std::uint32_t raw_bonus_length = 0;
    std::uint64_t to_guid = 0;
    std::uint8_t indirect_shift = 0, levels = 0, block_pointers = 0;  // raw only
};

struct FreeObjects {
    std::uint64_t first = 0, count = 0, to_guid = 0;
};

struct Write {
    std::uint64_t object = 0;
    std::uint32_t type = 0;
    std::uint64_t offset = 0, length = 0, to_guid = 0;
    std::uint8_t checksum_type = 0, flags = 0, compression = 0;
    std::uint64_t compressed_size = 0;
};

struct Free {
    std::uint64_t object = 0, offset = 0, length = 0, to_guid = 0;
};

struct End {
    std::uint64_t to_guid = 0;
};

struct WriteByRef {
    std::uint64_t object = 0, offset = 0, length = 0, to_guid = 0;
    std::uint64_t source_guid = 0, source_object = 0, source_offset = 0;
};

struct Spill {
    std::uint64_t object = 0, length = 0, to_guid = 0;
    std::uint8_t flags = 0, compression = 0;
    std::uint64_t compressed_size = 0;
};

struct WriteEmbedded {
    std::uint64_t object = 0, offset = 0, length = 0, to_guid = 0;
    std::uint8_t compression = 0, embedded_type = 0;
    std::uint32_t logical_size = 0, physical_size = 0;
};

struct ObjectRange {
    std::uint64_t first = 0, count = 0, to_guid = 0;
};

struct Redact : Free {};

// The alternatives are in the order of RecordType.
using Record = std::variant<Begin, Object, FreeObjects, Write, Free, End, WriteByRef, Spill,
                            WriteEmbedded, ObjectRange, Redact>;

inline RecordType type_of(const Record &record) { return static_cast<RecordType>(record.index()); }

// Bytes that follow the header. Fields are taken as they are: check the record first.
std::uint64_t payload_size(const Record &record);

// `header` has header_size bytes whose type is below record_type_count.
Record decode_record(const std::uint8_t *header, ByteOrder order);

// Fills the header_size bytes of `header`, all but the record checksum.
void encode_record(const Record &record, std::uint8_t *header, ByteOrder order);

}  // namespace imgadm::zstream
