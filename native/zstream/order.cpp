#include "zstream/order.hpp"

#include "zstream/error.hpp"

#include <algorithm>
#include <string>
#include <tuple>

namespace imgadm::zstream {

namespace {

constexpr auto format = StreamError::Kind::format;
// No sender writes a place twice, yet receivers take it. Without a limit, a short stream of small
// compressed records could keep one busy for hours.
constexpr std::uint64_t most_written_again = std::uint64_t{1} << 30;

std::string named(const char *name, std::uint64_t object) {
    return std::string(name) + " record of object " + std::to_string(object);
}

}  // namespace

void RecordOrder::check(const Record &record, std::uint64_t offset) {
    const char *const name = record_name(type_of(record));
    if (const auto *object = std::get_if<Object>(&record)) {
        check_object(*object, offset);
    } else if (const auto *write = std::get_if<Write>(&record)) {
        check_data(name, write->object, write->offset, write->length, offset);
    } else if (const auto *embedded = std::get_if<WriteEmbedded>(&record)) {
        check_data(name, embedded->object, embedded->offset, embedded->length, offset);
    } else if (const auto *by_ref = std::get_if<WriteByRef>(&record)) {
        check_source(*by_ref, offset);
        check_data(name, by_ref->object, by_ref->offset, by_ref->length, offset);
    } else if (const auto *freed = std::get_if<Free>(&record)) {
        check_known(name, freed->object, offset);
    }
}

void RecordOrder::check_object(const Object &object, std::uint64_t offset) {
    if (object.object <= last_object_) {
        fail(format, offset,
             named("OBJECT", object.object) + " comes after object " +
                 std::to_string(last_object_));
    }
    last_object_ = object.object;
}

void RecordOrder::check_data(const char *name, std::uint64_t object, std::uint64_t data_offset,
                             std::uint64_t length, std::uint64_t offset) {
    check_known(name, object, offset);
    if (std::tie(object, data_offset) < std::tie(last_data_object_, last_data_offset_)) {
        fail(format, offset,
             named(name, object) + " at " + std::to_string(data_offset) +
                 " comes after data of object " + std::to_string(last_data_object_) + " at " +
                 std::to_string(last_data_offset_));
    }
    if (object != last_data_object_) {
        last_data_end_ = 0;
    }
    const std::uint64_t data_end = data_offset + length;
    if (data_offset < last_data_end_) {
        written_again_ += std::min(data_end, last_data_end_) - data_offset;
    }
    if (written_again_ > most_written_again) {
        fail(format, offset,
             named(name, object) + " at " + std::to_string(data_offset) +
                 " writes the same place again and again");
    }
    last_data_object_ = object;
    last_data_offset_ = data_offset;
    last_data_end_ = std::max(last_data_end_, data_end);
}

void RecordOrder::check_source(const WriteByRef &copy, std::uint64_t offset) const {
    if (copy.source_object == copy.object && copy.source_offset + copy.length > copy.offset) {
        fail(format, offset, "WRITE_BYREF record refers to data that comes later");
    }
}

void RecordOrder::check_known(const char *name, std::uint64_t object, std::uint64_t offset) const {
    if (object > last_object_) {
        fail(format, offset, named(name, object) + " comes before its OBJECT record");
    }
}

}  // namespace imgadm::zstream
