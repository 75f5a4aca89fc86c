// Decodes bzip2 files on several threads, and gives the bytes in order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "bzip2/input.hpp"
#include "bzip2/jobs.hpp"

namespace imgadm::bzip2 {

struct Failure {
    enum class Kind { truncated, checksum, format };

    Kind kind;
    std::uint64_t offset;  // in bytes, of the input
    std::string message;
};

// Wherever a block may begin, decoding begins on a guess; then the blocks are followed from the
// beginning of the file, each to where it really ends, and guesses that were not met are dropped.
// What is read has passed the checksum of its block. One thread at a time feeds and reads; close()
// may come from another.
class Decoder {
public:
    enum class Answer { bytes, wants_input, end, failed, closed };

    struct Reading {
        Answer answer;
        std::size_t count;  // of bytes written, for Answer::bytes
    };

    // One thread is the caller's own; more are started. At most threads + 2 blocks, compressed and
    // decoded, are held at once, and what is fed beyond what is asked for.
    explicit Decoder(unsigned threads);
    ~Decoder() { close(); }
    Decoder(const Decoder &) = delete;
    Decoder &operator=(const Decoder &) = delete;

    // Copies the bytes. False, once the input has ended or the decoder is closed.
    bool feed(const std::uint8_t *bytes, std::size_t length);
    void end_of_input();

    // Writes up to `room` > 0 bytes. Waits for a block only where another could not be begun
    // meanwhile with more input: then that is wanted. `end` comes when everything was verified,
    // `failed` again and again.
    Reading read(std::uint8_t *to, std::size_t room);

    // After Answer::failed.
    const Failure &failure() const { return failure_; }

    // How many bytes follow the last stream, without being the beginning of another. Complete at
    // the end.
    std::uint64_t ignored_trailing_bytes() const;

    // Stops the threads and frees the memory.
    void close();

private:
    enum class State { at_header, at_block, in_block, delivering, ignoring, failed };
    enum class Step { again, deliver, wants_input, end, failed, closed };

    Step advance();
    Step read_header();
    Step read_block_start();
    Step read_end_of_stream();
    Step await_block();
    Step accept_block(const Job &job);
    Step lengthen(Job &job);
    Step fail(Failure::Kind kind, std::uint64_t offset, std::string message);

    std::size_t deliver(std::uint8_t *to, std::size_t room);
    bool begin_blocks();
    void begin_block(std::uint64_t begin, std::uint64_t end);
    void submit(Job &job, std::uint64_t end);
    bool drop_passed_jobs();
    void retire_front();

    mutable std::mutex use_;
    const std::size_t max_jobs_;
    Input input_;
    State state_ = State::at_header;
    std::uint64_t position_ = 0;     // in bits: everything before it is decoded and verified
    std::uint64_t begun_until_ = 0;  // in bits: blocks that may begin before it have been begun
    std::uint64_t streams_ = 0;
    std::size_t max_length_ = 0;
    std::uint32_t combined_crc_ = 0;
    Failure failure_{};
    bool closed_ = false;

    std::deque<std::unique_ptr<Job>> jobs_;  // in the order of the input
    std::vector<std::unique_ptr<Job>> spare_jobs_;
    std::size_t delivered_ = 0;  // of the front job's expanded bytes
    Workers workers_;            // last, so that they stop before their jobs go
};

}  // namespace imgadm::bzip2
