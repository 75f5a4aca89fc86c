#include "zstream/raw_disk_receiver.hpp"

#include "zstream/features.hpp"
#include "zstream/volume_properties.hpp"

#include <string>
#include <utility>

namespace imgadm::zstream {

namespace {

using Kind = StreamError::Kind;

bool covers(const FreeObjects &freed, std::uint64_t object) {
    return freed.first <= object && object - freed.first < freed.count;
}

}  // namespace

RawDiskReceiver::RawDiskReceiver(int fd, ReceiverOptions options)
    : disk_(fd, options.write_behind_step, options.punch_holes), options_(std::move(options)),
      parser_(*this) {}

Summary RawDiskReceiver::finish() {
    parser_.finish();
    Summary summary = parser_.summary();
    summary.volume_size = volume_size_;
    summary.block_size = block_size_;
    return summary;
}

void RawDiskReceiver::on_record(const Record &record, std::uint64_t offset) {
    offset_ = offset;
    block_.reset();
    std::visit([this](const auto &fields) { accept(fields); }, record);
    if (const auto block = data_block_of(record)) {
        expect(*block, static_cast<std::size_t>(payload_size(record)));
    }
}

void RawDiskReceiver::accept(const Begin &begin) {
    if (!parser_.summary().is_volume()) {
        fail_here(Kind::unsupported, "got the stream of a file system, wanted that of a volume");
    }
    if ((begin.features & feature::resuming) != 0) {
        fail_here(Kind::unsupported,
                  "got a stream that resumes an interrupted receive, wanted a whole one");
    }
    if ((begin.features & feature::redacted) != 0) {
        fail_here(Kind::unsupported, "got a redacted stream, wanted a complete one");
    }
    if (begin.from_guid == 0) {
        disk_.clear();
    } else {
        accept_origin(begin);
    }
}

void RawDiskReceiver::accept_origin(const Begin &begin) {
    const std::string got = "got an incremental stream from the snapshot with guid " +
                            std::to_string(begin.from_guid) + ", wanted ";
    if (!options_.origin_guid) {
        fail_here(Kind::origin, got + "a full stream");
    }
    if (*options_.origin_guid != begin.from_guid) {
        fail_here(Kind::origin, got + "one from guid " + std::to_string(*options_.origin_guid));
    }
    volume_size_ = options_.origin_size.value_or(disk_.content_end());
    block_size_ = options_.origin_block_size;
    if (*volume_size_ != disk_.content_end()) {
        fail_here(Kind::origin, "got a disk of " + std::to_string(disk_.content_end()) +
                                    " bytes to change, wanted one of " +
                                    std::to_string(*volume_size_));
    }
}

void RawDiskReceiver::accept(const Object &object) {
    const bool data = object.object == volume_data_object;
    const std::uint32_t wanted = data ? volume_data_type : volume_properties_type;
    if (object.object > volume_properties_object || object.type != wanted) {
        fail_here(Kind::format, "object " + std::to_string(object.object) + " of type " +
                                    std::to_string(object.type) + " does not belong to a volume");
    }
    if (!data) {
        return;
    }
    // A real receiver would drop all that the volume held before.
    if (options_.origin_guid && block_size_ && *block_size_ != object.block_size) {
        fail_here(Kind::origin, "got an incremental stream with blocks of " +
                                    std::to_string(object.block_size) + " bytes, wanted " +
                                    std::to_string(*block_size_) + " as in its origin");
    }
    block_size_ = object.block_size;
}

void RawDiskReceiver::accept(const FreeObjects &freed) {
    if (covers(freed, volume_data_object)) {
        disk_.erase(0, to_the_end);
        block_size_.reset();
    }
    if (covers(freed, volume_properties_object)) {
        volume_size_.reset();
    }
}

void RawDiskReceiver::accept(const Free &freed) {
    if (freed.object == volume_data_object) {
        disk_.erase(freed.offset, freed.length);
    }
}

void RawDiskReceiver::accept(const WriteByRef &copy) {
    if (copy.object != volume_data_object || copy.source_object != volume_data_object ||
        copy.source_guid != parser_.summary().begin.to_guid) {
        fail_here(Kind::unsupported,
                  "got a deduplicated block of object " + std::to_string(copy.source_object) +
                      " of snapshot guid " + std::to_string(copy.source_guid) +
                      ", wanted one of this volume");
    }
    require_block(copy.offset, copy.length);
    if (copy.source_offset + copy.length > copy.offset) {
        fail_here(Kind::format, "WRITE_BYREF record refers to data that comes later");
    }
    disk_.copy(copy.source_offset, copy.offset, static_cast<std::size_t>(copy.length));
}

void RawDiskReceiver::expect(const DataBlock &block, std::size_t payload_size) {
    if (block.object == volume_data_object) {
        require_block(block.offset, block.length);
    } else if (block.object != volume_properties_object || block.offset != 0) {
        fail_here(Kind::format, "data of object " + std::to_string(block.object) + " at " +
                                    std::to_string(block.offset) +
                                    " does not belong to a volume");
    }
    block_ = block;
    written_of_block_ = 0;
    collector_.expect(payload_size);
    if (payload_size == 0) {
        finish_block({});
    }
}

void RawDiskReceiver::require_block(std::uint64_t offset, std::uint64_t length) const {
    if (!block_size_ || offset % *block_size_ != 0) {
        fail_here(Kind::format, "data at " + std::to_string(offset) +
                                    " does not begin at a block of " +
                                    std::to_string(block_size_.value_or(0)) + " bytes");
    }
    if (offset + length > INT64_MAX) {
        fail_here(Kind::format, "data at " + std::to_string(offset) + " is beyond any disk");
    }
}

void RawDiskReceiver::on_payload(Bytes piece) {
    if (!block_) {
        return;
    }
    if (block_->object == volume_data_object && block_->is_plain()) {
        disk_.write(block_->offset + written_of_block_, piece);
        written_of_block_ += piece.size;
    } else if (const auto payload = collector_.add(piece)) {
        finish_block(*payload);
    }
}

void RawDiskReceiver::finish_block(Bytes payload) {
    std::uint8_t *const room = disk_.stage(block_->length);
    unpack(*block_, payload, room, options_.inflate, offset_);
    const Bytes content{room, block_->length};
    if (block_->object == volume_data_object) {
        disk_.write(block_->offset, content);
    } else if (const auto size = read_volume_size(content, parser_.summary().byte_order, offset_)) {
        volume_size_ = size;
    }
}

void RawDiskReceiver::on_end() {
    disk_.flush();
    if (!volume_size_) {
        fail_here(Kind::format, "stream does not tell the size of the volume");
    }
    disk_.resize(*volume_size_);
}

void RawDiskReceiver::refuse(const char *record) const {
    fail_here(Kind::format, std::string(record) + " record does not belong to a volume");
}

void RawDiskReceiver::fail_here(Kind kind, const std::string &message) const {
    fail(kind, offset_, message);
}

}  // namespace imgadm::zstream
