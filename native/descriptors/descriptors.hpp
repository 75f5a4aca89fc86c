// Moving bytes between descriptors and memory, in waits that can be cancelled.
//
// Every wait polls a second descriptor, which becomes readable when the pipeline ends. Descriptors
// that can block are expected to be non-blocking; a blocking one works, but its reads and writes
// can't be cancelled once they have begun.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "meter/meter.hpp"
#include "sha1/sha1.hpp"

namespace imgadm {

struct Cancelled : std::runtime_error {
    Cancelled() : std::runtime_error("cancelled") {}
};

// The least that a peer has to send: `bytes` within `window_milliseconds` of waiting for them.
struct Floor {
    std::uint64_t bytes = 0;
    int window_milliseconds = 0;  // 0: no floor
};

class Waiter {
public:
    // `stall_milliseconds` bounds each single wait for input; negative means for ever. `floor`
    // bounds many short waits, which a peer can string together without end.
    Waiter(int cancel_descriptor, int stall_milliseconds, Meter &meter, Floor floor = {})
        : cancel_(cancel_descriptor), stall_(stall_milliseconds), meter_(meter), floor_(floor),
          bytes_at_window_(meter.bytes_out()) {}

    // Throw Cancelled, or std::system_error with ETIMEDOUT if the peer sends nothing or too little.
    void for_input(int descriptor) const { wait(descriptor, false); }
    void for_output(int descriptor) const { wait(descriptor, true); }
    // Throws Cancelled if the pipeline ends; does not wait.
    void check() const;
    Meter &meter() const { return meter_; }

private:
    void wait(int descriptor, bool output) const;
    void check_floor(std::chrono::steady_clock::duration waited) const;

    int cancel_;
    int stall_;
    Meter &meter_;
    Floor floor_;
    mutable std::uint64_t bytes_at_window_;
    mutable std::chrono::steady_clock::duration waited_{0};
};

// Reads at most `size` bytes; returns how many, 0 at the end. Does not count them in the meter.
std::size_t read_some(int descriptor, void *data, std::size_t size, const Waiter &waiter);

// Writes all bytes, and counts them as output.
void write_all(int descriptor, const void *data, std::size_t size, const Waiter &waiter);

// Does the same, but if the kernel can, lends the pipe the pages of memory that have the bytes. The
// caller must leave them as they are until the bytes have been read. Returns how many bytes in the
// pipe may still need their pages: all unread ones, or 0 if the kernel can't lend.
std::size_t lend_all(int pipe, const void *data, std::size_t size, const Waiter &waiter);

// Whether the kernel can move bytes between descriptors by itself (Linux: splice and tee).
bool kernel_moves();

// Moves up to `limit` bytes from `source` to `sink`, until `source` ends; returns how many. The
// kernel moves them if it can for these descriptors; otherwise they go through a buffer.
std::uint64_t move_bytes(int source, int sink, std::uint64_t limit, const Waiter &waiter);

// Does the same, and hashes the bytes. Between two pipes it does not copy the bytes for `sink`.
// Bytes beyond `limit` stay in `source`.
std::uint64_t move_and_hash(int source, int sink, std::uint64_t limit, Sha1 &hasher,
                            const Waiter &waiter);

}  // namespace imgadm
