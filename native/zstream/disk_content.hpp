// Where the bytes of a disk come from.
#pragma once

#include "zstream/sparse.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <utility>

namespace imgadm::zstream {

class DiskContent {
public:
    virtual ~DiskContent() = default;

    // Fills `out` from `offset`; returns how many bytes, fewer than `size` only at the end.
    virtual std::size_t read(std::uint64_t offset, std::uint8_t *out, std::size_t size) = 0;

    // The first run at or after `offset` that may hold data; {size, size} where there is none.
    virtual Extent find_data(std::uint64_t offset, std::uint64_t size) = 0;
};

// A raw disk in a file or device; the descriptor is borrowed. Methods throw std::system_error, and
// what `before_read` throws to put an end to a long search for data.
class FileContent : public DiskContent {
public:
    explicit FileContent(int fd, std::function<void()> before_read = nullptr)
        : fd_(fd), before_read_(std::move(before_read)) {}

    std::size_t read(std::uint64_t offset, std::uint8_t *out, std::size_t size) override;
    Extent find_data(std::uint64_t offset, std::uint64_t size) override;

private:
    const int fd_;
    const std::function<void()> before_read_;
};

}  // namespace imgadm::zstream
