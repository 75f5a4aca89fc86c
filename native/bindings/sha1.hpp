// A hasher that threads may share: one feeds it, another may ask for a copy or a digest.
#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>

#include "sha1/sha1.hpp"

namespace imgadm::bindings {

class Hasher final : public Sha1 {
public:
    explicit Hasher(std::unique_ptr<Sha1> sha1, std::uint64_t length = 0)
        : sha1_(std::move(sha1)), length_(length) {}

    void update(const void *data, std::size_t size) override {
        const std::lock_guard<std::mutex> guard(mutex_);
        sha1_->update(data, size);
        length_ += size;
    }

    Sha1Digest digest() const override {
        const std::lock_guard<std::mutex> guard(mutex_);
        return sha1_->digest();
    }

    std::unique_ptr<Sha1> clone() const override { return copy(); }

    std::unique_ptr<Hasher> copy() const {
        const std::lock_guard<std::mutex> guard(mutex_);
        return std::make_unique<Hasher>(sha1_->clone(), length_);
    }

    std::uint64_t length() const {
        const std::lock_guard<std::mutex> guard(mutex_);
        return length_;
    }

private:
    mutable std::mutex mutex_;
    std::unique_ptr<Sha1> sha1_;
    std::uint64_t length_;
};

}  // namespace imgadm::bindings
