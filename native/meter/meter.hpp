// What a stage has moved and how long it has waited, readable from any thread at any time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

namespace imgadm {

// One writer, many readers. Every figure is monotonic, and each is exact by itself; figures read
// one after the other may be from slightly different moments, which is good enough to show
// progress.
class Meter {
public:
    enum class Wait { none, input, output };

    void add_in(std::uint64_t bytes) { bytes_in_.fetch_add(bytes, std::memory_order_relaxed); }
    void add_out(std::uint64_t bytes) { bytes_out_.fetch_add(bytes, std::memory_order_relaxed); }

    std::uint64_t bytes_in() const { return bytes_in_.load(std::memory_order_relaxed); }
    std::uint64_t bytes_out() const { return bytes_out_.load(std::memory_order_relaxed); }

    // Seconds spent waiting so far, a wait that is still going on included.
    double waited_for_input() const;
    double waited_for_output() const;

    void begin_wait(Wait kind);
    void end_wait();

private:
    template <typename Change> void change(Change change);
    std::int64_t waited(Wait kind, const std::atomic<std::int64_t> &done) const;
    static double shown(std::int64_t nanoseconds, std::atomic<std::int64_t> &most);

    std::atomic<std::uint64_t> bytes_in_{0};
    std::atomic<std::uint64_t> bytes_out_{0};
    std::atomic<std::int64_t> input_nanoseconds_{0};
    std::atomic<std::int64_t> output_nanoseconds_{0};
    std::atomic<std::int64_t> wait_started_{0};
    std::atomic<Wait> waiting_{Wait::none};
    std::atomic<std::uint32_t> version_{0};
    mutable std::atomic<std::int64_t> input_shown_{0};
    mutable std::atomic<std::int64_t> output_shown_{0};
};

// Times one wait, from construction to destruction.
class TimedWait {
public:
    TimedWait(Meter &meter, Meter::Wait kind) : meter_(meter) { meter_.begin_wait(kind); }
    ~TimedWait() { meter_.end_wait(); }
    TimedWait(const TimedWait &) = delete;
    TimedWait &operator=(const TimedWait &) = delete;

private:
    Meter &meter_;
};

}  // namespace imgadm
