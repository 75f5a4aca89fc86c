#include "zstream/data_block.hpp"

#include "zstream/error.hpp"

#include <algorithm>
#include <string>

namespace imgadm::zstream {

std::optional<DataBlock> data_block_of(const Record &record) {
    if (const auto *write = std::get_if<Write>(&record)) {
        const auto length = static_cast<std::size_t>(write->length);
        const auto packed = static_cast<std::size_t>(payload_size(record));
        return DataBlock{write->object, write->offset, length,
                         length,        packed,        codec_of(write->compression)};
    }
    if (const auto *embedded = std::get_if<WriteEmbedded>(&record)) {
        return DataBlock{embedded->object,
                         embedded->offset,
                         static_cast<std::size_t>(embedded->length),
                         embedded->logical_size,
                         embedded->physical_size,
                         codec_of(embedded->compression)};
    }
    return std::nullopt;
}

void unpack(const DataBlock &block, Bytes payload, std::uint8_t *out, const Inflate &inflate,
            std::uint64_t offset) {
    const Bytes packed = payload.first(block.packed_size);
    if (!block.codec) {
        std::copy_n(packed.data, packed.size, out);
    } else {
        const std::string name = codec_name(*block.codec);
        try {
            decompress(*block.codec, packed, out, block.unpacked_size, inflate);
        } catch (const BadPayload &bad) {
            fail(StreamError::Kind::format, offset, name + " payload " + bad.reason);
        } catch (const MissingCodec &) {
            fail(StreamError::Kind::unsupported, offset,
                 "got a " + name + " payload, and nothing to decompress it with");
        }
    }
    std::fill(out + block.unpacked_size, out + block.length, std::uint8_t{0});
}

void PayloadCollector::expect(std::size_t size) {
    collected_.clear();
    size_ = size;
}

std::optional<Bytes> PayloadCollector::add(Bytes piece) {
    if (collected_.empty() && piece.size == size_) {
        return piece;
    }
    collected_.insert(collected_.end(), piece.data, piece.data + piece.size);
    if (collected_.size() < size_) {
        return std::nullopt;
    }
    return Bytes{collected_.data(), collected_.size()};
}

}  // namespace imgadm::zstream
