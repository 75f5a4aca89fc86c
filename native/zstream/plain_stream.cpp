#include "zstream/plain_stream.hpp"

#include "zstream/volume_properties.hpp"

#include <algorithm>
#include <string>

namespace imgadm::zstream {

namespace {

using Kind = StreamError::Kind;

constexpr std::uint64_t mib = 1 << 20;

struct DataEnd {
    std::uint64_t object, end;
};

std::optional<DataEnd> data_end_of(const Record &record) {
    if (const auto *copy = std::get_if<WriteByRef>(&record)) {
        return DataEnd{copy->object, copy->offset + copy->length};
    }
    if (const auto block = data_block_of(record)) {
        return DataEnd{block->object, block->offset + block->length};
    }
    return std::nullopt;
}

}  // namespace

Passage PlainStream::feed(Bytes slice) {
    Verifier::feed(slice);
    const std::uint64_t slice_end = slice_offset_ + slice.size;
    const std::uint64_t from = std::max(begin_, passed_);
    const std::uint64_t to = std::min(end_, slice_end - parser_.unfinished_header());
    Passage passage;
    if (begin_ != nowhere && from < to) {
        passage.before = kept(from, std::min(to, slice_offset_));
        passage.start = static_cast<std::size_t>(std::max(from, slice_offset_) - slice_offset_);
        passage.stop = static_cast<std::size_t>(std::max(to, slice_offset_) - slice_offset_);
        passed_ = to;
    }
    keep_end(slice);
    keep_unfinished(slice);
    slice_offset_ = slice_end;
    return passage;
}

std::vector<std::uint8_t> PlainStream::kept(std::uint64_t from, std::uint64_t to) const {
    if (from >= to) {
        return {};
    }
    const std::uint64_t first = slice_offset_ - unfinished_.size();
    const auto at = [&](std::uint64_t offset) {
        return unfinished_.begin() + static_cast<std::ptrdiff_t>(offset - first);
    };
    return {at(from), at(to)};
}

void PlainStream::keep_end(Bytes slice) {
    if (end_ == nowhere || !end_record_.empty()) {
        return;
    }
    end_record_ = kept(end_, slice_offset_);
    const Bytes rest = slice.after(static_cast<std::size_t>(
        std::max(end_, slice_offset_) - slice_offset_));
    const Bytes piece = rest.first(header_size - end_record_.size());
    end_record_.insert(end_record_.end(), piece.data, piece.data + piece.size);
}

void PlainStream::keep_unfinished(Bytes slice) {
    const std::size_t size = parser_.unfinished_header();
    if (size <= slice.size) {
        unfinished_.clear();
        slice = slice.after(slice.size - size);
    }
    unfinished_.insert(unfinished_.end(), slice.data, slice.data + slice.size);
}

void PlainStream::on_record(const Record &record, std::uint64_t offset) {
    if (const auto *begin = std::get_if<Begin>(&record)) {
        require_wanted(*begin, wanted_, offset);
        begin_ = offset;
    }
    Verifier::on_record(record, offset);
    if (parser_.summary().is_volume()) {
        check_volume(record, offset);
    }
    if (std::get_if<End>(&record) != nullptr) {
        require_size(offset);
        end_ = offset;
    }
}

void PlainStream::check_volume(const Record &record, std::uint64_t offset) const {
    if (const auto *object = std::get_if<Object>(&record)) {
        const bool data = object->object == volume_data_object;
        if (object->object > volume_properties_object ||
            object->type != (data ? volume_data_type : volume_properties_type)) {
            fail(Kind::format, offset,
                 "object " + std::to_string(object->object) + " of type " +
                     std::to_string(object->type) + " does not belong to a volume");
        }
    } else if (const auto data = data_end_of(record); data && data->object == volume_data_object) {
        require_inside(data->end, offset);
    }
}

void PlainStream::require_inside(std::uint64_t end, std::uint64_t offset) const {
    if (size_in_mib_ && end / mib >= *size_in_mib_ && end > *size_in_mib_ * mib) {
        fail(Kind::size, offset,
             "got data up to byte " + std::to_string(end) + " of the volume, wanted a volume of " +
                 std::to_string(*size_in_mib_) + " MiB");
    }
}

void PlainStream::require_size(std::uint64_t offset) const {
    if (!size_in_mib_ || !volume_size_) {
        return;
    }
    const std::uint64_t in_mib = *volume_size_ / mib + (*volume_size_ % mib != 0);
    if (in_mib != *size_in_mib_) {
        fail(Kind::size, offset,
             "got a volume of " + std::to_string(*volume_size_) + " bytes (" +
                 std::to_string(in_mib) + " MiB), wanted one of " + std::to_string(*size_in_mib_) +
                 " MiB");
    }
}

}  // namespace imgadm::zstream
