// Takes a stream in slices of any size, verifies it, and passes its records on.
#pragma once

#include "zstream/bytes.hpp"
#include "zstream/error.hpp"
#include "zstream/fletcher4.hpp"
#include "zstream/order.hpp"
#include "zstream/record.hpp"
#include "zstream/summary.hpp"

#include <array>
#include <cstdint>
#include <optional>

namespace imgadm::zstream {

// Receives the records of one stream, in order, each already checked: its own checksum, its limits
// and its place. Of a package, only those of the stream inside. Payload bytes are covered by the
// checksum of the record after them, so no payload is verified before on_end(). A std::system_error
// that a sink throws becomes an io error of the stream.
class RecordSink {
public:
    virtual ~RecordSink() = default;
    virtual void on_record(const Record &record, std::uint64_t offset) = 0;
    // A piece of the payload of the last record; borrowed until on_slice_end().
    virtual void on_payload(Bytes piece) = 0;
    // The bytes passed to this call of Parser::feed() are about to vanish.
    virtual void on_slice_end() {}
    // All ENDs were right: the whole stream is verified.
    virtual void on_end() {}
};

// Takes one stream, or a package with just one in it, as `zfs send -p` writes.
class Parser {
public:
    explicit Parser(RecordSink &sink, bool allow_trailing_bytes = false)
        : sink_(sink), allow_trailing_bytes_(allow_trailing_bytes) {}

    // Both throw StreamError; after an error every further call throws the same one again.
    void feed(Bytes slice);
    void finish();

    // Complete after finish().
    const Summary &summary() const { return summary_; }

    // How many of the bytes that were fed belong to a header whose rest has not come yet.
    std::size_t unfinished_header() const { return header_filled_; }

private:
    // `header` is that of a package, up to its own END; `between` its streams, and behind the last.
    enum class State { before, header, between, inside, done };

    void consume(Bytes slice);
    void pass_on(Bytes piece);
    std::size_t consume_header(Bytes slice);
    void process_header(const std::uint8_t *header);
    void process_begin(const std::uint8_t *header);
    void process_header_end(const std::uint8_t *header);
    void process_between(const std::uint8_t *header);
    void end();
    void process_record(const std::uint8_t *header);
    void check_record_sum(const std::uint8_t *header);
    void require_sum(const char *what, const std::uint8_t *stored) const;
    void count(const Record &record);
    [[noreturn]] void fail_truncated() const;
    template <typename Action> void guarded(Action action);

    RecordSink &sink_;
    const bool allow_trailing_bytes_;
    State state_ = State::before;
    bool packaged_ = false;
    std::optional<StreamError> failure_;
    // An error of the sink about a payload counts only after the payload proves undamaged.
    std::optional<StreamError> content_error_;
    Fletcher4 sum_;
    RecordOrder order_;
    Summary summary_;
    std::array<std::uint8_t, header_size> header_{};  // of a header split between slices
    std::size_t header_filled_ = 0;
    std::uint64_t payload_left_ = 0;
    std::uint64_t record_offset_ = 0;
    std::uint64_t offset_ = 0;
    RecordType type_ = RecordType::begin;
};

}  // namespace imgadm::zstream
