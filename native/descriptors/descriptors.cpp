#include "descriptors/descriptors.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <vector>

namespace imgadm {
namespace {

constexpr std::size_t piece_size = 256 * 1024;

[[noreturn]] void fail(const char *what) {
    throw std::system_error(errno, std::generic_category(), what);
}

bool would_block() { return errno == EAGAIN || errno == EWOULDBLOCK; }

}  // namespace

void Waiter::wait(int descriptor, bool output) const {
    struct pollfd polled[2] = {{descriptor, static_cast<short>(output ? POLLOUT : POLLIN), 0},
                               {cancel_, POLLIN, 0}};
    const TimedWait timed(meter_, output ? Meter::Wait::output : Meter::Wait::input);
    for (;;) {
        const int ready = ::poll(polled, 2, output ? -1 : stall_);
        if (ready < 0) {
            if (errno == EINTR) continue;
            fail("poll");
        }
        if (polled[1].revents != 0) throw Cancelled();
        if (polled[0].revents != 0) return;
        if (ready == 0) {
            errno = ETIMEDOUT;
            fail("no bytes for too long");
        }
    }
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

void write_all(int descriptor, const void *data, std::size_t size, const Waiter &waiter) {
    const auto *bytes = static_cast<const char *>(data);
    while (size > 0) {
        const ssize_t put = ::write(descriptor, bytes, size);
        if (put >= 0) {
            bytes += put;
            size -= static_cast<std::size_t>(put);
            waiter.meter().add_out(static_cast<std::uint64_t>(put));
        } else if (would_block()) {
            waiter.for_output(descriptor);
        } else if (errno != EINTR) {
            fail("write");
        }
    }
}

#if defined(__linux__)

bool kernel_moves() { return true; }

namespace {

// The bytes moved, or 0 at the end of `source`; waits for whichever side holds it up.
std::size_t splice_some(int source, int sink, std::size_t size, const Waiter &waiter) {
    for (;;) {
        const ssize_t moved = ::splice(source, nullptr, sink, nullptr, size,
                                       SPLICE_F_MOVE | SPLICE_F_NONBLOCK);
        if (moved >= 0) return static_cast<std::size_t>(moved);
        if (would_block()) {
            waiter.for_input(source);
            waiter.for_output(sink);
        } else if (errno != EINTR) {
            fail("splice");
        }
    }
}

std::size_t tee_some(int source, int sink, std::size_t size, const Waiter &waiter) {
    for (;;) {
        const ssize_t copied = ::tee(source, sink, size, SPLICE_F_NONBLOCK);
        if (copied >= 0) return static_cast<std::size_t>(copied);
        if (would_block()) {
            waiter.for_input(source);
            waiter.for_output(sink);
        } else if (errno != EINTR) {
            fail("tee");
        }
    }
}

}  // namespace

#else

bool kernel_moves() { return false; }

namespace {

std::size_t splice_some(int, int, std::size_t, const Waiter &) {
    errno = ENOSYS;
    fail("splice");
}

std::size_t tee_some(int, int, std::size_t, const Waiter &) {
    errno = ENOSYS;
    fail("tee");
}

}  // namespace

#endif

std::uint64_t move_bytes(int source, int sink, std::uint64_t limit, bool in_kernel,
                         const Waiter &waiter) {
    std::vector<char> memory(in_kernel ? 0 : piece_size);
    const std::size_t at_once = in_kernel ? 4 * piece_size : piece_size;
    std::uint64_t moved = 0;
    while (moved < limit) {
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(at_once, limit - moved));
        std::size_t size;
        if (in_kernel) {
            size = splice_some(source, sink, wanted, waiter);
            waiter.meter().add_in(size);
            waiter.meter().add_out(size);
        } else {
            size = read_some(source, memory.data(), wanted, waiter);
            waiter.meter().add_in(size);
            write_all(sink, memory.data(), size, waiter);
        }
        if (size == 0) break;
        moved += size;
    }
    return moved;
}

std::uint64_t move_and_hash(int source, int sink, std::uint64_t limit, bool in_kernel,
                            Sha1 &hasher, const Waiter &waiter) {
    std::vector<char> memory(piece_size);
    std::uint64_t moved = 0;
    while (moved < limit) {
        const auto wanted =
            static_cast<std::size_t>(std::min<std::uint64_t>(piece_size, limit - moved));
        std::size_t size = wanted;
        if (in_kernel) {
            size = tee_some(source, sink, wanted, waiter);
            waiter.meter().add_out(size);
        }
        // What was duplicated is still in the source, all of it, so this never waits.
        std::size_t filled = 0;
        while (filled < size) {
            const std::size_t got =
                read_some(source, memory.data() + filled, size - filled, waiter);
            filled += got;
            if (got == 0 || !in_kernel) break;
        }
        size = filled;
        if (size == 0) break;
        waiter.meter().add_in(size);
        hasher.update(memory.data(), size);
        if (!in_kernel) write_all(sink, memory.data(), size, waiter);
        moved += size;
    }
    return moved;
}

}  // namespace imgadm
