// Feeds arbitrary bytes to the bzip2 encoder: our decoder must make the same bytes of the stream.
// The first byte gives the level, and how often the others are repeated.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "bzip2/decoder.hpp"
#include "bzip2/encoder.hpp"

namespace {

using imgadm::bzip2::Decoder;
using imgadm::bzip2::Encoder;

std::vector<std::uint8_t> decode(const std::vector<std::uint8_t> &stream) {
    Decoder decoder(1);
    decoder.feed(stream.data(), stream.size());
    decoder.end_of_input();
    std::vector<std::uint8_t> bytes;
    std::array<std::uint8_t, 40000> buffer;
    while (true) {
        const Decoder::Reading reading = decoder.read(buffer.data(), buffer.size());
        if (reading.answer == Decoder::Answer::end) return bytes;
        if (reading.answer != Decoder::Answer::bytes) std::abort();
        bytes.insert(bytes.end(), buffer.data(), buffer.data() + reading.count);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    if (size == 0) return 0;
    const unsigned level = 1 + data[0] % 2;
    const unsigned times = data[0] % 16 == 0 ? 1 + data[0] : 1;
    std::vector<std::uint8_t> bytes;
    for (unsigned turn = 0; turn < times; ++turn) bytes.insert(bytes.end(), data + 1, data + size);
    Encoder encoder(level);
    // An encoder may be used again.
    for (int turn = 0; turn < 2; ++turn) {
        if (decode(encoder.encode(bytes.data(), bytes.size())) != bytes) std::abort();
    }
    return 0;
}
