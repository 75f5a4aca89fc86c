#include "zstream/limits.hpp"

#include "zstream/codec.hpp"
#include "zstream/error.hpp"
#include "zstream/features.hpp"

#include <string>

namespace imgadm::zstream {

namespace {

using Kind = StreamError::Kind;

constexpr std::uint64_t object_limit = std::uint64_t{1} << 48;
constexpr std::uint32_t object_type_count = 54;
constexpr std::uint32_t new_type_flag = 0x80, new_type_mask = 0x1f, new_type_count = 10;
constexpr std::uint32_t system_attributes_bonus = 44;
constexpr std::uint8_t checksum_type_count = 15, compress_type_count = 17;
constexpr std::uint32_t slot_size = 512, slot_overhead = 192, largest_slot_count = 32;
constexpr std::uint8_t object_spill_flag = 4;

bool is_object_type(std::uint32_t type) {
    if (type < object_type_count) {
        return type != 0;
    }
    return type < 0x100 && (type & new_type_flag) != 0 && (type & new_type_mask) < new_type_count;
}

class RecordCheck {
public:
    RecordCheck(const Begin &begin, RecordType type, std::uint64_t offset)
        : begin_(begin), type_(type), offset_(offset) {}

    void operator()(const Begin &) const { reject("appears twice"); }
    void operator()(const End &) const {}
    void operator()(const ObjectRange &) const { reject("belongs to raw streams only"); }
    void operator()(const Redact &) const { reject("belongs to redacted streams only"); }
    void operator()(const FreeObjects &r) const {
        require(r.count <= ~std::uint64_t{0} - r.first, "count of objects", r.count);
    }

    void operator()(const Object &r) const {
        require_object(r.object);
        require(is_object_type(r.type), "object type", r.type);
        require(r.bonus_type == 0 || is_object_type(r.bonus_type), "bonus type", r.bonus_type);
        require((r.bonus_type == 0) == (r.bonus_length == 0) ||
                    r.bonus_type == system_attributes_bonus,
                "bonus length", r.bonus_length);
        require(r.block_size >= smallest_block && r.block_size % smallest_block == 0 &&
                    r.block_size <= largest_block,
                "block size", r.block_size);
        require(r.checksum_type < checksum_type_count, "checksum type", r.checksum_type);
        require(r.compress < compress_type_count, "compress setting", r.compress);
        const std::uint32_t slots = r.slots == 0 ? 1 : r.slots;
        require(slots <= (has(feature::large_dnode) ? largest_slot_count : 1), "slots", slots);
        require(r.bonus_length <= slots * slot_size - slot_overhead, "bonus length",
                r.bonus_length);
        const bool spills = (begin_.flags & begin_flag::spill_block) != 0;
        require((r.flags & ~(spills ? object_spill_flag : 0)) == 0, "flags", r.flags);
        require((r.raw_bonus_length | r.indirect_shift | r.levels | r.block_pointers) == 0,
                "raw fields", r.raw_bonus_length);
    }

    void operator()(const Write &r) const {
        require_object(r.object);
        require(is_object_type(r.type), "object type", r.type);
        require_block(r.offset, r.length);
        if (r.compression == 0) {
            require(r.compressed_size == 0, "compressed size of a plain payload",
                    r.compressed_size);
        } else {
            require(codec_of(r.compression).has_value(), "compression", r.compression);
            require(r.compressed_size != 0 && r.compressed_size <= r.length, "compressed size",
                    r.compressed_size);
            require(r.compressed_size % 8 == 0, "compressed size", r.compressed_size);
        }
    }

    void operator()(const WriteEmbedded &r) const {
        require_object(r.object);
        require_block(r.offset, r.length);
        require(r.embedded_type == 0, "type of embedded data", r.embedded_type);
        require(r.physical_size <= largest_embedded_payload, "physical size", r.physical_size);
        require(r.logical_size <= r.length, "logical size", r.logical_size);
        if (r.compression == compression_off) {
            require(r.logical_size == r.physical_size, "logical size of a plain payload",
                    r.logical_size);
        } else {
            require(codec_of(r.compression).has_value(), "compression", r.compression);
        }
    }

    void operator()(const WriteByRef &r) const {
        require_object(r.object);
        require_object(r.source_object);
        require_block(r.offset, r.length);
        require(r.length <= ~std::uint64_t{0} - r.source_offset, "source offset", r.source_offset);
        if (r.source_guid != begin_.to_guid) {
            fail(Kind::unsupported, offset_,
                 "got a deduplicated block of the snapshot with guid " +
                     std::to_string(r.source_guid) + ", wanted one of this stream, which is guid " +
                     std::to_string(begin_.to_guid));
        }
        if (r.source_object > r.object) {
            fail(Kind::unsupported, offset_,
                 "got a deduplicated block of object " + std::to_string(r.source_object) +
                     " for object " + std::to_string(r.object) + ", wanted one that came before");
        }
    }

    void operator()(const Spill &r) const {
        require_object(r.object);
        require(r.length >= smallest_block && r.length <= largest_block && r.length % 8 == 0,
                "length", r.length);
        require(r.compression == 0 && r.compressed_size == 0, "compressed size", r.compressed_size);
    }

    void operator()(const Free &r) const {
        require_object(r.object);
        require(r.length == to_the_end || r.length <= ~std::uint64_t{0} - r.offset, "length",
                r.length);
    }

private:
    bool has(std::uint64_t feature) const { return (begin_.features & feature) != 0; }

    void require_object(std::uint64_t object) const {
        require(object >= 1 && object < object_limit, "object number", object);
    }

    void require_block(std::uint64_t offset, std::uint64_t length) const {
        const std::uint64_t largest =
            has(feature::large_blocks) ? largest_block : largest_plain_block;
        require(length >= smallest_block && length <= largest && length % 8 == 0, "length", length);
        require(length <= ~std::uint64_t{0} - offset, "offset", offset);
    }

    void require(bool holds, const char *field, std::uint64_t value) const {
        if (!holds) {
            reject(std::string("has an impossible ") + field + ", " + std::to_string(value));
        }
    }

    [[noreturn]] void reject(const std::string &reason) const {
        fail(Kind::format, offset_, std::string(record_name(type_)) + " record " + reason);
    }

    const Begin &begin_;
    RecordType type_;
    std::uint64_t offset_;
};

}  // namespace

bool is_package(const Begin &begin) {
    return static_cast<HeaderType>(begin.header_type) == HeaderType::package;
}

void check_package(const Begin &begin, std::uint64_t offset) {
    if (begin.payload_size > largest_begin_payload || begin.payload_size % 4 != 0) {
        fail(Kind::format, offset,
             "BEGIN record has an impossible payload size, " + std::to_string(begin.payload_size));
    }
    if (begin.object_set != static_cast<std::uint32_t>(ObjectSet::none)) {
        fail(Kind::format, offset,
             "header of a package is of object set type " + std::to_string(begin.object_set) +
                 ", wanted 0");
    }
}

void check_begin(const Begin &begin, std::uint64_t offset) {
    if (static_cast<HeaderType>(begin.header_type) != HeaderType::simple) {
        fail(Kind::format, offset,
             "BEGIN record has header type " + std::to_string(begin.header_type) + ", wanted 1");
    }
    if ((begin.features & ~feature::known) != 0 || begin.reserved != 0) {
        fail(Kind::unsupported, offset,
             "stream has features that are unknown here: " +
                 hexadecimal(begin.features & ~feature::known));
    }
    if ((begin.features & feature::raw) != 0) {
        fail(Kind::unsupported, offset,
             "got a raw (encrypted) stream, wanted one sent without zfs send -w");
    }
    if ((begin.features & feature::resuming) != 0) {
        fail(Kind::unsupported, offset,
             "got a stream that resumes an interrupted receive, wanted a whole one");
    }
    if ((begin.features & feature::redacted) != 0) {
        fail(Kind::unsupported, offset, "got a redacted stream, wanted a complete one");
    }
    if ((begin.flags & begin_flag::clone) != 0 && begin.from_guid == 0) {
        fail(Kind::format, offset,
             "BEGIN record is of a clone, but names no snapshot that it is a clone of");
    }
    if (begin.payload_size != 0) {
        fail(Kind::unsupported, offset,
             "BEGIN record has a list of " + std::to_string(begin.payload_size) +
                 " bytes, which only streams that resume, are raw or redacted have");
    }
    if (begin.object_set != static_cast<std::uint32_t>(ObjectSet::file_system) &&
        begin.object_set != static_cast<std::uint32_t>(ObjectSet::volume)) {
        fail(Kind::format, offset,
             "stream is of object set type " + std::to_string(begin.object_set) +
                 ", wanted 2 (file system) or 3 (volume)");
    }
    if (begin.name.size() == name_size || begin.name.find('@') == std::string::npos) {
        fail(Kind::format, offset, "BEGIN record does not name a snapshot");
    }
}

void check_record(const Record &record, const Begin &begin, std::uint64_t offset) {
    std::visit(RecordCheck(begin, type_of(record), offset), record);
}

}  // namespace imgadm::zstream
