// A block far behind 4 GiB is written, freed and found where it belongs. For the 32-bit build,
// where off_t has 32 bits unless a macro asks for more.
#include "zstream/byte_order.hpp"
#include "zstream/disk_content.hpp"
#include "zstream/disk_writer.hpp"
#include "zstream/raw_disk_receiver.hpp"
#include "zstream/record_encoder.hpp"
#include "zstream/volume_properties.hpp"

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace imgadm::zstream;

namespace {

static_assert(sizeof(off_t) == 8, "_FILE_OFFSET_BITS=64 does not reach those who use the core");

constexpr std::uint64_t guid = 7, block = 8192;
constexpr std::uint64_t far = (std::uint64_t{5} << 30) + block, volume = std::uint64_t{6} << 30;

void require(bool holds, const char *what) {
    if (!holds) {
        std::fprintf(stderr, "failed: %s\n", what);
        std::exit(1);
    }
}

class StreamMaker {
public:
    void add(const Record &record, Bytes payload = {}) {
        std::vector<std::uint8_t> room(header_size + payload.size);
        const std::size_t size = encoder_.encode(record, payload, room.data());
        stream.insert(stream.end(), room.data(), room.data() + size);
    }

    std::vector<std::uint8_t> stream;

private:
    RecordEncoder encoder_;
};

std::vector<std::uint8_t> stream_of(const std::vector<std::uint8_t> &content) {
    StreamMaker maker;
    Begin begin;
    begin.header_type = static_cast<std::uint32_t>(HeaderType::simple);
    begin.object_set = static_cast<std::uint32_t>(ObjectSet::volume);
    begin.to_guid = guid;
    begin.name = "image@final";
    maker.add(begin);
    Object object;
    object.object = volume_data_object;
    object.type = volume_data_type;
    object.block_size = block;
    maker.add(object);
    Write write;
    write.object = volume_data_object;
    write.type = volume_data_type;
    write.offset = far;
    write.length = block;
    maker.add(write, {content.data(), content.size()});
    object.object = volume_properties_object;
    object.type = volume_properties_type;
    object.block_size = volume_properties_size;
    maker.add(object);
    std::vector<std::uint8_t> properties(volume_properties_size);
    write_volume_properties(properties.data(), volume, 1, RecordEncoder::order);
    write.object = volume_properties_object;
    write.type = volume_properties_type;
    write.offset = 0;
    write.length = properties.size();
    maker.add(write, {properties.data(), properties.size()});
    maker.add(End{guid});
    return maker.stream;
}

std::vector<std::uint8_t> read_at(int fd, std::uint64_t offset) {
    std::vector<std::uint8_t> content(block);
    FileContent disk(fd);
    require(disk.read(offset, content.data(), content.size()) == block, "reading a whole block");
    return content;
}

}  // namespace

int main() {
    char path[] = "large-offsets-XXXXXX";
    const int fd = ::mkstemp(path);
    require(fd >= 0, "making a file");
    ::unlink(path);
    const std::vector<std::uint8_t> content(block, 0xa5), zeros(block);
    {
        RawDiskReceiver receiver(fd, ReceiverOptions{});
        const auto stream = stream_of(content);
        receiver.feed({stream.data(), stream.size()});
        require(receiver.finish().volume_size == volume, "the size of the volume");
    }
    struct stat status;
    require(::fstat(fd, &status) == 0 && static_cast<std::uint64_t>(status.st_size) == volume,
            "the size of the disk");
    require(read_at(fd, far) == content, "the block at 5 GiB is there");
    require(read_at(fd, far - (std::uint64_t{4} << 30)) == zeros, "and not at 1 GiB");
    const Extent data = FileContent(fd).find_data(0, volume);
    require(data.start <= far && data.end >= far + block, "the data is found behind 4 GiB");
    for (const bool punch_holes : {true, false}) {
        DiskWriter writer(fd, 4096, punch_holes, 0);
        writer.write(far, {content.data(), content.size()});
        writer.flush();
        require(writer.erase(far, block) == block, "erasing a block");
        writer.flush();
        require(read_at(fd, far) == zeros, "the block at 5 GiB is gone");
    }
    std::puts("blocks behind 4 GiB are where they belong");
    return 0;
}
