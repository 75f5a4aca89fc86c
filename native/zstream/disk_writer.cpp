#include "zstream/disk_writer.hpp"

#include "zstream/sparse.hpp"

#include <algorithm>
#include <cerrno>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace imgadm::zstream {

namespace {

static_assert(sizeof(off_t) == 8, "disks are larger than 2 GiB: define _FILE_OFFSET_BITS=64");

// File systems allocate by pages of this size, so smaller holes would save nothing.
constexpr std::uint64_t page_size = 4096;
constexpr std::size_t longest_vector = 1024;  // IOV_MAX everywhere we know
constexpr std::uint64_t largest_write = 8 << 20;
constexpr std::size_t staging_size = 1 << 20;
constexpr std::uint64_t room_step = 16 << 20;

[[noreturn]] void fail_system(const std::string &action) {
    throw std::system_error(errno, std::generic_category(), action);
}

std::string range(const char *action, std::uint64_t offset, std::uint64_t length) {
    return std::string(action) + " " + std::to_string(length) + " bytes at " +
           std::to_string(offset) + " of the disk";
}

}  // namespace

DiskWriter::DiskWriter(int fd, std::uint64_t write_behind_step, bool punch_holes,
                       std::uint64_t reserve)
    : fd_(fd), can_punch_(punch_holes), reserve_(reserve), behind_(fd, write_behind_step) {
    struct stat status;
    if (::fstat(fd, &status) != 0) {
        fail_system("examine the disk");
    }
    if (!S_ISREG(status.st_mode)) {
        throw std::system_error(EINVAL, std::generic_category(),
                                "write a disk to what is not a regular file");
    }
    content_end_ = static_cast<std::uint64_t>(status.st_size);
    vector_.reserve(longest_vector);
}

void DiskWriter::clear() {
    // Truncating an empty file is not free: ext4 then writes the file out when it is closed
    // (auto_da_alloc).
    if (content_end_ != 0 && ::ftruncate(fd_, 0) != 0) {
        fail_system("empty the disk");
    }
    content_end_ = 0;
}

void DiskWriter::write(std::uint64_t offset, Bytes bytes) {
    const auto page_at = [&](std::size_t done) {
        const std::uint64_t rest = page_size - (offset + done) % page_size;
        return static_cast<std::size_t>(std::min<std::uint64_t>(rest, bytes.size - done));
    };
    std::size_t done = 0;
    while (done < bytes.size) {
        const std::size_t start = done;
        const bool blank = all_zero(bytes.after(done).first(page_at(done)));
        do {
            done += page_at(done);
        } while (done < bytes.size && all_zero(bytes.after(done).first(page_at(done))) == blank);
        if (blank) {
            erase(offset + start, done - start);
        } else {
            append(offset + start, bytes.after(start).first(done - start));
        }
    }
}

void DiskWriter::append(std::uint64_t offset, Bytes bytes) {
    flush_erasure();
    if (offset != vector_end_ || vector_end_ - vector_offset_ >= largest_write ||
        vector_.size() == longest_vector) {
        flush_writes();
    }
    if (vector_.empty()) {
        vector_offset_ = offset;
    }
    vector_end_ = offset + bytes.size;
    content_end_ = std::max(content_end_, vector_end_);
    if (!vector_.empty()) {
        iovec &last = vector_.back();
        if (static_cast<std::uint8_t *>(last.iov_base) + last.iov_len == bytes.data) {
            last.iov_len += bytes.size;
            return;
        }
    }
    vector_.push_back({const_cast<std::uint8_t *>(bytes.data), bytes.size});
}

std::uint64_t DiskWriter::erase(std::uint64_t offset, std::uint64_t length) {
    const std::uint64_t end =
        length > content_end_ || offset > content_end_ - length ? content_end_ : offset + length;
    if (offset >= end) {
        return 0;  // nothing there but zeros
    }
    flush_writes();
    if (end == content_end_) {
        flush_erasure();
        resize(offset);
    } else if (offset == erase_end_ && erase_end_ != erase_offset_) {
        erase_end_ = end;
    } else {
        flush_erasure();
        erase_offset_ = offset;
        erase_end_ = end;
    }
    return end - offset;
}

void DiskWriter::copy(std::uint64_t from, std::uint64_t to, std::size_t size) {
    flush();
    std::uint8_t *const room = stage(size);
    read(from, room, size);
    write(to, {room, size});
}

void DiskWriter::read(std::uint64_t offset, std::uint8_t *out, std::size_t size) {
    while (size != 0) {
        const ssize_t count = ::pread(fd_, out, size, static_cast<off_t>(offset));
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count < 0) {
            fail_system(range("read", offset, size));
        }
        if (count == 0) {
            std::fill_n(out, size, std::uint8_t{0});
            return;
        }
        out += count;
        offset += static_cast<std::uint64_t>(count);
        size -= static_cast<std::size_t>(count);
    }
}

void DiskWriter::flush() {
    flush_erasure();
    flush_writes();
    staging_used_ = 0;
}

void DiskWriter::resize(std::uint64_t size) {
    if (::ftruncate(fd_, static_cast<off_t>(size)) != 0) {
        fail_system("make the disk " + std::to_string(size) + " bytes long");
    }
    content_end_ = std::min(content_end_, size);
}

std::uint8_t *DiskWriter::stage(std::size_t size) {
    if (size > staging_.size() - staging_used_) {
        flush();
        staging_.resize(std::max({staging_.size(), size, staging_size}));
    }
    std::uint8_t *const room = staging_.data() + staging_used_;
    staging_used_ += size;
    return room;
}

void DiskWriter::flush_writes() {
    if (!vector_.empty()) {
        write_vector(vector_offset_, vector_.data(), vector_.size());
        vector_.clear();
    }
    vector_offset_ = vector_end_ = 0;
}

void DiskWriter::flush_erasure() {
    if (erase_offset_ != erase_end_) {
        punch(erase_offset_, erase_end_ - erase_offset_);
        erase_offset_ = erase_end_ = 0;
    }
}

void DiskWriter::punch(std::uint64_t offset, std::uint64_t length) {
    if (can_punch_) {
        if (punch_hole(fd_, offset, length)) {
            return;
        }
        if (errno != EOPNOTSUPP && errno != ENOSYS && errno != EINVAL) {
            fail_system(range("free", offset, length));
        }
        can_punch_ = false;
    }
    write_zeros(offset, length);
}

void DiskWriter::write_zeros(std::uint64_t offset, std::uint64_t length) {
    static const std::uint8_t zeros[64 << 10] = {};
    while (length != 0) {
        std::vector<iovec> vector;
        std::uint64_t count = 0;
        while (count < length && vector.size() < longest_vector) {
            const auto piece =
                static_cast<std::size_t>(std::min<std::uint64_t>(sizeof zeros, length - count));
            vector.push_back({const_cast<std::uint8_t *>(zeros), piece});
            count += piece;
        }
        write_vector(offset, vector.data(), vector.size());
        offset += count;
        length -= count;
    }
}

void DiskWriter::require_room() {
    if (reserve_ == 0 || bytes_written_ < next_look_) {
        return;
    }
    next_look_ = bytes_written_ + room_step;
    struct statvfs room;
    if (::fstatvfs(fd_, &room) != 0) {
        fail_system("examine the file system of the disk");
    }
    if (room.f_frsize != 0 && room.f_bavail < reserve_ / room.f_frsize) {
        errno = ENOSPC;
        fail_system("write to the disk");
    }
}

void DiskWriter::write_vector(std::uint64_t offset, iovec *vector, std::size_t count) {
    require_room();
    while (count != 0) {
        const ssize_t written =
            ::pwritev(fd_, vector, static_cast<int>(count), static_cast<off_t>(offset));
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            errno = written == 0 ? EIO : errno;
            fail_system(range("write", offset, vector->iov_len));
        }
        behind_.wrote(offset, static_cast<std::uint64_t>(written));
        offset += static_cast<std::uint64_t>(written);
        bytes_written_ += static_cast<std::uint64_t>(written);
        auto rest = static_cast<std::size_t>(written);
        for (; count != 0 && rest >= vector->iov_len; ++vector, --count) {
            rest -= vector->iov_len;
        }
        if (count != 0) {
            vector->iov_base = static_cast<std::uint8_t *>(vector->iov_base) + rest;
            vector->iov_len -= rest;
        }
    }
}

}  // namespace imgadm::zstream
