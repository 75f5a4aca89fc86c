// Writes a sparse disk: large writes of what holds data, holes for what does not.
#pragma once

#include "descriptors/write_behind.hpp"
#include "zstream/bytes.hpp"

#include <sys/uio.h>

#include <cstdint>
#include <vector>

namespace imgadm::zstream {

// All methods throw std::system_error. Bytes passed to write() are borrowed until flush().
class DiskWriter {
public:
    // `fd` is a regular file, open for reading and writing; its content is kept until clear().
    // write_behind_step is that of WriteBehind. Without punch_holes, and where the file system
    // cannot free a part of a file, zeros are written instead. Where fewer than `reserve` bytes of
    // the file system are free, writing fails as if it were full.
    DiskWriter(int fd, std::uint64_t write_behind_step, bool punch_holes, std::uint64_t reserve);

    void clear();
    void write(std::uint64_t offset, Bytes bytes);
    // Makes the range read as zeros; never makes the file longer. length may be to_the_end. Returns
    // how many bytes before content_end() that were.
    std::uint64_t erase(std::uint64_t offset, std::uint64_t length);
    // Repeats, at `to`, what was written at `from` (zeros where nothing was).
    void copy(std::uint64_t from, std::uint64_t to, std::size_t size);
    void flush();
    void resize(std::uint64_t size);

    // Room for `size` bytes to be filled and passed to write(), good until the next flush.
    std::uint8_t *stage(std::size_t size);

    // Where the last byte that may not be zero ends.
    std::uint64_t content_end() const { return content_end_; }
    std::uint64_t bytes_written() const { return bytes_written_; }

private:
    void append(std::uint64_t offset, Bytes bytes);
    void read(std::uint64_t offset, std::uint8_t *out, std::size_t size);
    void flush_writes();
    void flush_erasure();
    void punch(std::uint64_t offset, std::uint64_t length);
    void write_zeros(std::uint64_t offset, std::uint64_t length);
    void require_room();
    void write_vector(std::uint64_t offset, iovec *vector, std::size_t count);

    const int fd_;
    std::uint64_t content_end_ = 0;
    std::uint64_t bytes_written_ = 0;
    bool can_punch_;
    const std::uint64_t reserve_;
    std::uint64_t next_look_ = 0;  // at the room, in bytes_written_

    std::vector<iovec> vector_;  // adjacent in the file, from vector_offset_ up to vector_end_
    std::uint64_t vector_offset_ = 0, vector_end_ = 0;
    std::uint64_t erase_offset_ = 0, erase_end_ = 0;
    std::vector<std::uint8_t> staging_;
    std::size_t staging_used_ = 0;
    WriteBehind behind_;
};

}  // namespace imgadm::zstream
