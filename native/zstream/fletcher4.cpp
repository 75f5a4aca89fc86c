#include "zstream/fletcher4.hpp"

#include <algorithm>
#include <cstdio>

namespace imgadm::zstream {

namespace {

constexpr std::size_t word_size = 4;
// Below this the setting up and the merging of the lanes cost more than they save.
constexpr std::size_t shortest_vector_run = 512;

template <ByteOrder order> void sum_words(Fletcher4Sum &sum, Bytes bytes) {
    auto [a, b, c, d] = sum;
    for (std::size_t at = 0; at + word_size <= bytes.size; at += word_size) {
        a += load<std::uint32_t>(bytes.data + at, order);
        b += a;
        c += b;
        d += c;
    }
    sum = {a, b, c, d};
}

}  // namespace

std::string to_string(const Fletcher4Sum &sum) {
    char text[4 * 17];
    std::snprintf(text, sizeof text, "%llx/%llx/%llx/%llx", static_cast<unsigned long long>(sum[0]),
                  static_cast<unsigned long long>(sum[1]), static_cast<unsigned long long>(sum[2]),
                  static_cast<unsigned long long>(sum[3]));
    return text;
}

void fletcher4_scalar(Fletcher4Sum &sum, Bytes bytes, ByteOrder order) {
    if (order == ByteOrder::little) {
        sum_words<ByteOrder::little>(sum, bytes);
    } else {
        sum_words<ByteOrder::big>(sum, bytes);
    }
}

Fletcher4Method fastest_fletcher4() {
    static const Fletcher4Method method =
        supports(Fletcher4Method::avx2) ? Fletcher4Method::avx2 : Fletcher4Method::scalar;
    return method;
}

void Fletcher4::update(Bytes bytes) {
    if (word_filled_ != 0) {
        const std::size_t count = std::min(word_size - word_filled_, bytes.size);
        std::copy_n(bytes.data, count, word_ + word_filled_);
        word_filled_ += count;
        bytes = bytes.after(count);
        if (word_filled_ < word_size) {
            return;
        }
        fletcher4_scalar(sum_, {word_, word_size}, order_);
        word_filled_ = 0;
    }
    const std::size_t whole = bytes.size - bytes.size % word_size;
    add_words(bytes.first(whole));
    word_filled_ = bytes.size - whole;
    std::copy_n(bytes.data + whole, word_filled_, word_);
}

void Fletcher4::add_words(Bytes bytes) {
    if (method_ == Fletcher4Method::avx2 && bytes.size >= shortest_vector_run) {
        const std::size_t count = bytes.size - bytes.size % fletcher4_avx2_step;
        fletcher4_avx2(sum_, bytes.first(count), order_);
        bytes = bytes.after(count);
    }
    fletcher4_scalar(sum_, bytes, order_);
}

}  // namespace imgadm::zstream
