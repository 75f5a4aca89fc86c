#include "descriptors/descriptors.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <system_error>
#include <vector>

namespace imgadm {
namespace {

constexpr std::size_t piece_size = 256 * 1024;
constexpr std::size_t move_size = 1024 * 1024;

[[noreturn]] void fail(const char *what) {
    throw std::system_error(errno, std::generic_category(), what);
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

void Waiter::check() const {
    struct pollfd polled = {cancel_, POLLIN, 0};
    if (::poll(&polled, 1, 0) > 0) throw Cancelled();
}

void Waiter::wait(int descriptor, bool output) const {
    struct pollfd polled[2] = {{descriptor, static_cast<short>(output ? POLLOUT : POLLIN), 0},
                               {cancel_, POLLIN, 0}};
    const TimedWait timed(meter_, output ? Meter::Wait::output : Meter::Wait::input);
    const auto began = std::chrono::steady_clock::now();
    for (;;) {
        const int ready = ::poll(polled, 2, output ? -1 : stall_);
        if (ready < 0) {
            if (errno == EINTR) continue;
            fail("poll");
        }
        if (polled[1].revents != 0) throw Cancelled();
        if (polled[0].revents != 0) {
            if (!output) check_floor(std::chrono::steady_clock::now() - began);
            return;
        }
        if (ready == 0) {
            errno = ETIMEDOUT;
            fail("no bytes for too long");
        }
    }
}

void Waiter::check_floor(std::chrono::steady_clock::duration waited) const {
    if (floor_.window_milliseconds <= 0) return;
    waited_ += waited;
    if (waited_ < std::chrono::milliseconds(floor_.window_milliseconds)) return;
    if (meter_.bytes_out() - bytes_at_window_ < floor_.bytes) {
        errno = ETIMEDOUT;
        fail("too few bytes in too much time");
    }
    bytes_at_window_ = meter_.bytes_out();
    waited_ = std::chrono::steady_clock::duration::zero();
}

std::size_t read_some(int descriptor, void *data, std::size_t size, const Waiter &waiter) {
    for (;;) {
        const ssize_t got = ::read(descriptor, data, size);
        if (got >= 0) return static_cast<std::size_t>(got);
        if (would_block()) {
            waiter.for_input(descriptor);
        } else if (errno != EINTR) {
            fail("read");
        }
    }
}

namespace {

// Everything, in as many calls as it takes; returns how many bytes are left where a call fails.
template <typename Call>
std::size_t put_all(int descriptor, const void *data, std::size_t size, const Waiter &waiter,
                    Call call) {
    const auto *bytes = static_cast<const char *>(data);
    while (size > 0) {
        const ssize_t put = call(bytes, size);
        if (put >= 0) {
            bytes += put;
            size -= static_cast<std::size_t>(put);
            waiter.meter().add_out(static_cast<std::uint64_t>(put));
        } else if (would_block()) {
            waiter.for_output(descriptor);
        } else if (errno != EINTR) {
            break;
        }
    }
    return size;
}

}  // namespace

void write_all(int descriptor, const void *data, std::size_t size, const Waiter &waiter) {
    const auto call = [&](const char *bytes, std::size_t count) {
        return ::write(descriptor, bytes, count);
    };
    if (put_all(descriptor, data, size, waiter, call) != 0) fail("write");
}

#if defined(__linux__)

bool kernel_moves() { return true; }

std::size_t lend_all(int pipe, const void *data, std::size_t size, const Waiter &waiter) {
    const std::size_t left =
        put_all(pipe, data, size, waiter, [&](const char *bytes, std::size_t count) {
            const struct iovec piece = {const_cast<char *>(bytes), count};
            return ::vmsplice(pipe, &piece, 1, SPLICE_F_NONBLOCK);
        });
    // Bytes that can't be lent are written. write_all also reports a pipe without a reader.
    write_all(pipe, static_cast<const char *>(data) + size - left, left, waiter);
    int unread = 0;
    if (::ioctl(pipe, FIONREAD, &unread) != 0) fail("count what is in the pipe");
    return static_cast<std::size_t>(unread);
}

namespace {

// The answer of splice or tee; nothing if it can't work on these descriptors.
template <typename Call>
std::optional<std::size_t> in_kernel(const char *name, int source, int sink, const Waiter &waiter,
                                     Call call) {
    for (;;) {
        const ssize_t moved = call();
        if (moved >= 0) return static_cast<std::size_t>(moved);
        if (would_block()) {
            waiter.for_input(source);
            waiter.for_output(sink);
        } else if (errno == EINVAL) {
            return std::nullopt;
        } else if (errno != EINTR) {
            fail(name);
        }
    }
}

std::optional<std::size_t> splice_some(int source, int sink, std::size_t size,
                                       const Waiter &waiter) {
    return in_kernel("splice", source, sink, waiter, [&] {
        return ::splice(source, nullptr, sink, nullptr, size, SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
    });
}

std::optional<std::size_t> tee_some(int source, int sink, std::size_t size, const Waiter &waiter) {
    return in_kernel("tee", source, sink, waiter,
                     [&] { return ::tee(source, sink, size, SPLICE_F_NONBLOCK); });
}

}  // namespace

#else

bool kernel_moves() { return false; }

std::size_t lend_all(int pipe, const void *data, std::size_t size, const Waiter &waiter) {
    write_all(pipe, data, size, waiter);
    return 0;
}

namespace {

std::optional<std::size_t> splice_some(int, int, std::size_t, const Waiter &) {
    return std::nullopt;
}

std::optional<std::size_t> tee_some(int, int, std::size_t, const Waiter &) { return std::nullopt; }

}  // namespace

#endif

std::uint64_t move_bytes(int source, int sink, std::uint64_t limit, const Waiter &waiter) {
    std::vector<char> memory;  // empty for as long as the kernel does it
    std::uint64_t moved = 0;
    while (moved < limit) {
        waiter.check();
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(move_size, limit - moved));
        std::size_t size;
        if (memory.empty()) {
            const std::optional<std::size_t> spliced = splice_some(source, sink, wanted, waiter);
            if (!spliced) {
                memory.resize(piece_size);
                continue;
            }
            size = *spliced;
            waiter.meter().add_in(size);
            waiter.meter().add_out(size);
        } else {
            size = read_some(source, memory.data(), std::min(wanted, memory.size()), waiter);
            waiter.meter().add_in(size);
            write_all(sink, memory.data(), size, waiter);
        }
        if (size == 0) break;
        moved += size;
    }
    return moved;
}

std::uint64_t move_and_hash(int source, int sink, std::uint64_t limit, Sha1 &hasher,
                            const Waiter &waiter) {
    std::vector<char> memory(piece_size);
    bool duplicates = true;
    std::uint64_t moved = 0;
    while (moved < limit) {
        waiter.check();
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, limit - moved));
        std::size_t size = 0;
        if (duplicates) {
            const std::optional<std::size_t> copied = tee_some(source, sink, wanted, waiter);
            if (!copied) {
                duplicates = false;
                continue;
            }
            waiter.meter().add_out(*copied);
            // All that was duplicated is still in the source, and has to leave it now.
            while (size < *copied) {
                const std::size_t got =
                    read_some(source, memory.data() + size, *copied - size, waiter);
                if (got == 0) {
                    errno = EIO;
                    fail("somebody else reads from the pipe");
                }
                size += got;
            }
        } else {
            size = read_some(source, memory.data(), wanted, waiter);
        }
        if (size == 0) break;
        waiter.meter().add_in(size);
        hasher.update(memory.data(), size);
        if (!duplicates) write_all(sink, memory.data(), size, waiter);
        moved += size;
    }
    return moved;
}

}  // namespace imgadm
