#include "zstream/record_encoder.hpp"

#include <cstring>

namespace imgadm::zstream {

namespace {

constexpr std::size_t end_sum_offset = 8;

void store_sum(const Fletcher4Sum &sum, std::uint8_t *out) {
    for (std::size_t i = 0; i < sum.size(); ++i) {
        store(out + 8 * i, sum[i], RecordEncoder::order);
    }
}

}  // namespace

std::size_t RecordEncoder::encode(const Record &record, Bytes payload, std::uint8_t *out) {
    encode_record(record, out, order);
    if (type_of(record) == RecordType::end) {
        store_sum(sum_.sum(), out + end_sum_offset);
    }
    sum_.update({out, checksum_offset});
    if (type_of(record) != RecordType::begin) {
        store_sum(sum_.sum(), out + checksum_offset);
    }
    sum_.update({out + checksum_offset, header_size - checksum_offset});
    if (!payload.empty()) {
        std::memcpy(out + header_size, payload.data, payload.size);
        sum_.update({out + header_size, payload.size});
    }
    return header_size + payload.size;
}

}  // namespace imgadm::zstream
