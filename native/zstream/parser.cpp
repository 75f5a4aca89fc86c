#include "zstream/parser.hpp"

#include "zstream/limits.hpp"

#include <algorithm>
#include <string>
#include <system_error>

namespace imgadm::zstream {

namespace {

using Kind = StreamError::Kind;

constexpr std::size_t magic_offset = 8, magic_size = 8;
constexpr std::size_t end_sum_offset = 8;

Fletcher4Sum load_sum(const std::uint8_t *stored, ByteOrder order) {
    Fletcher4Sum sum;
    for (std::size_t i = 0; i < sum.size(); ++i) {
        sum[i] = load<std::uint64_t>(stored + 8 * i, order);
    }
    return sum;
}

std::optional<ByteOrder> order_of_magic(const std::uint8_t *header) {
    for (const ByteOrder order : {ByteOrder::little, ByteOrder::big}) {
        if (load<std::uint64_t>(header + magic_offset, order) == stream_magic) {
            return order;
        }
    }
    return std::nullopt;
}

struct LogicalBytes {
    std::uint64_t operator()(const Write &r) const { return r.length; }
    std::uint64_t operator()(const WriteEmbedded &r) const { return r.length; }
    std::uint64_t operator()(const WriteByRef &r) const { return r.length; }
    std::uint64_t operator()(const Spill &r) const { return r.length; }
    template <typename R> std::uint64_t operator()(const R &) const { return 0; }
};

}  // namespace

template <typename Action> void Parser::guarded(Action action) {
    if (failure_) {
        throw StreamError(*failure_);
    }
    try {
        action();
    } catch (const StreamError &error) {
        failure_ = error;
        throw;
    } catch (const std::system_error &error) {
        failure_ = StreamError(Kind::io, record_offset_, std::string("cannot ") + error.what(),
                               error.code().value());
        throw StreamError(*failure_);
    } catch (...) {
        failure_ = StreamError(Kind::format, record_offset_,
                               "stream was given up after an error that is not its own");
        throw;
    }
}

void Parser::feed(Bytes slice) {
    guarded([&] {
        consume(slice);
        sink_.on_slice_end();
    });
}

void Parser::finish() {
    guarded([&] {
        if (state_ != State::done) {
            fail_truncated();
        }
    });
}

void Parser::consume(Bytes slice) {
    while (!slice.empty()) {
        if (payload_left_ != 0) {
            const auto count =
                static_cast<std::size_t>(std::min<std::uint64_t>(payload_left_, slice.size));
            const Bytes piece = slice.first(count);
            sum_.update(piece);
            payload_left_ -= count;
            offset_ += count;
            slice = slice.after(count);
            pass_on(piece);
        } else if (state_ != State::done) {
            slice = slice.after(consume_header(slice));
        } else if (allow_trailing_bytes_) {
            return;
        } else {
            fail(Kind::trailing, offset_,
                 "got bytes after the END record, wanted the end of the stream");
        }
    }
}

void Parser::pass_on(Bytes piece) {
    if (content_error_ || state_ == State::header) {
        return;
    }
    try {
        sink_.on_payload(piece);
    } catch (const StreamError &error) {
        content_error_ = error;
    }
}

std::size_t Parser::consume_header(Bytes slice) {
    if (header_filled_ == 0) {
        record_offset_ = offset_;
        if (slice.size >= header_size) {
            offset_ += header_size;
            process_header(slice.data);
            return header_size;
        }
    }
    const std::size_t count = std::min(header_size - header_filled_, slice.size);
    std::copy_n(slice.data, count, header_.data() + header_filled_);
    header_filled_ += count;
    offset_ += count;
    if (header_filled_ == header_size) {
        header_filled_ = 0;
        process_header(header_.data());
    }
    return count;
}

void Parser::process_header(const std::uint8_t *header) {
    switch (state_) {
        case State::before: return process_begin(header);
        case State::header: return process_header_end(header);
        case State::between: return process_between(header);
        case State::inside:
        case State::done: return process_record(header);
    }
}

void Parser::process_begin(const std::uint8_t *header) {
    const auto order = order_of_magic(header);
    if (!order || load<std::uint32_t>(header, *order) != 0) {
        fail(Kind::format, record_offset_,
             "got something that does not begin with a BEGIN record, wanted a ZFS send stream");
    }
    const Record record = decode_record(header, *order);
    const auto &begin = std::get<Begin>(record);
    summary_.byte_order = *order;
    sum_ = Fletcher4(*order);
    sum_.update({header, header_size});
    if (state_ == State::before && is_package(begin)) {
        check_package(begin, record_offset_);
        packaged_ = true;
        state_ = State::header;
        count(record);
        return;
    }
    summary_.begin = begin;
    check_begin(begin, record_offset_);
    state_ = State::inside;
    count(record);
    sink_.on_record(record, record_offset_);
}

// The list of what is in the package has been read, and passed over: the stream tells it again.
void Parser::process_header_end(const std::uint8_t *header) {
    const auto type = load<std::uint32_t>(header, summary_.byte_order);
    const std::size_t sum_end = end_sum_offset + sizeof(Fletcher4Sum);
    if (type != static_cast<std::uint32_t>(RecordType::end) ||
        !all_zero({header + sizeof type, end_sum_offset - sizeof type}) ||
        !all_zero({header + sum_end, checksum_offset - sum_end})) {
        fail(Kind::format, record_offset_, "header of the package lacks its END record");
    }
    require_sum("package header", header + end_sum_offset);
    check_record_sum(header);
    count(End{});
    state_ = State::between;
}

void Parser::process_between(const std::uint8_t *header) {
    const auto type = load<std::uint32_t>(header, summary_.byte_order);
    const bool holds_stream = !summary_.begin.name.empty();
    if (type == static_cast<std::uint32_t>(RecordType::begin)) {
        if (holds_stream) {
            fail(Kind::unsupported, record_offset_,
                 "got a package of several snapshots (compound stream, as zfs send -R or -I "
                 "writes), wanted the stream of a single one");
        }
        process_begin(header);
        return;
    }
    if (type != static_cast<std::uint32_t>(RecordType::end) ||
        !all_zero({header + sizeof type, checksum_offset - sizeof type})) {
        fail(Kind::format, record_offset_, "package goes on with something else than a stream");
    }
    sum_ = Fletcher4(summary_.byte_order);
    check_record_sum(header);
    if (!holds_stream) {
        fail(Kind::format, record_offset_, "package is empty, wanted the stream of a snapshot");
    }
    count(End{});
    end();
}

void Parser::end() {
    state_ = State::done;
    summary_.stream_bytes = offset_;
    sink_.on_end();
}

void Parser::process_record(const std::uint8_t *header) {
    const ByteOrder order = summary_.byte_order;
    const auto type = load<std::uint32_t>(header, order);
    const bool at_end = type == static_cast<std::uint32_t>(RecordType::end);
    if (at_end) {
        require_sum("stream", header + end_sum_offset);
    }
    check_record_sum(header);
    if (content_error_) {
        throw StreamError(*content_error_);
    }
    if (type >= record_type_count) {
        fail(Kind::format, record_offset_, "record type " + std::to_string(type) + " is unknown");
    }
    const Record record = decode_record(header, order);
    check_record(record, summary_.begin, record_offset_);
    order_.check(record, record_offset_);
    count(record);
    sink_.on_record(record, record_offset_);
    if (at_end && packaged_) {
        state_ = State::between;
    } else if (at_end) {
        end();
    }
}

// Software older than resumable receive leaves the checksum of a record zero, and so does zfs send
// in the ENDs of a package itself; zstream does not.
void Parser::check_record_sum(const std::uint8_t *header) {
    const Bytes stored{header + checksum_offset, header_size - checksum_offset};
    sum_.update({header, checksum_offset});
    if (!all_zero(stored)) {
        require_sum("record", stored.data);
    }
    sum_.update(stored);
}

void Parser::require_sum(const char *what, const std::uint8_t *stored) const {
    const Fletcher4Sum wanted = load_sum(stored, summary_.byte_order);
    if (sum_.sum() != wanted) {
        fail(Kind::checksum, record_offset_,
             std::string(what) + " checksum is wrong: got " + to_string(sum_.sum()) + ", wanted " +
                 to_string(wanted));
    }
}

void Parser::count(const Record &record) {
    type_ = type_of(record);
    payload_left_ = payload_size(record);
    ++summary_.records[record.index()];
    summary_.logical_bytes += std::visit(LogicalBytes{}, record);
}

void Parser::fail_truncated() const {
    std::string where = "after a " + std::string(record_name(type_)) + " record";
    if (state_ == State::before) {
        if (header_filled_ >= magic_offset + magic_size && !order_of_magic(header_.data())) {
            fail(Kind::format, 0,
                 "got " + std::to_string(offset_) +
                     " bytes of something else, wanted a ZFS send stream");
        }
        where = "inside its first record";
    } else if (header_filled_ != 0) {
        where = "inside a record header";
    } else if (payload_left_ != 0) {
        where = "inside the payload of a " + std::string(record_name(type_)) + " record, " +
                std::to_string(payload_left_) + " bytes short";
    }
    fail(Kind::truncated, offset_, "stream ends " + where + ", wanted an END record");
}

}  // namespace imgadm::zstream
