// The compressed bytes that are still needed, and the places in them where blocks may begin.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

namespace imgadm::bzip2 {

// Offsets are those of the whole input, in bits unless they say bytes.
class Input {
public:
    void append(const std::uint8_t *bytes, std::size_t length);

    // The caller will append no more bytes.
    void finish() { finished_ = true; }
    bool finished() const { return finished_; }

    std::uint64_t end() const { return end_bytes() * 8; }
    std::uint64_t end_bytes() const { return total_bytes_; }

    // Where blocks or ends of streams may begin, ascending, none before what was discarded.
    const std::deque<std::uint64_t> &magics() const { return magics_; }

    // The `count` <= 48 bits at `begin`, as a number; all of them must be there.
    std::uint64_t bits(std::uint64_t begin, unsigned count) const;

    // Copies the bytes that hold [begin, end), followed by `padding` zero bytes.
    void copy(std::uint64_t begin, std::uint64_t end, std::size_t padding,
              std::vector<std::uint8_t> &to) const;

    // Forgets the bytes and the magics before `begin`.
    void discard(std::uint64_t begin);

    // Forgets everything, and from now on only counts what is appended.
    void ignore_rest();

private:
    std::vector<std::uint8_t> bytes_;
    std::uint64_t base_ = 0;  // in bytes: where bytes_ begins
    std::uint64_t total_bytes_ = 0;
    std::uint64_t searched_ = 0;
    std::deque<std::uint64_t> magics_;
    bool finished_ = false;
    bool ignoring_ = false;
};

}  // namespace imgadm::bzip2
