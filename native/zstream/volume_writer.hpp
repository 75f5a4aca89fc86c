// Makes the send stream of a volume from a raw disk, for any receiver: no features, one WRITE per
// block that holds data, and the object order of current OpenZFS.
#pragma once

#include "zstream/change_scan.hpp"
#include "zstream/record_encoder.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace imgadm::zstream {

struct VolumeWriterOptions {
    // Of the disk, bytes; rounded up to whole blocks. Without it the disk is as long as its
    // content, which is read once, in order.
    std::optional<std::uint64_t> size;
    std::size_t block_size = 0;  // a power of two from 512 to 131072
    std::uint64_t guid = 0;      // the snapshot's, not 0
    std::uint64_t creation_time = 0;
    std::string name;  // dataset@snapshot
    // An incremental stream, received as a clone of the snapshot from_guid, whose disk is `origin`.
    std::uint64_t from_guid = 0;
    std::unique_ptr<DiskContent> origin;
    std::uint64_t origin_size = 0;
    // Of the volume's properties; any odd number. Derived from guid where it is absent.
    std::optional<std::uint64_t> salt;
};

// The same options and the same disk give the same stream.
class VolumeWriter {
public:
    // Throws std::invalid_argument for options that make no sense.
    VolumeWriter(std::unique_ptr<DiskContent> disk, VolumeWriterOptions options);
    ~VolumeWriter();

    // Fills `out` with the next bytes of the stream; returns how many, 0 at the end. Fewer than
    // `size` only at the end. Throws what the content throws, and std::invalid_argument for a disk
    // that turns out to be empty.
    std::size_t read(std::uint8_t *out, std::size_t size);

    // The length of the whole stream in bytes; reads the disk for it. Throws what the content
    // throws. Only for a disk of known size.
    std::uint64_t measure() const;

    // The size of the volume in bytes; final only at the end if that of the disk was not known.
    std::uint64_t volume_size() const;

private:
    enum class Step {
        begin,
        data_object,
        data_tail,
        data,
        late_data_tail,
        properties_object,
        properties_tail,
        properties,
        free_objects,
        end,
        done
    };
    struct Scan;

    // Both write one record to `out`, which has room for the largest.
    std::size_t produce(std::uint8_t *out);
    std::size_t produce_data(std::uint8_t *out);
    std::size_t take_staged(std::uint8_t *out, std::size_t size);

    const std::unique_ptr<DiskContent> disk_;
    const VolumeWriterOptions options_;
    Step step_ = Step::begin;
    RecordEncoder encoder_;
    std::unique_ptr<Scan> scan_;
    std::uint64_t disk_size_;           // as far as it is known
    std::vector<std::uint8_t> staged_;  // a record that had no room
    std::size_t staged_from_ = 0, staged_to_ = 0;
};

}  // namespace imgadm::zstream
