#include "meter/meter.hpp"

namespace imgadm {

namespace {

std::int64_t now_nanoseconds() {
    using namespace std::chrono;
    return duration_cast<nanoseconds>(steady_clock::now().time_since_epoch()).count();
}

}  // namespace

void Meter::begin_wait(Wait kind) {
    wait_started_.store(now_nanoseconds(), std::memory_order_relaxed);
    waiting_.store(kind, std::memory_order_release);
}

void Meter::end_wait() {
    const Wait kind = waiting_.load(std::memory_order_relaxed);
    const std::int64_t elapsed = now_nanoseconds() - wait_started_.load(std::memory_order_relaxed);
    waiting_.store(Wait::none, std::memory_order_release);
    if (kind == Wait::input) {
        input_nanoseconds_.fetch_add(elapsed, std::memory_order_relaxed);
    } else if (kind == Wait::output) {
        output_nanoseconds_.fetch_add(elapsed, std::memory_order_relaxed);
    }
}

double Meter::waited(Wait kind, const std::atomic<std::int64_t> &done) const {
    std::int64_t total = done.load(std::memory_order_relaxed);
    if (waiting_.load(std::memory_order_acquire) == kind) {
        total += now_nanoseconds() - wait_started_.load(std::memory_order_relaxed);
    }
    return static_cast<double>(total) * 1e-9;
}

double Meter::waited_for_input() const { return waited(Wait::input, input_nanoseconds_); }
double Meter::waited_for_output() const { return waited(Wait::output, output_nanoseconds_); }

}  // namespace imgadm
