// Undoes the first step of bzip2: four equal bytes are followed by a count of further ones.
#pragma once

#include <cstddef>
#include <cstdint>

namespace imgadm::bzip2 {

// Expands a block piece by piece; a copy goes on by itself from where the original stood.
class RunExpander {
public:
    RunExpander() = default;
    RunExpander(const std::uint8_t *block, std::size_t length)
        : next_(block), end_(block + length) {}

    // Writes up to `room` bytes and returns how many; fewer only at the end of the block.
    std::size_t expand(std::uint8_t *to, std::size_t room);

    bool finished() const { return (next_ == end_ || lacks_count_) && run_left_ == 0; }

    // True once the block has ended between four equal bytes and their count.
    bool lacks_count() const { return lacks_count_; }

private:
    std::uint8_t *continue_run(std::uint8_t *to, const std::uint8_t *limit);

    const std::uint8_t *next_ = nullptr;
    const std::uint8_t *end_ = nullptr;
    std::size_t run_left_ = 0;
    std::uint8_t run_byte_ = 0;
    bool lacks_count_ = false;
};

}  // namespace imgadm::bzip2
