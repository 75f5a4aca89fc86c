#include "bzip2/code_lengths.hpp"

#include <algorithm>
#include <array>

#include "bzip2/format.hpp"

namespace imgadm::bzip2 {

namespace {

// Makes the tree from leaves that are sorted by weight, and what joins two of them by the order in
// which it was made, which is by weight as well. Returns the greatest depth.
unsigned measure_tree(const std::array<std::uint32_t, max_alphabet> &weights,
                      const std::array<std::uint16_t, max_alphabet> &order, unsigned leaves,
                      std::uint8_t *lengths) {
    std::array<std::uint64_t, max_alphabet> joined;
    std::array<std::uint16_t, 2 * max_alphabet> parent;
    unsigned leaf = 0, inner = 0;
    for (unsigned made = 0; made + 1 < leaves; ++made) {
        joined[made] = 0;
        for (int side = 0; side < 2; ++side) {
            if (inner == made || (leaf < leaves && weights[order[leaf]] <= joined[inner])) {
                joined[made] += weights[order[leaf]];
                parent[leaf++] = static_cast<std::uint16_t>(made);
            } else {
                joined[made] += joined[inner];
                parent[leaves + inner++] = static_cast<std::uint16_t>(made);
            }
        }
    }
    std::array<std::uint16_t, max_alphabet> depth;
    depth[leaves - 2] = 0;
    for (unsigned node = leaves - 2; node-- > 0;) {
        depth[node] = static_cast<std::uint16_t>(depth[parent[leaves + node]] + 1);
    }
    unsigned deepest = 0;
    for (unsigned at = 0; at < leaves; ++at) {
        const unsigned length = depth[parent[at]] + 1u;
        deepest = std::max(deepest, length);
        lengths[order[at]] = static_cast<std::uint8_t>(std::min(length, 255u));
    }
    return deepest;
}

}  // namespace

void make_code_lengths(const std::uint32_t *frequencies, unsigned alphabet, std::uint8_t *lengths) {
    std::array<std::uint32_t, max_alphabet> weights;
    std::array<std::uint16_t, max_alphabet> order;
    for (unsigned symbol = 0; symbol < alphabet; ++symbol) {
        weights[symbol] = std::max(frequencies[symbol], 1u);
        order[symbol] = static_cast<std::uint16_t>(symbol);
    }
    std::sort(order.begin(), order.begin() + alphabet, [&](std::uint16_t one, std::uint16_t other) {
        return weights[one] != weights[other] ? weights[one] < weights[other] : one < other;
    });
    while (measure_tree(weights, order, alphabet, lengths) > longest_code) {
        // Flatter, and still in order.
        for (unsigned symbol = 0; symbol < alphabet; ++symbol) {
            weights[symbol] = weights[symbol] / 2 + 1;
        }
    }
}

}  // namespace imgadm::bzip2
