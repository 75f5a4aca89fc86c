#include "zstream/codec.hpp"

#include "zstream/byte_order.hpp"

namespace imgadm::zstream {

namespace {

// lz4 and zstd blocks begin with their length, big endian in every stream. zstd adds a word of
// level and version, which writers lay out in two ways and which decoding does not need.
Bytes sized_block(Bytes payload, std::size_t prefix) {
    if (payload.size < prefix) {
        throw BadPayload{"has no room for its length"};
    }
    const auto size = load<std::uint32_t>(payload.data, ByteOrder::big);
    if (size > payload.size - prefix) {
        throw BadPayload{"claims " + std::to_string(size) + " bytes of " +
                         std::to_string(payload.size - prefix)};
    }
    return payload.after(prefix).first(size);
}

void require_exact(bool exact, std::size_t size) {
    if (!exact) {
        throw BadPayload{"does not decompress to " + std::to_string(size) + " bytes"};
    }
}

}  // namespace

const char *codec_name(Codec codec) {
    switch (codec) {
        case Codec::lzjb: return "lzjb";
        case Codec::gzip: return "gzip";
        case Codec::zle: return "zle";
        case Codec::lz4: return "lz4";
        case Codec::zstd: break;
    }
    return "zstd";
}

std::optional<Codec> codec_of(std::uint8_t compression) {
    if (compression >= 5 && compression <= 13) {
        return Codec::gzip;
    }
    switch (compression) {
        case 3: return Codec::lzjb;
        case 14: return Codec::zle;
        case 15: return Codec::lz4;
        case 16: return Codec::zstd;
        default: return std::nullopt;
    }
}

void decompress(Codec codec, Bytes payload, std::uint8_t *out, std::size_t size,
                const Inflate &inflate) {
    switch (codec) {
        case Codec::lz4: return require_exact(decode_lz4(sized_block(payload, 4), out, size), size);
        case Codec::lzjb: return require_exact(decode_lzjb(payload, out, size), size);
        case Codec::zle: return require_exact(decode_zle(payload, out, size), size);
        case Codec::gzip:
        case Codec::zstd: break;
    }
    if (!inflate) {
        throw MissingCodec{codec};
    }
    inflate(codec, codec == Codec::zstd ? sized_block(payload, 8) : payload, out, size);
}

}  // namespace imgadm::zstream
