#include "zstream/error.hpp"

#include <cstdio>

namespace imgadm::zstream {

namespace {

std::string located(const std::string &message, std::uint64_t offset) {
    return message + ", at byte " + std::to_string(offset) + " of the stream";
}

}  // namespace

StreamError::StreamError(Kind kind, std::uint64_t offset, const std::string &message, int os_error)
    : std::runtime_error(located(message, offset)), kind_(kind), offset_(offset),
      os_error_(os_error) {}

const char *StreamError::kind_name() const {
    switch (kind_) {
        case Kind::truncated: return "truncated";
        case Kind::trailing: return "trailing";
        case Kind::checksum: return "checksum";
        case Kind::format: return "format";
        case Kind::unsupported: return "unsupported";
        case Kind::origin: return "origin";
        case Kind::size: return "size";
        case Kind::io: break;
    }
    return "io";
}

void fail(StreamError::Kind kind, std::uint64_t offset, const std::string &message) {
    throw StreamError(kind, offset, message);
}

std::string hexadecimal(std::uint64_t value) {
    char text[2 + 16 + 1];
    std::snprintf(text, sizeof text, "0x%llx", static_cast<unsigned long long>(value));
    return text;
}

}  // namespace imgadm::zstream
