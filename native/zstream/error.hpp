// A fault in a stream, and its place.
#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>

namespace imgadm::zstream {

class StreamError : public std::runtime_error {
public:
    enum class Kind { truncated, trailing, checksum, format, unsupported, origin, size, io };

    // The text is "MESSAGE, at byte OFFSET of the stream". offset is that of the record at fault;
    // for truncated and trailing it is where the stream ends. os_error is the errno of an io error,
    // 0 otherwise.
    StreamError(Kind kind, std::uint64_t offset, const std::string &message, int os_error = 0);

    Kind kind() const { return kind_; }
    const char *kind_name() const;
    std::uint64_t offset() const { return offset_; }
    int os_error() const { return os_error_; }

private:
    Kind kind_;
    std::uint64_t offset_;
    int os_error_;
};

[[noreturn]] void fail(StreamError::Kind kind, std::uint64_t offset, const std::string &message);

std::string hexadecimal(std::uint64_t value);

}  // namespace imgadm::zstream
