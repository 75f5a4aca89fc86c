// Mutations of a send stream that a parser does not reject at once: it edits and moves records, and
// then corrects their checksums.
#include "zstream/fletcher4.hpp"
#include "zstream/limits.hpp"
#include "zstream/record.hpp"

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

using namespace imgadm::zstream;

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t *data, std::size_t size, std::size_t max_size);

namespace {

struct Place {
    std::size_t start, size;
};

class StreamMutator {
public:
    StreamMutator(std::uint8_t *data, std::size_t size, std::size_t max_size, unsigned seed)
        : data_(data), size_(size), max_size_(max_size), random_(seed),
          order_(size > 8 && data[8] == 0 ? ByteOrder::big : ByteOrder::little) {}

    std::size_t run() {
        const std::vector<Place> places = records();
        if (places.empty() || below(16) == 0) {
            return LLVMFuzzerMutate(data_, size_, max_size_);
        }
        const Place place = places[below(places.size())];
        switch (below(5)) {
            case 0: remove(place); break;
            case 1: repeat(place, places[below(places.size())].start); break;
            case 2: edit_payload(place); break;
            default: edit_field(place); break;
        }
        sum_again();
        return size_;
    }

private:
    std::size_t below(std::size_t limit) { return random_() % limit; }

    std::vector<Place> records() const {
        std::vector<Place> places;
        std::size_t at = 0;
        while (size_ - at >= header_size) {
            std::size_t size = header_size;
            if (load<std::uint32_t>(data_ + at, order_) < record_type_count) {
                const std::uint64_t payload = payload_size(decode_record(data_ + at, order_));
                size += static_cast<std::size_t>(
                    std::min<std::uint64_t>(payload, size_ - at - header_size));
            }
            places.push_back({at, size});
            at += size;
        }
        return places;
    }

    void remove(Place place) {
        std::copy(data_ + place.start + place.size, data_ + size_, data_ + place.start);
        size_ -= place.size;
    }

    void repeat(Place place, std::size_t before) {
        if (size_ + place.size > max_size_) {
            return;
        }
        const std::vector<std::uint8_t> copy(data_ + place.start, data_ + place.start + place.size);
        std::copy_backward(data_ + before, data_ + size_, data_ + size_ + place.size);
        std::copy(copy.begin(), copy.end(), data_ + before);
        size_ += place.size;
    }

    void edit_payload(Place place) {
        if (place.size > header_size) {
            data_[place.start + header_size + below(place.size - header_size)] =
                static_cast<std::uint8_t>(random_());
        }
    }

    void edit_field(Place place) {
        constexpr std::size_t last_field = 128;
        const std::size_t offset = below(last_field / 4) * 4;
        std::uint8_t *const field = data_ + place.start + offset;
        switch (below(4)) {
            case 0: field[below(4)] = interesting<std::uint8_t>(); break;
            case 1: store(field, interesting<std::uint32_t>(), order_); break;
            default: store(field, interesting<std::uint64_t>(), order_); break;
        }
    }

    template <typename Integer> Integer interesting() {
        constexpr std::uint64_t values[] = {0,
                                            1,
                                            2,
                                            3,
                                            5,
                                            14,
                                            15,
                                            16,
                                            23,
                                            24,
                                            44,
                                            112,
                                            511,
                                            512,
                                            513,
                                            4096,
                                            8192,
                                            largest_plain_block,
                                            largest_plain_block + 512,
                                            largest_block,
                                            INT64_MAX,
                                            std::uint64_t{1} << 48,
                                            to_the_end - 511,
                                            to_the_end};
        const std::uint64_t value = values[below(std::size(values))];
        return static_cast<Integer>(below(4) == 0 ? value + below(16) - 8 : value);
    }

    void sum_again() {
        constexpr std::size_t end_sum_offset = 8;
        Fletcher4 sum(order_);
        const auto put = [&](std::uint8_t *out) {
            for (const std::uint64_t word : sum.sum()) {
                store(out, word, order_);
                out += 8;
            }
        };
        for (const Place &place : records()) {
            std::uint8_t *const header = data_ + place.start;
            const auto type = load<std::uint32_t>(header, order_);
            if (type == static_cast<std::uint32_t>(RecordType::end)) {
                put(header + end_sum_offset);
            }
            sum.update({header, checksum_offset});
            if (type != static_cast<std::uint32_t>(RecordType::begin)) {
                put(header + checksum_offset);
            }
            sum.update({header + checksum_offset, place.size - checksum_offset});
        }
    }

    std::uint8_t *const data_;
    std::size_t size_;
    const std::size_t max_size_;
    std::minstd_rand random_;
    const ByteOrder order_;
};

}  // namespace

extern "C" std::size_t LLVMFuzzerCustomMutator(std::uint8_t *data, std::size_t size,
                                               std::size_t max_size, unsigned seed) {
    return StreamMutator(data, size, max_size, seed).run();
}
