#include "zstream/volume_writer.hpp"

#include "zstream/features.hpp"
#include "zstream/limits.hpp"
#include "zstream/volume_properties.hpp"

#include <algorithm>
#include <stdexcept>
#include <utility>

namespace imgadm::zstream {

namespace {

constexpr std::uint8_t no_block_checksum = 2;  // "off": the key of the record is not filled in
// Beyond object 2; old receivers walk the range one by one, so it stays small.
constexpr std::uint64_t first_free_object = 3, free_object_count = 29;
constexpr std::uint64_t fixed_record_count = 8;  // all but those of Step::data

// The finalizer of splitmix64 (Steele, Lea, Flood 2014): every bit depends on every bit.
std::uint64_t derived_salt(std::uint64_t guid) {
    std::uint64_t mixed = guid + 0x9e3779b97f4a7c15;
    mixed = (mixed ^ mixed >> 30) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ mixed >> 27) * 0x94d049bb133111eb;
    return (mixed ^ mixed >> 31) | 1;
}

void require(bool holds, const char *what) {
    if (!holds) {
        throw std::invalid_argument(what);
    }
}

Object volume_object(std::uint64_t number, std::uint32_t type, std::size_t block_size,
                     std::uint64_t guid) {
    Object object;
    object.object = number;
    object.type = type;
    object.block_size = static_cast<std::uint32_t>(block_size);
    object.slots = 1;
    object.to_guid = guid;
    return object;
}

Write volume_write(std::uint64_t object, std::uint32_t type, std::uint64_t offset,
                   std::uint64_t length, std::uint64_t guid) {
    Write write;
    write.object = object;
    write.type = type;
    write.offset = offset;
    write.length = length;
    write.to_guid = guid;
    write.checksum_type = no_block_checksum;
    return write;
}

}  // namespace

struct VolumeWriter::Scan {
    Scan(DiskContent &content, const VolumeWriterOptions &options)
        : disk(content, options.size, options.block_size),
          origin(options.from_guid != 0
                     ? std::make_unique<ImageReader>(*options.origin, options.origin_size,
                                                     options.block_size)
                     : nullptr),
          end(options.size ? std::max<std::uint64_t>(disk.data_end(), options.block_size)
                           : ImageReader::nowhere),
          changes(disk, origin.get(), options.block_size, end) {}

    ImageReader disk;
    std::unique_ptr<ImageReader> origin;
    const std::uint64_t end;  // nothing but zeros from here on; at least one block
    ChangeScan changes;
};

VolumeWriter::VolumeWriter(std::unique_ptr<DiskContent> disk, VolumeWriterOptions options)
    : disk_(std::move(disk)), options_(std::move(options)), disk_size_(options_.size.value_or(0)) {
    const std::size_t block = options_.block_size;
    require(block >= smallest_block && block <= largest_plain_block && (block & (block - 1)) == 0,
            "block_size must be a power of two from 512 to 131072");
    require(!options_.size ||
                (*options_.size > 0 && *options_.size <= INT64_MAX - largest_plain_block),
            "size must be that of a disk");
    require(options_.guid != 0 && options_.guid != options_.from_guid,
            "guid must not be 0, nor that of the origin");
    require(options_.name.find('@') != std::string::npos && options_.name.size() < name_size &&
                options_.name.find('\0') == std::string::npos,
            "name must be that of a snapshot, dataset@snapshot, in at most 255 bytes");
    require((options_.from_guid != 0) == (options_.origin != nullptr),
            "from_guid and origin_fd belong together");
    require(!options_.salt || *options_.salt % 2 == 1, "salt must be odd");
    staged_.resize(header_size + std::max(block, volume_properties_size));
}

VolumeWriter::~VolumeWriter() = default;

std::uint64_t VolumeWriter::volume_size() const {
    const std::uint64_t block = options_.block_size;
    return (disk_size_ + block - 1) / block * block;
}

std::size_t VolumeWriter::read(std::uint8_t *out, std::size_t size) {
    std::size_t done = take_staged(out, size);
    while (done < size && step_ != Step::done) {
        if (size - done >= staged_.size()) {
            done += produce(out + done);
        } else {
            staged_to_ = produce(staged_.data());
            staged_from_ = 0;
            done += take_staged(out + done, size - done);
        }
    }
    return done;
}

std::size_t VolumeWriter::take_staged(std::uint8_t *out, std::size_t size) {
    const std::size_t count = std::min(size, staged_to_ - staged_from_);
    std::copy_n(staged_.data() + staged_from_, count, out);
    staged_from_ += count;
    return count;
}

std::size_t VolumeWriter::produce(std::uint8_t *out) {
    const std::uint64_t guid = options_.guid;
    const auto advance = [&](Step next, const Record &record, Bytes payload = {}) {
        const std::size_t size = encoder_.encode(record, payload, out);
        step_ = next;
        return size;
    };
    switch (step_) {
        case Step::begin: {
            Begin begin;
            begin.header_type = static_cast<std::uint32_t>(HeaderType::simple);
            begin.creation_time = options_.creation_time;
            begin.object_set = static_cast<std::uint32_t>(ObjectSet::volume);
            begin.flags = begin_flag::free_records | begin_flag::spill_block |
                          (options_.from_guid != 0 ? begin_flag::clone : 0);
            begin.to_guid = guid;
            begin.from_guid = options_.from_guid;
            begin.name = options_.name;
            return advance(Step::data_object, begin);
        }
        case Step::data_object:
            return advance(Step::data_tail, volume_object(volume_data_object, volume_data_type,
                                                          options_.block_size, guid));
        case Step::data_tail:
            scan_ = std::make_unique<Scan>(*disk_, options_);
            if (!options_.size) {
                step_ = Step::data;
                return produce_data(out);
            }
            return advance(Step::data, Free{volume_data_object, scan_->end, to_the_end, guid});
        case Step::data: return produce_data(out);
        case Step::late_data_tail:
            return advance(Step::properties_object,
                           Free{volume_data_object, volume_size(), to_the_end, guid});
        case Step::properties_object:
            return advance(Step::properties_tail,
                           volume_object(volume_properties_object, volume_properties_type,
                                         volume_properties_size, guid));
        case Step::properties_tail:
            return advance(Step::properties, Free{volume_properties_object, volume_properties_size,
                                                  to_the_end, guid});
        case Step::properties: {
            std::uint8_t block[volume_properties_size];
            write_volume_properties(block, volume_size(),
                                    options_.salt.value_or(derived_salt(guid)),
                                    RecordEncoder::order);
            return advance(Step::free_objects,
                           volume_write(volume_properties_object, volume_properties_type, 0,
                                        volume_properties_size, guid),
                           {block, sizeof block});
        }
        case Step::free_objects:
            return advance(Step::end, FreeObjects{first_free_object, free_object_count, guid});
        case Step::end: return advance(Step::done, End{guid});
        case Step::done: break;
    }
    return 0;
}

std::size_t VolumeWriter::produce_data(std::uint8_t *out) {
    const Change change = scan_->changes.next();
    switch (change.kind) {
        case Change::Kind::write:
            return encoder_.encode(volume_write(volume_data_object, volume_data_type, change.offset,
                                                change.length, options_.guid),
                                   change.content, out);
        case Change::Kind::free:
            return encoder_.encode(
                Free{volume_data_object, change.offset, change.length, options_.guid}, {}, out);
        case Change::Kind::none: break;
    }
    if (options_.size) {
        step_ = Step::properties_object;
    } else {
        disk_size_ = scan_->disk.size();
        require(disk_size_ != 0, "the disk is empty");
        step_ = Step::late_data_tail;
    }
    scan_.reset();
    return produce(out);
}

std::uint64_t VolumeWriter::measure() const {
    require(options_.size.has_value(), "the size of the disk is not known");
    Scan scan(*disk_, options_);
    std::uint64_t length = fixed_record_count * header_size + volume_properties_size;
    for (;;) {
        const Change change = scan.changes.next();
        if (change.kind == Change::Kind::none) {
            return length;
        }
        length += header_size + change.content.size;
    }
}

}  // namespace imgadm::zstream
