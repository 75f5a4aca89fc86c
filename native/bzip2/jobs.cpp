#include "bzip2/jobs.hpp"

namespace imgadm::bzip2 {

Workers::Workers(unsigned threads) {
    const unsigned decoders = threads == 0 ? 1 : threads;
    for (unsigned i = 0; i < decoders; ++i) decoders_.push_back(std::make_unique<BlockDecoder>());
    try {
        for (unsigned i = 0; i < threads; ++i) {
            threads_.emplace_back([this, i] { work(*decoders_[i]); });
        }
    } catch (...) {
        stop();
        throw;
    }
}

void Workers::submit(Job &job) {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        job.done = false;
        queue_.push_back(&job);
    }
    job_waits_.notify_one();
}

bool Workers::is_done(const Job &job) const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return job.done;
}

bool Workers::wait(Job &job) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (threads_.empty() && !job.done && !stop_) run(lock, *decoders_.front());
    job_done_.wait(lock, [&] { return job.done || stop_; });
    return !stop_;
}

void Workers::interrupt() {
    {
        const std::lock_guard<std::mutex> lock(mutex_);
        stop_ = true;
    }
    job_waits_.notify_all();
    job_done_.notify_all();
}

void Workers::stop() {
    interrupt();
    for (std::thread &thread : threads_) thread.join();
    threads_.clear();
}

void Workers::work(BlockDecoder &decoder) {
    std::unique_lock<std::mutex> lock(mutex_);
    while (true) {
        job_waits_.wait(lock, [this] { return stop_ || !queue_.empty(); });
        if (stop_) return;
        run(lock, decoder);
    }
}

// Takes a job from the queue, which is not empty, and does it unlocked.
void Workers::run(std::unique_lock<std::mutex> &lock, BlockDecoder &decoder) {
    Job &job = *queue_.front();
    queue_.pop_front();
    lock.unlock();
    const BitReader reader(job.compressed.data(), job.compressed_begin, job.compressed_end);
    job.outcome = decoder.decode(reader, stop_, job.block);
    lock.lock();
    job.done = true;
    job_done_.notify_all();
}

}  // namespace imgadm::bzip2
