// Feeds arbitrary bytes to the bzip2 decoder, in pieces, on one thread and on two: neither may
// read or write where it should not, and both must agree on every byte and on the verdict.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "bzip2/decoder.hpp"

namespace {

using imgadm::bzip2::Decoder;

// A few hundred bytes can decode to gigabytes of one repeated byte, which proves nothing more.
constexpr std::size_t enough_bytes = std::size_t{1} << 24;

struct Run {
    std::vector<std::uint8_t> bytes;
    Decoder::Answer answer = Decoder::Answer::bytes;
    std::uint64_t offset = 0;
    std::uint64_t ignored = 0;
};

Run run(unsigned threads, std::size_t piece, const std::uint8_t *data, std::size_t size) {
    Decoder decoder(threads);
    Run run;
    std::array<std::uint8_t, 40000> buffer;
    std::size_t fed = 0;
    while (run.bytes.size() < enough_bytes) {
        const Decoder::Reading reading = decoder.read(buffer.data(), buffer.size());
        run.answer = reading.answer;
        if (reading.answer == Decoder::Answer::bytes) {
            run.bytes.insert(run.bytes.end(), buffer.data(), buffer.data() + reading.count);
        } else if (reading.answer != Decoder::Answer::wants_input) {
            break;
        } else if (fed == size) {
            decoder.end_of_input();
        } else {
            const std::size_t count = std::min(piece, size - fed);
            decoder.feed(data + fed, count);
            fed += count;
        }
    }
    if (run.answer == Decoder::Answer::failed) run.offset = decoder.failure().offset;
    run.ignored = decoder.ignored_trailing_bytes();
    return run;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const Run whole = run(1, std::max<std::size_t>(size, 1), data, size);
    const Run pieces = run(2, size / 7 + 1, data, size);
    const std::size_t common = std::min(whole.bytes.size(), pieces.bytes.size());
    const bool same_bytes =
        std::equal(whole.bytes.begin(), whole.bytes.begin() + static_cast<std::ptrdiff_t>(common),
                   pieces.bytes.begin());
    const bool complete = whole.bytes.size() < enough_bytes && pieces.bytes.size() < enough_bytes;
    if (!same_bytes) std::abort();
    if (complete && (whole.bytes.size() != pieces.bytes.size() || whole.answer != pieces.answer ||
                     whole.offset != pieces.offset || whole.ignored != pieces.ignored)) {
        std::abort();
    }
    return 0;
}
