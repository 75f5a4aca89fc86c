// Verifies the stream of a single snapshot and describes it.
#pragma once

#include "zstream/acceptance.hpp"
#include "zstream/data_block.hpp"
#include "zstream/parser.hpp"

namespace imgadm::zstream {

class Verifier : private RecordSink {
public:
    explicit Verifier(Wanted wanted = {}, bool allow_trailing_bytes = false)
        : parser_(*this, allow_trailing_bytes), wanted_(wanted) {}

    // Both throw StreamError.
    void feed(Bytes slice) { parser_.feed(slice); }
    Summary finish();

protected:
    void on_record(const Record &record, std::uint64_t offset) override;
    void on_payload(Bytes piece) override;

    Parser parser_;
    std::optional<std::uint64_t> volume_size_, block_size_;

private:
    const Wanted wanted_;
    PayloadCollector collector_;
    std::optional<DataBlock> properties_;  // whose payload is arriving
    std::uint64_t offset_ = 0;
};

}  // namespace imgadm::zstream
