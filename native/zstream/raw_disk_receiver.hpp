// Turns the stream of a volume into a sparse raw disk.
#pragma once

#include "zstream/data_block.hpp"
#include "zstream/disk_writer.hpp"
#include "zstream/parser.hpp"

namespace imgadm::zstream {

struct ReceiverOptions {
    // Of the volume that the file already holds. Without a guid only a full stream is accepted.
    std::optional<std::uint64_t> origin_guid, origin_block_size, origin_size;
    Inflate inflate;  // for gzip and zstd payloads, which are refused without it
    std::uint64_t write_behind_step = 0;  // see DiskWriter
    bool punch_holes = true;              // see DiskWriter
    std::uint64_t reserve = 0;            // see DiskWriter
    // The size that the volume must have in whole MiB, the last one perhaps not full.
    std::optional<std::uint64_t> size_in_mib;
};

// A full stream replaces what the file holds; an incremental one changes it. The file is the volume
// only once finish() has returned.
class RawDiskReceiver final : private RecordSink {
public:
    // Throws std::system_error where `fd` is no regular file.
    RawDiskReceiver(int fd, ReceiverOptions options);

    // Both throw StreamError.
    void feed(Bytes slice) { parser_.feed(slice); }
    Summary finish();

    std::uint64_t bytes_written() const { return disk_.bytes_written(); }

private:
    void on_record(const Record &record, std::uint64_t offset) override;
    void on_payload(Bytes piece) override;
    void on_slice_end() override { disk_.flush(); }
    void on_end() override;

    void accept(const Begin &begin);
    void accept(const Object &object);
    void accept(const FreeObjects &freed);
    void accept(const Free &freed);
    void accept(const WriteByRef &copy);
    void accept(const Write &) {}          // see expect()
    void accept(const WriteEmbedded &) {}  // see expect()
    void accept(const End &) {}
    void accept(const Spill &) { refuse("SPILL"); }
    void accept(const ObjectRange &) { refuse("OBJECT_RANGE"); }
    void accept(const Redact &) { refuse("REDACT"); }

    void expect(const DataBlock &block, std::size_t payload_size);
    void accept_origin();
    void accept_size(std::uint64_t size);
    void require_block(std::uint64_t offset, std::uint64_t length) const;
    void require_inside(std::uint64_t end) const;
    void finish_block(Bytes payload);
    [[noreturn]] void refuse(const char *record) const;
    [[noreturn]] void fail_here(StreamError::Kind kind, const std::string &message) const;

    DiskWriter disk_;
    ReceiverOptions options_;
    Parser parser_;
    PayloadCollector collector_;
    std::optional<DataBlock> block_;  // whose payload is arriving
    std::uint64_t written_of_block_ = 0;
    std::uint64_t offset_ = 0;  // of the record
    std::uint64_t freed_ = 0;   // bytes that FREE records took from what the disk held
    std::uint64_t largest_content_ = 0;
    std::optional<std::uint64_t> volume_size_, block_size_;
};

}  // namespace imgadm::zstream
