// The parser, the verifier, what takes a stream out of its package, and the raw-disk receiver: a
// stream ends in the same way, comes out the same, and makes the same disk, however it is sliced.
#include "zstream/plain_stream.hpp"
#include "zstream/raw_disk_receiver.hpp"
#include "zstream/verifier.hpp"

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/mman.h>
#include <unistd.h>

using namespace imgadm::zstream;

namespace {

constexpr std::size_t origin_size = 64 << 10;
constexpr std::size_t compared_size = 256 << 10;

int open_disk() {
#if defined(__linux__)
    return ::memfd_create("disk", 0);
#else
    return ::fileno(std::tmpfile());
#endif
}

int fresh_disk() {
    static const int fd = open_disk();
    static const std::vector<std::uint8_t> origin(origin_size, 0xa5);
    if (::ftruncate(fd, 0) != 0 ||
        ::pwrite(fd, origin.data(), origin.size(), 0) != static_cast<ssize_t>(origin.size())) {
        std::abort();
    }
    return fd;
}

std::string content_of(int fd) {
    std::string content(compared_size, '\0');
    const ssize_t count = ::pread(fd, content.data(), content.size(), 0);
    content.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    return content + std::to_string(::lseek(fd, 0, SEEK_END));
}

template <typename Consumer>
std::string outcome(Consumer &consumer, Bytes stream, std::size_t slice) {
    try {
        while (!stream.empty()) {
            const std::size_t count = std::min(slice, stream.size);
            consumer.feed(stream.first(count));
            stream = stream.after(count);
        }
        const Summary summary = consumer.finish();
        return "ends at " + std::to_string(summary.stream_bytes);
    } catch (const StreamError &error) {
        return error.what();
    }
}

ReceiverOptions options_for(Bytes stream) {
    constexpr std::size_t from_guid_offset = 48;
    ReceiverOptions options;
    if (stream.size >= header_size) {
        const auto order = stream.data[8] == 0 ? ByteOrder::big : ByteOrder::little;
        options.origin_guid = load<std::uint64_t>(stream.data + from_guid_offset, order);
    }
    if (stream.size % 2 == 1) {
        options.size_in_mib = 1;
    }
    options.inflate = [](Codec, Bytes payload, std::uint8_t *out, std::size_t size) {
        if (payload.size % 3 == 0) {
            throw BadPayload{"is refused"};
        }
        std::fill_n(out, size, static_cast<std::uint8_t>(payload.size));
    };
    return options;
}

std::string verified(Bytes stream, std::size_t slice) {
    const auto kind = stream.size % 3 == 0 ? std::optional(ObjectSet::file_system) : std::nullopt;
    Verifier verifier(Wanted{kind, options_for(stream).origin_guid});
    return outcome(verifier, stream, slice);
}

// Keeps what is passed on.
class Unpacker {
public:
    explicit Unpacker(Bytes stream)
        : plain_({std::nullopt, options_for(stream).origin_guid}, options_for(stream).size_in_mib) {
    }

    void feed(Bytes slice) {
        const Passage passage = plain_.feed(slice);
        if (passage.start > passage.stop || passage.stop > slice.size) {
            std::abort();
        }
        passed_.insert(passed_.end(), passage.before.begin(), passage.before.end());
        passed_.insert(passed_.end(), slice.data + passage.start, slice.data + passage.stop);
    }
    Summary finish() { return plain_.finish(); }

    const std::vector<std::uint8_t> &end_record() const { return plain_.end_record(); }
    const std::vector<std::uint8_t> &passed() const { return passed_; }

private:
    PlainStream plain_;
    std::vector<std::uint8_t> passed_;
};

std::string text_of(const std::vector<std::uint8_t> &content) {
    return {content.begin(), content.end()};
}

// What comes out of a stream that is whole is a whole stream once its END has come, not before.
std::string unpacked(Bytes stream, std::size_t slice) {
    Unpacker unpacker(stream);
    const std::string end = outcome(unpacker, stream, slice);
    std::vector<std::uint8_t> passed = unpacker.passed();
    Verifier early;
    if (outcome(early, {passed.data(), passed.size()}, header_size).rfind("ends", 0) == 0) {
        std::abort();
    }
    if (end.rfind("ends", 0) != 0) {
        return end;
    }
    const auto &last = unpacker.end_record();
    passed.insert(passed.end(), last.begin(), last.end());
    Verifier whole;
    if (outcome(whole, {passed.data(), passed.size()}, passed.size()).rfind("ends", 0) != 0) {
        std::abort();
    }
    return end + text_of(passed);
}

std::string received(Bytes stream, std::size_t slice, bool punch_holes) {
    const int fd = fresh_disk();
    ReceiverOptions options = options_for(stream);
    options.punch_holes = punch_holes;
    RawDiskReceiver receiver(fd, std::move(options));
    const std::string end = outcome(receiver, stream, slice);
    return end.rfind("ends", 0) == 0 ? end + content_of(fd) : end;
}

// When the file system refuses a write depends on how many are gathered before it is made.
bool refused_by_system(const std::string &end) { return end.rfind("cannot ", 0) == 0; }

void require_same(const std::string &one, const std::string &other) {
    if (one != other && !refused_by_system(one) && !refused_by_system(other)) {
        std::fprintf(stderr, "%.200s\n%.200s\n", one.c_str(), other.c_str());
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size) {
    const Bytes stream{data, size};
    const std::size_t slice = 1 + (size == 0 ? 0 : data[size / 2] * std::size_t{7});
    require_same(verified(stream, size), verified(stream, slice));
    require_same(unpacked(stream, size), unpacked(stream, slice));
    require_same(received(stream, size, true), received(stream, slice, false));
    return 0;
}
