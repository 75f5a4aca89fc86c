#include "zstream/plain_stream.hpp"

#include "zstream/volume_properties.hpp"
#include "zstream/volume_rules.hpp"

#include <algorithm>

namespace imgadm::zstream {

namespace {

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
    const Bytes rest =
        slice.after(static_cast<std::size_t>(std::max(end_, slice_offset_) - slice_offset_));
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
    Verifier::on_record(record, offset);
    if (parser_.summary().is_volume()) {
        check_volume(record, offset);
    }
    if (std::get_if<Begin>(&record) != nullptr) {
        begin_ = offset;
    } else if (std::get_if<End>(&record) != nullptr) {
        end_ = offset;
    }
}

void PlainStream::check_volume(const Record &record, std::uint64_t offset) const {
    if (const auto *object = std::get_if<Object>(&record)) {
        require_volume_object(*object, offset);
    } else if (const auto data = data_end_of(record); data && data->object == volume_data_object) {
        require_inside_volume(data->end, size_in_mib_, offset);
    } else if (std::get_if<End>(&record) != nullptr && volume_size_) {
        require_volume_size(*volume_size_, size_in_mib_, offset);
    }
}

}  // namespace imgadm::zstream
