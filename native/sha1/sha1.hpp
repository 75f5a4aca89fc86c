// SHA-1 (FIPS 180-4), by the fastest engine that this processor and this host offer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace imgadm {

using Sha1Digest = std::array<std::uint8_t, 20>;

class Sha1 {
public:
    virtual ~Sha1() = default;
    virtual void update(const void *data, std::size_t size) = 0;
    // The digest of all bytes so far; update() may follow.
    virtual Sha1Digest digest() const = 0;
    virtual std::unique_ptr<Sha1> clone() const = 0;

    // "openssl": the host's libcrypto, found at run time. "instructions": the processor's SHA
    // instructions. "portable": plain C++. Returns nullptr for an engine that this host
    // lacks; the empty name means the best.
    static std::unique_ptr<Sha1> create(const std::string &engine = "");
    static std::vector<std::string> engines();
};

namespace sha1 {

using State = std::array<std::uint32_t, 5>;
using Compress = void (*)(State &state, const std::uint8_t *blocks, std::size_t count);

void compress_portable(State &state, const std::uint8_t *blocks, std::size_t count);
// Null where the processor lacks them.
Compress instructions();
std::unique_ptr<Sha1> create_block(Compress compress);
// Null where there is no libcrypto, or where it refuses SHA-1.
std::unique_ptr<Sha1> create_openssl();

}  // namespace sha1
}  // namespace imgadm
