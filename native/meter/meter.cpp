#include "meter/meter.hpp"

#include <algorithm>

namespace imgadm {

namespace {

std::int64_t now_nanoseconds() {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

// Readers try again while the version is odd or has changed meanwhile, so that they never see a
// wait twice, or not at all, while it is being booked.
template <typename Change> void Meter::change(Change change) {
    const std::uint32_t version = version_.load(std::memory_order_relaxed);
    version_.store(version + 1, std::memory_order_relaxed);
    std::atomic_thread_fence(std::memory_order_release);
    change();
    version_.store(version + 2, std::memory_order_release);
}

void Meter::begin_wait(Wait kind) {
    change([&] {
        wait_started_.store(now_nanoseconds(), std::memory_order_relaxed);
        waiting_.store(kind, std::memory_order_relaxed);
    });
}

void Meter::end_wait() {
    const Wait kind = waiting_.load(std::memory_order_relaxed);
    if (kind == Wait::none) return;
    auto &waited = kind == Wait::input ? input_nanoseconds_ : output_nanoseconds_;
    const std::int64_t before = waited.load(std::memory_order_relaxed);
    const std::int64_t elapsed = now_nanoseconds() - wait_started_.load(std::memory_order_relaxed);
    change([&] {
        waited.store(before + elapsed, std::memory_order_relaxed);
        waiting_.store(Wait::none, std::memory_order_relaxed);
    });
}

std::int64_t Meter::waited(Wait kind, const std::atomic<std::int64_t> &done) const {
    for (;;) {
        const std::uint32_t version = version_.load(std::memory_order_acquire);
        std::int64_t total = done.load(std::memory_order_relaxed);
        if (waiting_.load(std::memory_order_relaxed) == kind) {
            total += now_nanoseconds() - wait_started_.load(std::memory_order_relaxed);
        }
        std::atomic_thread_fence(std::memory_order_acquire);
        if (version % 2 == 0 && version == version_.load(std::memory_order_relaxed)) return total;
    }
}

// A reader may have taken the time of a wait some nanoseconds after the writer took the time of its
// end, and before that was booked: what has been shown is never taken back.
double Meter::shown(std::int64_t nanoseconds, std::atomic<std::int64_t> &most) {
    std::int64_t before = most.load(std::memory_order_relaxed);
    while (before < nanoseconds &&
           !most.compare_exchange_weak(before, nanoseconds, std::memory_order_relaxed)) {
    }
    return static_cast<double>(std::max(before, nanoseconds)) * 1e-9;
}

double Meter::waited_for_input() const {
    return shown(waited(Wait::input, input_nanoseconds_), input_shown_);
}

double Meter::waited_for_output() const {
    return shown(waited(Wait::output, output_nanoseconds_), output_shown_);
}

}  // namespace imgadm
