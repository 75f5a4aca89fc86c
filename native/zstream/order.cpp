#include "zstream/order.hpp"

#include "zstream/error.hpp"

#include <string>
#include <tuple>

namespace imgadm::zstream {

namespace {

constexpr auto format = StreamError::Kind::format;

std::string named(const char *name, std::uint64_t object) {
    return std::string(name) + " record of object " + std::to_string(object);
}

}  // namespace

void RecordOrder::check(const Record &record, std::uint64_t offset) {
    const char *const name = record_name(type_of(record));
    if (const auto *object = std::get_if<Object>(&record)) {
        check_object(*object, offset);
    } else if (const auto *write = std::get_if<Write>(&record)) {
        check_data(name, write->object, write->offset, offset);
    } else if (const auto *embedded = std::get_if<WriteEmbedded>(&record)) {
        check_data(name, embedded->object, embedded->offset, offset);
    } else if (const auto *by_ref = std::get_if<WriteByRef>(&record)) {
        check_data(name, by_ref->object, by_ref->offset, offset);
    } else if (const auto *freed = std::get_if<Free>(&record)) {
        check_known(name, freed->object, offset);
    }
}

void RecordOrder::check_object(const Object &object, std::uint64_t offset) {
    if (object.object <= last_object_) {
        fail(format, offset, named("OBJECT", object.object) + " comes after object " +
                                 std::to_string(last_object_));
    }
    last_object_ = object.object;
}

void RecordOrder::check_data(const char *name, std::uint64_t object, std::uint64_t data_offset,
                             std::uint64_t offset) {
    check_known(name, object, offset);
    if (std::tie(object, data_offset) < std::tie(last_data_object_, last_data_offset_)) {
        fail(format, offset,
             named(name, object) + " at " + std::to_string(data_offset) +
                 " comes after data of object " + std::to_string(last_data_object_) + " at " +
                 std::to_string(last_data_offset_));
    }
    last_data_object_ = object;
    last_data_offset_ = data_offset;
}

void RecordOrder::check_known(const char *name, std::uint64_t object, std::uint64_t offset) const {
    if (object > last_object_) {
        fail(format, offset, named(name, object) + " comes before its OBJECT record");
    }
}

}  // namespace imgadm::zstream
