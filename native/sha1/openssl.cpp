// The host's libcrypto, found at run time: nothing of it is needed to build.
#include <dlfcn.h>

#include "sha1/sha1.hpp"

namespace imgadm::sha1 {
namespace {

struct Library {
    void *(*new_context)();
    void (*free_context)(void *);
    int (*copy_context)(void *to, const void *from);
    const void *(*algorithm)();
    int (*init)(void *context, const void *algorithm, void *engine);
    int (*update)(void *context, const void *data, std::size_t size);
    int (*final)(void *context, unsigned char *digest, unsigned *size);
};

template <typename Function> bool resolve(void *handle, const char *name, Function &function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    return function != nullptr;
}

const Library *load() {
    static Library library;
    for (const char *name : {"libcrypto.so.3", "libcrypto.so.1.1", "libcrypto.so"}) {
        void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
        if (handle == nullptr) continue;
        if (resolve(handle, "EVP_MD_CTX_new", library.new_context) &&
            resolve(handle, "EVP_MD_CTX_free", library.free_context) &&
            resolve(handle, "EVP_MD_CTX_copy_ex", library.copy_context) &&
            resolve(handle, "EVP_sha1", library.algorithm) &&
            resolve(handle, "EVP_DigestInit_ex", library.init) &&
            resolve(handle, "EVP_DigestUpdate", library.update) &&
            resolve(handle, "EVP_DigestFinal_ex", library.final)) {
            return &library;
        }
        dlclose(handle);
    }
    return nullptr;
}

const Library *library() {
    static const Library *const loaded = load();
    return loaded;
}

class OpensslSha1 final : public Sha1 {
public:
    OpensslSha1() : context_(library()->new_context()) {}
    ~OpensslSha1() override { library()->free_context(context_); }
    OpensslSha1(const OpensslSha1 &) = delete;
    OpensslSha1 &operator=(const OpensslSha1 &) = delete;

    // False where a policy of the host (FIPS) forbids SHA-1.
    bool begin() {
        return context_ != nullptr && library()->init(context_, library()->algorithm(), nullptr);
    }

    void update(const void *data, std::size_t size) override {
        library()->update(context_, data, size);
    }

    Sha1Digest digest() const override {
        OpensslSha1 last;
        Sha1Digest result{};
        library()->copy_context(last.context_, context_);
        library()->final(last.context_, result.data(), nullptr);
        return result;
    }

    std::unique_ptr<Sha1> clone() const override {
        auto copy = std::make_unique<OpensslSha1>();
        library()->copy_context(copy->context_, context_);
        return copy;
    }

private:
    void *context_;
};

}  // namespace

std::unique_ptr<Sha1> create_openssl() {
    if (library() == nullptr) return nullptr;
    auto hasher = std::make_unique<OpensslSha1>();
    if (!hasher->begin()) return nullptr;
    return hasher;
}

}  // namespace imgadm::sha1
