#include "zstream/record.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

namespace imgadm::zstream {

namespace {

// versioninfo of BEGIN: two bits of header type, 56 feature bits, six reserved bits.
constexpr unsigned features_shift = 2, reserved_shift = 58;
constexpr std::uint64_t header_type_mask = 3;
constexpr std::uint64_t features_mask = (std::uint64_t{1} << 56) - 1;

constexpr std::uint64_t round_up_8(std::uint64_t value) { return (value + 7) & ~std::uint64_t{7}; }

// The reader and the writer walk the same list of fields, so each layout is written down once.
struct FieldReader {
    const std::uint8_t *header;
    ByteOrder order;

    template <typename Integer> void operator()(std::size_t offset, Integer &field) const {
        field = load<Integer>(header + offset, order);
    }
    void operator()(std::size_t offset, std::uint8_t &field) const { field = header[offset]; }
};

struct FieldWriter {
    std::uint8_t *header;
    ByteOrder order;

    template <typename Integer> void operator()(std::size_t offset, const Integer &field) const {
        store(header + offset, field, order);
    }
    void operator()(std::size_t offset, const std::uint8_t &field) const { header[offset] = field; }
};

template <typename Field> void walk(const Field &field, Begin &r) {
    field(4, r.payload_size);
    field(24, r.creation_time);
    field(32, r.object_set);
    field(36, r.flags);
    field(40, r.to_guid);
    field(48, r.from_guid);
}

template <typename Field> void walk(const Field &field, Object &r) {
    field(8, r.object);
    field(16, r.type);
    field(20, r.bonus_type);
    field(24, r.block_size);
    field(28, r.bonus_length);
    field(32, r.checksum_type);
    field(33, r.compress);
    field(34, r.slots);
    field(35, r.flags);
    field(36, r.raw_bonus_length);
    field(40, r.to_guid);
    field(48, r.indirect_shift);
    field(49, r.levels);
    field(50, r.block_pointers);
}

template <typename Field> void walk(const Field &field, FreeObjects &r) {
    field(8, r.first);
    field(16, r.count);
    field(24, r.to_guid);
}

template <typename Field> void walk(const Field &field, Write &r) {
    field(8, r.object);
    field(16, r.type);
    field(24, r.offset);
    field(32, r.length);
    field(40, r.to_guid);
    field(48, r.checksum_type);
    field(49, r.flags);
    field(50, r.compression);
    field(96, r.compressed_size);
}

template <typename Field> void walk(const Field &field, Free &r) {
    field(8, r.object);
    field(16, r.offset);
    field(24, r.length);
    field(32, r.to_guid);
}

template <typename Field> void walk(const Field &field, End &r) { field(40, r.to_guid); }

template <typename Field> void walk(const Field &field, WriteByRef &r) {
    field(8, r.object);
    field(16, r.offset);
    field(24, r.length);
    field(32, r.to_guid);
    field(40, r.source_guid);
    field(48, r.source_object);
    field(56, r.source_offset);
}

template <typename Field> void walk(const Field &field, Spill &r) {
    field(8, r.object);
    field(16, r.length);
    field(24, r.to_guid);
    field(32, r.flags);
    field(33, r.compression);
    field(40, r.compressed_size);
}

template <typename Field> void walk(const Field &field, WriteEmbedded &r) {
    field(8, r.object);
    field(16, r.offset);
    field(24, r.length);
    field(32, r.to_guid);
    field(40, r.compression);
    field(41, r.embedded_type);
    field(48, r.logical_size);
    field(52, r.physical_size);
}

template <typename Field> void walk(const Field &field, ObjectRange &r) {
    field(8, r.first);
    field(16, r.count);
    field(24, r.to_guid);
}

void read_begin_extras(const FieldReader &field, Begin &begin) {
    std::uint64_t version_info;
    field(16, version_info);
    begin.header_type = static_cast<std::uint32_t>(version_info & header_type_mask);
    begin.features = (version_info >> features_shift) & features_mask;
    begin.reserved = version_info >> reserved_shift;
    const auto *name = reinterpret_cast<const char *>(field.header + name_offset);
    begin.name.assign(name, std::find(name, name + name_size, '\0'));
}

void write_begin_extras(const FieldWriter &field, const Begin &begin) {
    field(8, stream_magic);
    field(16,
          begin.header_type | begin.features << features_shift | begin.reserved << reserved_shift);
    std::memcpy(field.header + name_offset, begin.name.data(),
                std::min(begin.name.size(), name_size));
}

template <typename R> Record decode_as(const FieldReader &field) {
    R record;
    walk(field, record);
    if constexpr (std::is_same_v<R, Begin>) {
        read_begin_extras(field, record);
    }
    return record;
}

template <std::size_t... index> constexpr auto decoders_of(std::index_sequence<index...>) {
    using Decoder = Record (*)(const FieldReader &);
    return std::array<Decoder, sizeof...(index)>{
        &decode_as<std::variant_alternative_t<index, Record>>...};
}

struct PayloadSize {
    std::uint64_t operator()(const Begin &r) const { return r.payload_size; }
    std::uint64_t operator()(const Object &r) const {
        return r.raw_bonus_length != 0 ? r.raw_bonus_length : round_up_8(r.bonus_length);
    }
    std::uint64_t operator()(const Write &r) const {
        return r.compression != 0 ? r.compressed_size : r.length;
    }
    std::uint64_t operator()(const Spill &r) const {
        return r.compressed_size != 0 ? r.compressed_size : r.length;
    }
    std::uint64_t operator()(const WriteEmbedded &r) const { return round_up_8(r.physical_size); }
    template <typename R> std::uint64_t operator()(const R &) const { return 0; }
};

}  // namespace

const char *record_name(RecordType type) {
    constexpr const char *names[record_type_count] = {
        "BEGIN",       "OBJECT", "FREEOBJECTS",    "WRITE",        "FREE",  "END",
        "WRITE_BYREF", "SPILL",  "WRITE_EMBEDDED", "OBJECT_RANGE", "REDACT"};
    return names[static_cast<std::size_t>(type)];
}

std::uint64_t payload_size(const Record &record) { return std::visit(PayloadSize{}, record); }

Record decode_record(const std::uint8_t *header, ByteOrder order) {
    constexpr auto decoders = decoders_of(std::make_index_sequence<record_type_count>{});
    return decoders[load<std::uint32_t>(header, order)](FieldReader{header, order});
}

void encode_record(const Record &record, std::uint8_t *header, ByteOrder order) {
    std::memset(header, 0, header_size);
    const FieldWriter field{header, order};
    field(0, static_cast<std::uint32_t>(record.index()));
    std::visit(
        [&field](auto fields) {
            walk(field, fields);
            if constexpr (std::is_same_v<decltype(fields), Begin>) {
                write_begin_extras(field, fields);
            }
        },
        record);
}

}  // namespace imgadm::zstream
