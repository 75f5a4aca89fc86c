// Moving bytes between descriptors and memory, in waits that can be cancelled.
//
// Every wait polls a second descriptor, which becomes readable when the pipeline ends. Descriptors
// that can block are expected to be non-blocking; a blocking one works, but its reads and writes
// can't be cancelled once they have begun.
#pragma once

#include <cstddef>
#include <cstdint>
#include <stdexcept>

#include "meter/meter.hpp"
#include "sha1/sha1.hpp"

namespace imgadm {

struct Cancelled : std::runtime_error {
    Cancelled() : std::runtime_error("cancelled") {}
};

class Waiter {
public:
    // `stall_milliseconds` bounds each single wait for input; negative means for ever.
    Waiter(int cancel_descriptor, int stall_milliseconds, Meter &meter)
        : cancel_(cancel_descriptor), stall_(stall_milliseconds), meter_(meter) {}

    // Throw Cancelled, or std::system_error with ETIMEDOUT.
    void for_input(int descriptor) const { wait(descriptor, false); }
    void for_output(int descriptor) const { wait(descriptor, true); }
    Meter &meter() const { return meter_; }

private:
    void wait(int descriptor, bool output) const;

    int cancel_;
    int stall_;
    Meter &meter_;
};

// At most `size` bytes; 0 is the end. Counts nothing.
std::size_t read_some(int descriptor, void *data, std::size_t size, const Waiter &waiter);

// All of it; counted as output.
void write_all(int descriptor, const void *data, std::size_t size, const Waiter &waiter);

// Whether the kernel can move bytes between descriptors by itself (Linux: splice and tee).
bool kernel_moves();

// Up to `limit` bytes from `source` to `sink`, until `source` ends; returns how many. One of the
// two must be a pipe for the kernel to do it (`in_kernel`), else a buffer does.
std::uint64_t move_bytes(int source, int sink, std::uint64_t limit, bool in_kernel,
                         const Waiter &waiter);

// From pipe to pipe until `source` ends, hashing on the way; at most `limit` bytes, and whatever
// comes beyond it is left in `source`. Returns how many.
std::uint64_t move_and_hash(int source, int sink, std::uint64_t limit, bool in_kernel,
                            Sha1 &hasher, const Waiter &waiter);

}  // namespace imgadm
