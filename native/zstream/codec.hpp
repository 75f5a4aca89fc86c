// Compressed payloads: the on-disk blocks that zfs send -c puts into a stream.
#pragma once

#include "zstream/bytes.hpp"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace imgadm::zstream {

enum class Codec { lzjb, gzip, zle, lz4, zstd };

const char *codec_name(Codec codec);

// Numbers of OpenZFS's enum zio_compress; nothing for those that name no compression.
constexpr std::uint8_t compression_off = 2;
std::optional<Codec> codec_of(std::uint8_t compression);

// Decompresses gzip (a whole zlib stream) and zstd (one magicless frame) into exactly `size` bytes
// at `out`. Bytes after the end of the compressed data are padding. Throws BadPayload.
using Inflate =
    std::function<void(Codec codec, Bytes payload, std::uint8_t *out, std::size_t size)>;

struct BadPayload {
    std::string reason;
};
// The payload is of a codec for which there is no Inflate.
struct MissingCodec {
    Codec codec;
};

// Fills `size` bytes at `out` from a payload with its padding. Throws BadPayload or MissingCodec.
void decompress(Codec codec, Bytes payload, std::uint8_t *out, std::size_t size,
                const Inflate &inflate);

// True if the input made exactly `size` bytes. lz4 wants a bare block without its length.
bool decode_lz4(Bytes block, std::uint8_t *out, std::size_t size);
bool decode_lzjb(Bytes input, std::uint8_t *out, std::size_t size);
bool decode_zle(Bytes input, std::uint8_t *out, std::size_t size);

}  // namespace imgadm::zstream
