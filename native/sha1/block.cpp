// Buffering and padding around a function that compresses whole blocks.
#include <algorithm>
#include <cstring>

#include "sha1/sha1.hpp"

namespace imgadm::sha1 {
namespace {

constexpr std::size_t block_size = 64;

class BlockSha1 final : public Sha1 {
public:
    explicit BlockSha1(Compress compress) : compress_(compress) {}

    void update(const void *data, std::size_t size) override {
        const auto *bytes = static_cast<const std::uint8_t *>(data);
        length_ += size;
        if (pending_size_ > 0) {
            const std::size_t taken = std::min(size, block_size - pending_size_);
            std::memcpy(pending_.data() + pending_size_, bytes, taken);
            pending_size_ += taken;
            bytes += taken;
            size -= taken;
            if (pending_size_ < block_size) return;
            compress_(state_, pending_.data(), 1);
            pending_size_ = 0;
        }
        if (const std::size_t blocks = size / block_size) {
            compress_(state_, bytes, blocks);
            bytes += blocks * block_size;
            size -= blocks * block_size;
        }
        if (size > 0) std::memcpy(pending_.data(), bytes, size);
        pending_size_ = size;
    }

    Sha1Digest digest() const override {
        BlockSha1 last(*this);
        const std::uint64_t bits = length_ * 8;
        std::array<std::uint8_t, 2 * block_size> padding{0x80};
        const std::size_t zeros_end =
            (pending_size_ < block_size - 8 ? block_size : 2 * block_size) - pending_size_ - 8;
        for (int i = 0; i < 8; ++i) {
            padding[zeros_end + i] = static_cast<std::uint8_t>(bits >> (56 - 8 * i));
        }
        last.update(padding.data(), zeros_end + 8);
        Sha1Digest result;
        for (std::size_t i = 0; i < result.size(); ++i) {
            result[i] = static_cast<std::uint8_t>(last.state_[i / 4] >> (24 - 8 * (i % 4)));
        }
        return result;
    }

    std::unique_ptr<Sha1> clone() const override { return std::make_unique<BlockSha1>(*this); }

private:
    Compress compress_;
    State state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
    std::uint64_t length_ = 0;
    std::size_t pending_size_ = 0;
    std::array<std::uint8_t, block_size> pending_{};
};

}  // namespace

std::unique_ptr<Sha1> create_block(Compress compress) {
    return std::make_unique<BlockSha1>(compress);
}

}  // namespace imgadm::sha1
