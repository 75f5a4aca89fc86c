#include "bzip2/decoder.hpp"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <utility>

#include "bzip2/format.hpp"

namespace imgadm::bzip2 {

namespace {

constexpr unsigned crc_bits = 32;
constexpr std::uint64_t max_block_bits = std::uint64_t{max_compressed_block_bytes} * 8;

std::string checksums(std::uint32_t got, std::uint32_t wanted) {
    std::array<char, 64> text;
    std::snprintf(text.data(), text.size(), "got checksum 0x%08x, wanted 0x%08x",
                  static_cast<unsigned>(got), static_cast<unsigned>(wanted));
    return text.data();
}

}  // namespace

Decoder::Decoder(unsigned threads)
    : max_jobs_(threads == 1 ? 1 : threads + 2), workers_(threads == 1 ? 0 : threads) {}

bool Decoder::feed(const std::uint8_t *bytes, std::size_t length) {
    const std::lock_guard<std::mutex> lock(use_);
    if (closed_ || input_.finished()) return false;
    input_.append(bytes, length);
    return true;
}

void Decoder::end_of_input() {
    const std::lock_guard<std::mutex> lock(use_);
    input_.finish();
}

std::uint64_t Decoder::ignored_trailing_bytes() const {
    const std::lock_guard<std::mutex> lock(use_);
    return state_ == State::ignoring ? input_.end_bytes() - position_ / 8 : 0;
}

void Decoder::close() {
    workers_.interrupt();
    const std::lock_guard<std::mutex> lock(use_);
    workers_.stop();
    closed_ = true;
    input_.ignore_rest();
    jobs_.clear();
    spare_jobs_.clear();
}

Decoder::Reading Decoder::read(std::uint8_t *to, std::size_t room) {
    const std::lock_guard<std::mutex> lock(use_);
    try {
        while (!closed_) {
            switch (advance()) {
                case Step::again: break;
                case Step::deliver: return {Answer::bytes, deliver(to, room)};
                case Step::wants_input: return {Answer::wants_input, 0};
                case Step::end: return {Answer::end, 0};
                case Step::failed: return {Answer::failed, 0};
                case Step::closed: return {Answer::closed, 0};
            }
        }
    } catch (...) {
        // Memory has run out between holding a job and submitting it: no thread must wait for it.
        workers_.interrupt();
        throw;
    }
    return {Answer::closed, 0};
}

Decoder::Step Decoder::advance() {
    switch (state_) {
        case State::at_header: return read_header();
        case State::at_block: return read_block_start();
        case State::in_block: return await_block();
        case State::delivering: return Step::deliver;
        case State::ignoring: return input_.finished() ? Step::end : Step::wants_input;
        case State::failed: break;
    }
    return Step::failed;
}

// A stream begins here, or the input ends, or what follows is none of ours: as the reference does,
// bytes behind a stream count as one if they begin like one, and are ignored otherwise.
Decoder::Step Decoder::read_header() {
    constexpr std::array<std::uint8_t, 3> signature{'B', 'Z', 'h'};
    const std::uint64_t ahead = (input_.end() - position_) / 8;
    bool ours = true;
    for (std::uint64_t i = 0; i < std::min<std::uint64_t>(ahead, stream_header_bytes); ++i) {
        const std::uint64_t byte = input_.bits(position_ + 8 * i, 8);
        ours = ours && (i < signature.size() ? byte == signature[i] : byte >= '1' && byte <= '9');
    }
    if (!ours && streams_ == 0) {
        return fail(Failure::Kind::format, 0,
                    "not bzip2 data: it does not begin with BZh1 to BZh9");
    }
    if (!ours || (ahead == 0 && input_.finished() && streams_ != 0)) {
        state_ = State::ignoring;
        input_.ignore_rest();
        return Step::again;
    }
    if (ahead < stream_header_bytes) {
        if (!input_.finished()) return Step::wants_input;
        return fail(Failure::Kind::truncated, input_.end_bytes(),
                    "bzip2 data ends within the header of a stream");
    }
    max_length_ = (input_.bits(position_ + 24, 8) - '0') * block_unit;
    combined_crc_ = 0;
    position_ += 8 * stream_header_bytes;
    state_ = State::at_block;
    return Step::again;
}

Decoder::Step Decoder::read_block_start() {
    const std::uint64_t ahead = input_.end() - position_;
    const auto known = static_cast<unsigned>(std::min<std::uint64_t>(ahead, magic_bits));
    const std::uint64_t magic = input_.bits(position_, known);
    const unsigned missing = magic_bits - known;
    if (magic != block_magic >> missing && magic != end_magic >> missing) {
        return fail(Failure::Kind::format, position_ / 8,
                    "neither a block nor the end of the stream follows");
    }
    if (ahead < magic_bits + crc_bits) {
        if (!input_.finished()) return Step::wants_input;
        return fail(Failure::Kind::truncated, input_.end_bytes(),
                    "bzip2 data ends between two blocks");
    }
    if (magic == end_magic) return read_end_of_stream();
    begun_until_ = std::max(begun_until_, position_);
    if (!drop_passed_jobs()) return Step::closed;
    state_ = State::in_block;
    return Step::again;
}

Decoder::Step Decoder::read_end_of_stream() {
    const auto wanted = static_cast<std::uint32_t>(input_.bits(position_ + magic_bits, crc_bits));
    if (combined_crc_ != wanted) {
        return fail(Failure::Kind::checksum, position_ / 8,
                    "stream is corrupt: " + checksums(combined_crc_, wanted));
    }
    ++streams_;
    position_ = (position_ + magic_bits + crc_bits + 7) / 8 * 8;
    input_.discard(position_);
    state_ = State::at_header;
    return Step::again;
}

// The job at the front is the block at position_, once there is one.
Decoder::Step Decoder::await_block() {
    const bool hungry = begin_blocks();
    if (jobs_.empty()) return Step::wants_input;
    Job &job = *jobs_.front();
    if (!workers_.is_done(job)) {
        if (hungry) return Step::wants_input;
        if (!workers_.wait(job)) return Step::closed;
    }
    switch (job.outcome) {
        case Outcome::decoded: return accept_block(job);
        case Outcome::out_of_bits: return lengthen(job);
        case Outcome::malformed: break;
        case Outcome::stopped: return Step::closed;
    }
    return fail(Failure::Kind::format, position_ / 8, "block is malformed");
}

Decoder::Step Decoder::accept_block(const Job &job) {
    const Block &block = job.block;
    if (block.length > max_length_) {
        return fail(Failure::Kind::format, position_ / 8, "block is longer than its stream allows");
    }
    if (block.actual_crc != block.stored_crc) {
        return fail(Failure::Kind::checksum, position_ / 8,
                    "block is corrupt: " + checksums(block.actual_crc, block.stored_crc));
    }
    combined_crc_ = (combined_crc_ << 1 | combined_crc_ >> 31) ^ block.stored_crc;
    position_ = job.end_bit();
    input_.discard(position_);
    delivered_ = 0;
    state_ = State::delivering;
    return Step::again;
}

// The block does not end where the next one seemed to begin: it contains that place.
Decoder::Step Decoder::lengthen(Job &job) {
    const std::uint64_t tried = job.begin_bit - job.compressed_begin + job.compressed_end;
    const std::uint64_t longest = job.begin_bit + max_block_bits;
    if (tried == longest) {
        return fail(Failure::Kind::format, position_ / 8, "block does not end");
    }
    if (input_.end() < longest && !input_.finished()) return Step::wants_input;
    if (tried == input_.end()) {
        return fail(Failure::Kind::truncated, input_.end_bytes(), "bzip2 data ends within a block");
    }
    submit(job, std::min(input_.end(), longest));
    return Step::again;
}

std::size_t Decoder::deliver(std::uint8_t *to, std::size_t room) {
    begin_blocks();
    Block &block = jobs_.front()->block;
    const std::size_t ready = std::min(room, block.expanded_length - delivered_);
    std::memcpy(to, block.expanded.get() + delivered_, ready);
    delivered_ += ready;
    const std::size_t count = ready + block.rest.expand(to + ready, room - ready);
    if (delivered_ == block.expanded_length && block.rest.finished()) {
        retire_front();
        state_ = State::at_block;
    }
    return count;
}

// Begins as many blocks as may be held. Returns whether another could be begun with more input.
bool Decoder::begin_blocks() {
    const auto &magics = input_.magics();
    while (jobs_.size() < max_jobs_) {
        const auto magic = std::lower_bound(magics.begin(), magics.end(), begun_until_);
        if (magic == magics.end()) return !input_.finished();
        const std::uint64_t begin = *magic;
        if (input_.bits(begin, magic_bits) == block_magic) {
            const std::uint64_t longest = begin + max_block_bits;
            const bool last = magic + 1 == magics.end();
            if (last && input_.end() < longest && !input_.finished()) return true;
            begin_block(begin, std::min(longest, last ? input_.end() : magic[1]));
        }
        begun_until_ = begin + 1;
    }
    return false;
}

void Decoder::begin_block(std::uint64_t begin, std::uint64_t end) {
    if (spare_jobs_.empty()) spare_jobs_.push_back(std::make_unique<Job>());
    jobs_.push_back(std::move(spare_jobs_.back()));
    spare_jobs_.pop_back();
    jobs_.back()->begin_bit = begin;
    submit(*jobs_.back(), end);
}

void Decoder::submit(Job &job, std::uint64_t end) {
    input_.copy(job.begin_bit, end, BitReader::padding_bytes, job.compressed);
    job.compressed_begin = job.begin_bit % 8;
    job.compressed_end = job.compressed_begin + static_cast<std::size_t>(end - job.begin_bit);
    workers_.submit(job);
}

// False once the workers were interrupted.
bool Decoder::drop_passed_jobs() {
    while (!jobs_.empty() && jobs_.front()->begin_bit < position_) {
        if (!workers_.wait(*jobs_.front())) return false;
        retire_front();
    }
    return true;
}

void Decoder::retire_front() {
    spare_jobs_.push_back(std::move(jobs_.front()));
    jobs_.pop_front();
}

Decoder::Step Decoder::fail(Failure::Kind kind, std::uint64_t offset, std::string message) {
    failure_ = Failure{kind, offset, std::move(message)};
    state_ = State::failed;
    input_.ignore_rest();
    workers_.interrupt();
    return Step::failed;
}

}  // namespace imgadm::bzip2
