#include "zstream/change_scan.hpp"

#include <algorithm>
#include <cstring>

namespace imgadm::zstream {

Change ChangeScan::next() {
    while (at_ < end_ && !disk_.ended(at_)) {
        if (pass_hole()) {
            continue;
        }
        const Bytes content = disk_.block(at_);
        const bool same = origin_ != nullptr &&
                          std::memcmp(content.data, origin_->block(at_).data, content.size) == 0;
        if (!same && all_zero(content)) {
            extend_run(at_ + block_size_);
            continue;
        }
        if (run_start_ != run_end_) {
            return take_run();  // this block is looked at again
        }
        const std::uint64_t offset = at_;
        at_ += block_size_;
        if (!same) {
            return {Change::Kind::write, offset, block_size_, content};
        }
    }
    return run_start_ != run_end_ ? take_run() : Change{};
}

// Where the file system knows of a hole, no block needs reading: it is to be freed, or is the same
// hole in the origin.
bool ChangeScan::pass_hole() {
    std::uint64_t data = std::min(disk_.next_data(at_), end_);
    if (origin_ != nullptr) {
        data = std::min(data, origin_->next_data(at_));
    }
    data -= data % block_size_;
    if (data <= at_ || (origin_ != nullptr && run_start_ != run_end_)) {
        return false;
    }
    if (origin_ == nullptr) {
        extend_run(data);
    }
    at_ = data;
    return true;
}

void ChangeScan::extend_run(std::uint64_t end) {
    if (run_start_ == run_end_) {
        run_start_ = at_;
    }
    at_ = run_end_ = end;
}

Change ChangeScan::take_run() {
    const Change run{Change::Kind::free, run_start_, run_end_ - run_start_, {}};
    run_start_ = run_end_ = 0;
    return run;
}

}  // namespace imgadm::zstream
