#include "zstream/raw_disk_receiver.hpp"

#include "zstream/acceptance.hpp"
#include "zstream/features.hpp"
#include "zstream/volume_properties.hpp"
#include "zstream/volume_rules.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace imgadm::zstream {

namespace {

using Kind = StreamError::Kind;

constexpr std::uint64_t mib = 1 << 20;
// Senders free each range once, and the end of the volume at most twice more. Freeing a range over
// and over costs a receiver that has to write zeros more than it costs the sender.
constexpr std::uint64_t most_often_freed = 8, freed_slack = 8 * mib;

bool covers(const FreeObjects &freed, std::uint64_t object) {
    return freed.first <= object && object - freed.first < freed.count;
}

}  // namespace

RawDiskReceiver::RawDiskReceiver(int fd, ReceiverOptions options)
    : disk_(fd, options.write_behind_step, options.punch_holes, options.reserve),
      options_(std::move(options)), parser_(*this) {}

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
    require_wanted(begin, {ObjectSet::volume, options_.origin_guid.value_or(0)}, offset_);
    if (begin.from_guid == 0) {
        disk_.clear();
    } else {
        accept_origin();
    }
}

void RawDiskReceiver::accept_origin() {
    volume_size_ = options_.origin_size.value_or(disk_.content_end());
    block_size_ = options_.origin_block_size;
    if (*volume_size_ != disk_.content_end()) {
        fail_here(Kind::origin, "got a disk of " + std::to_string(disk_.content_end()) +
                                    " bytes to change, wanted one of " +
                                    std::to_string(*volume_size_));
    }
}

void RawDiskReceiver::accept(const Object &object) {
    require_volume_object(object, offset_);
    if (object.object != volume_data_object) {
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
    if (freed.object != volume_data_object) {
        return;
    }
    // A full stream says first where its data ends.
    if (freed.length == to_the_end && parser_.summary().begin.from_guid == 0) {
        require_inside(freed.offset);
    }
    largest_content_ = std::max(largest_content_, disk_.content_end());
    freed_ += disk_.erase(freed.offset, freed.length);
    if (freed_ / most_often_freed > largest_content_ + freed_slack) {
        fail_here(Kind::format, "FREE records free the same data again and again");
    }
}

void RawDiskReceiver::accept(const WriteByRef &copy) {
    if (copy.object != volume_data_object || copy.source_object != volume_data_object) {
        fail_here(Kind::unsupported, "got a deduplicated block of object " +
                                         std::to_string(copy.source_object) +
                                         ", wanted one of the volume's data");
    }
    require_block(copy.offset, copy.length);
    disk_.copy(copy.source_offset, copy.offset, static_cast<std::size_t>(copy.length));
}

void RawDiskReceiver::expect(const DataBlock &block, std::size_t payload_size) {
    if (block.object == volume_data_object) {
        require_block(block.offset, block.length);
    } else if (block.object != volume_properties_object || block.offset != 0) {
        fail_here(Kind::format, "data of object " + std::to_string(block.object) + " at " +
                                    std::to_string(block.offset) + " does not belong to a volume");
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
    require_inside(offset + length);
}

void RawDiskReceiver::require_inside(std::uint64_t end) const {
    require_inside_volume(end, options_.size_in_mib, offset_);
}

void RawDiskReceiver::accept_size(std::uint64_t size) {
    require_volume_size(size, options_.size_in_mib, offset_);
    volume_size_ = size;
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
        accept_size(*size);
    }
}

void RawDiskReceiver::on_end() {
    disk_.flush();
    if (!volume_size_) {
        fail_here(Kind::format, "stream does not tell the size of the volume");
    }
    accept_size(*volume_size_);
    disk_.resize(*volume_size_);
}

void RawDiskReceiver::refuse(const char *record) const {
    fail_here(Kind::format, std::string(record) + " record does not belong to a volume");
}

void RawDiskReceiver::fail_here(Kind kind, const std::string &message) const {
    fail(kind, offset_, message);
}

}  // namespace imgadm::zstream
