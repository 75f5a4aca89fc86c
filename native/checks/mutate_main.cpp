// Runs a fuzz target where there is no libFuzzer: ITERATIONS SECONDS SEED FILE...
//
// Every file is run as it is, then mutations of them, until there were so many or they took so many
// seconds of processor time. The same seed makes the same inputs. One that crashes is left in the
// file crash-TARGET-SEED of the working directory.
#include <algorithm>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size);
// A target may know better mutations than these.
extern "C" __attribute__((weak)) std::size_t
LLVMFuzzerCustomMutator(std::uint8_t *data, std::size_t size, std::size_t max_size, unsigned seed);
extern "C" __attribute__((weak)) void __sanitizer_set_death_callback(void (*callback)());
// What such a mutator falls back to; libFuzzer has its own.
extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t *data, std::size_t size, std::size_t max_size);

namespace {

using Input = std::vector<std::uint8_t>;

std::mt19937_64 source;

std::size_t below(std::size_t limit) { return limit == 0 ? 0 : source() % limit; }

Input read_file(const std::string &path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::fprintf(stderr, "cannot read %s\n", path.c_str());
        std::exit(2);
    }
    return Input(std::istreambuf_iterator<char>(file), {});
}

Input current;
std::string crash_file;

void keep_crash() {
    std::ofstream(crash_file, std::ios::binary)
        .write(reinterpret_cast<const char *>(current.data()),
               static_cast<std::streamsize>(current.size()));
    std::fprintf(stderr, "the input is in %s\n", crash_file.c_str());
}

void keep_crash_on_abort(int) {
    keep_crash();
    std::_Exit(1);
}

void run(const Input &input) {
    // A copy of the exact length, so that the sanitizer sees a read past its end.
    current = Input(input);
    current.shrink_to_fit();
    LLVMFuzzerTestOneInput(current.data(), current.size());
}

Input spliced(const Input &head, const Input &tail) {
    Input input(head.begin(), head.begin() + static_cast<std::ptrdiff_t>(below(head.size() + 1)));
    input.insert(input.end(), tail.begin() + static_cast<std::ptrdiff_t>(below(tail.size() + 1)),
                 tail.end());
    return input;
}

Input mutated(const std::vector<Input> &corpus) {
    const Input &base = corpus[below(corpus.size())];
    if (below(16) == 0) {
        return spliced(base, corpus[below(corpus.size())]);
    }
    Input input(base);
    const std::size_t room = base.size() + 4096;
    input.resize(room);
    std::size_t size = base.size();
    for (std::size_t rounds = 1 + below(4); rounds != 0; --rounds) {
        size =
            LLVMFuzzerCustomMutator != nullptr
                ? LLVMFuzzerCustomMutator(input.data(), size, room, static_cast<unsigned>(source()))
                : LLVMFuzzerMutate(input.data(), size, room);
    }
    input.resize(size);
    return input;
}

}  // namespace

extern "C" std::size_t LLVMFuzzerMutate(std::uint8_t *data, std::size_t size,
                                        std::size_t max_size) {
    if (size == 0) {
        data[0] = static_cast<std::uint8_t>(source());
        return std::min<std::size_t>(1, max_size);
    }
    switch (below(4)) {
        case 0: return below(size);  // cut
        case 1: {                    // grow
            const std::size_t count = below(max_size - size + 1);
            std::generate_n(data + size, count, [] { return static_cast<std::uint8_t>(source()); });
            return size + count;
        }
        case 2: data[below(size)] = static_cast<std::uint8_t>(source()); return size;
        default: data[below(size)] ^= static_cast<std::uint8_t>(1u << below(8)); return size;
    }
}

int main(int argc, char **argv) {
    if (argc < 5) {
        std::fprintf(stderr, "usage: %s ITERATIONS SECONDS SEED FILE...\n", argv[0]);
        return 2;
    }
    const unsigned long iterations = std::strtoul(argv[1], nullptr, 10);
    const double seconds = std::strtod(argv[2], nullptr);
    source.seed(std::strtoul(argv[3], nullptr, 10));
    const std::string program = argv[0];
    crash_file = "crash-" + program.substr(program.rfind('/') + 1) + "-" + argv[3];
    std::signal(SIGABRT, keep_crash_on_abort);
    if (__sanitizer_set_death_callback != nullptr) {
        __sanitizer_set_death_callback(keep_crash);
    }
    std::vector<Input> corpus;
    for (int i = 4; i < argc; ++i) {
        corpus.push_back(read_file(argv[i]));
        run(corpus.back());
    }
    unsigned long mutations = 0;
    while (mutations < iterations && std::clock() < seconds * CLOCKS_PER_SEC) {
        run(mutated(corpus));
        ++mutations;
    }
    if (__sanitizer_set_death_callback != nullptr) {
        __sanitizer_set_death_callback(nullptr);  // a leak is of no single input
    }
    std::printf("%zu files and %lu mutations of them ran\n", corpus.size(), mutations);
    return 0;
}
