#include "zstream/verifier.hpp"

#include "zstream/volume_properties.hpp"

#include <vector>

namespace imgadm::zstream {

Summary Verifier::finish() {
    parser_.finish();
    Summary summary = parser_.summary();
    summary.volume_size = volume_size_;
    summary.block_size = block_size_;
    return summary;
}

void Verifier::on_record(const Record &record, std::uint64_t offset) {
    properties_.reset();
    if (const auto *begin = std::get_if<Begin>(&record)) {
        require_wanted(*begin, wanted_, offset);
    }
    if (!parser_.summary().is_volume()) {
        return;
    }
    if (const auto *object = std::get_if<Object>(&record)) {
        if (object->object == volume_data_object) {
            block_size_ = object->block_size;
        }
        return;
    }
    const auto block = data_block_of(record);
    if (block && block->object == volume_properties_object && block->offset == 0) {
        properties_ = block;
        offset_ = offset;
        collector_.expect(static_cast<std::size_t>(payload_size(record)));
    }
}

void Verifier::on_payload(Bytes piece) {
    if (!properties_) {
        return;
    }
    // What senders compress with gzip or zstd is data, never the properties.
    if (const auto payload = collector_.add(piece)) {
        std::vector<std::uint8_t> block(properties_->length);
        unpack(*properties_, *payload, block.data(), nullptr, offset_);
        volume_size_ =
            read_volume_size({block.data(), block.size()}, parser_.summary().byte_order, offset_);
    }
}

}  // namespace imgadm::zstream
