// Decoders of compressed payloads: whatever they are fed, they stay within their buffers.
#include "zstream/codec.hpp"

#include <cstdint>
#include <vector>

using namespace imgadm::zstream;

// The first byte is the number of the compression, the next two the size of the block.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    constexpr std::size_t prefix = 3;
    if (size < prefix) {
        return 0;
    }
    const auto codec = codec_of(data[0]);
    if (!codec) {
        return 0;
    }
    std::vector<std::uint8_t> block(std::size_t{data[1]} << 8 | data[2]);
    try {
        decompress(*codec, {data + prefix, size - prefix}, block.data(), block.size(), nullptr);
    } catch (const BadPayload &) {
    } catch (const MissingCodec &) {
    }
    return 0;
}
