// Takes one stream out of the package that it may come in, for a receiver that believes what it
// reads.
#pragma once

#include "zstream/verifier.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace imgadm::zstream {

// The bytes that may be passed on after one slice of the input: `before`, kept back from earlier
// slices, and then the bytes from `start` up to `stop` of the slice itself.
struct Passage {
    std::vector<std::uint8_t> before;
    std::size_t start = 0, stop = 0;
};

// Only records whose header has been checked are passed on; nothing of a package is, so that none
// of the properties, holds and names in it reach the receiver. END is kept back: without it no
// receiver has a complete stream, and the caller may have to check the rest of its input first.
class PlainStream final : private Verifier {
public:
    // size_in_mib is what a volume must have, the last MiB perhaps not full.
    PlainStream(Wanted wanted, std::optional<std::uint64_t> size_in_mib)
        : Verifier(wanted), size_in_mib_(size_in_mib) {}

    // Both throw StreamError.
    Passage feed(Bytes slice);
    Summary finish() { return Verifier::finish(); }

    // Good after finish().
    const std::vector<std::uint8_t> &end_record() const { return end_record_; }

private:
    void on_record(const Record &record, std::uint64_t offset) override;
    void check_volume(const Record &record, std::uint64_t offset) const;

    // The bytes from offset `from` up to `to` that are not in the slice but were kept.
    std::vector<std::uint8_t> kept(std::uint64_t from, std::uint64_t to) const;
    void keep_end(Bytes slice);
    void keep_unfinished(Bytes slice);

    static constexpr std::uint64_t nowhere = ~std::uint64_t{0};

    const std::optional<std::uint64_t> size_in_mib_;
    std::uint64_t begin_ = nowhere, end_ = nowhere;  // offsets of BEGIN and END of the stream
    std::uint64_t slice_offset_ = 0;
    std::uint64_t passed_ = 0;
    std::vector<std::uint8_t> unfinished_;  // of a header, up to slice_offset_
    std::vector<std::uint8_t> end_record_;
};

}  // namespace imgadm::zstream
