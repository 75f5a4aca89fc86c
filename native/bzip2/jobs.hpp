// Blocks being decoded, and the threads that decode them.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "bzip2/block_decoder.hpp"

namespace imgadm::bzip2 {

// One place in the input where a block may begin.
struct Job {
    std::uint64_t begin_bit = 0;  // in the whole input
    std::vector<std::uint8_t> compressed;
    std::size_t compressed_begin = 0;  // in bits, within `compressed`
    std::size_t compressed_end = 0;
    Outcome outcome = Outcome::stopped;
    Block block;
    bool done = false;

    std::uint64_t end_bit() const { return begin_bit - compressed_begin + block.end_bit; }
};

// Decodes jobs in the order in which they come. Without threads, the caller that waits decodes.
// Jobs belong to the caller, who keeps them until they are done or the workers have stopped.
class Workers {
public:
    explicit Workers(unsigned threads);
    ~Workers() { stop(); }
    Workers(const Workers &) = delete;
    Workers &operator=(const Workers &) = delete;

    void submit(Job &job);

    bool is_done(const Job &job) const;

    // Returns once the job is done, or at once after interrupt(): then with false.
    bool wait(Job &job);

    // Ends every wait, and every decoding soon; may be called from any thread, at any time.
    void interrupt();

    // Interrupts, and returns when all threads have ended.
    void stop();

private:
    void work(BlockDecoder &decoder);
    void run(std::unique_lock<std::mutex> &lock, BlockDecoder &decoder);

    mutable std::mutex mutex_;
    std::condition_variable job_waits_;
    std::condition_variable job_done_;
    std::deque<Job *> queue_;
    std::atomic<bool> stop_{false};
    std::vector<std::unique_ptr<BlockDecoder>> decoders_;
    std::vector<std::thread> threads_;
};

}  // namespace imgadm::bzip2
