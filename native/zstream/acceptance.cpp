#include "zstream/acceptance.hpp"

#include "zstream/error.hpp"

#include <string>

namespace imgadm::zstream {

namespace {

using Kind = StreamError::Kind;

std::string described(ObjectSet kind) {
    return kind == ObjectSet::volume ? "a volume" : "a file system";
}

}  // namespace

void require_wanted(const Begin &begin, const Wanted &wanted, std::uint64_t offset) {
    const auto kind = static_cast<ObjectSet>(begin.object_set);
    if (wanted.kind && *wanted.kind != kind) {
        fail(Kind::unsupported, offset,
             "got the stream of " + described(kind) + ", wanted that of " +
                 described(*wanted.kind));
    }
    if (begin.from_guid == 0 || !wanted.from_guid || *wanted.from_guid == begin.from_guid) {
        return;
    }
    fail(Kind::origin, offset,
         "got an incremental stream from the snapshot with guid " +
             std::to_string(begin.from_guid) + ", wanted " +
             (*wanted.from_guid == 0 ? "a full stream"
                                     : "one from guid " + std::to_string(*wanted.from_guid)));
}

}  // namespace imgadm::zstream
