#include "bzip2/prefix_code.hpp"

#include <algorithm>

namespace imgadm::bzip2 {

void PrefixCode::build(const std::uint8_t *lengths, unsigned alphabet) {
    end_symbol_ = alphabet - 1;
    count_.fill(0);
    for (unsigned symbol = 0; symbol < alphabet; ++symbol) {
        ++count_[lengths[symbol]];
    }
    std::uint32_t code = 0;
    std::uint16_t listed = 0;
    std::array<std::uint16_t, max_code_length + 1> next;
    for (unsigned length = 1; length <= max_code_length; ++length) {
        code <<= 1;
        first_[length] = code;
        listed_[length] = next[length] = listed;
        code += count_[length];
        listed = static_cast<std::uint16_t>(listed + count_[length]);
    }
    for (unsigned symbol = 0; symbol < alphabet; ++symbol) {
        by_code_[next[lengths[symbol]]++] = static_cast<std::uint16_t>(symbol);
    }

    // One code per index first: symbol in the low 9 bits, length above; zero where none is short.
    constexpr std::uint32_t size = 1u << lookup_bits;
    std::array<std::uint16_t, size> single;
    std::uint32_t filled = 0;
    for (unsigned length = 1; length <= lookup_bits; ++length) {
        for (unsigned i = 0; i < count_[length] && filled < size; ++i) {
            const std::uint32_t until = std::min(size, filled + (size >> length));
            const auto entry =
                static_cast<std::uint16_t>(by_code_[listed_[length] + i] | length << second_shift);
            std::fill(single.begin() + filled, single.begin() + until, entry);
            filled = until;
        }
    }
    std::fill(single.begin() + filled, single.end(), std::uint16_t{0});

    for (std::uint32_t index = 0; index < size; ++index) {
        const std::uint32_t symbol = single[index] & symbol_mask;
        const unsigned length = single[index] >> second_shift;
        if (length == 0 || symbol == end_symbol_) {
            entries_[index] = 0;
            continue;
        }
        std::uint32_t entry = symbol | length << first_length_shift;
        const std::uint16_t follower = single[(index << length) & (size - 1)];
        const std::uint32_t second = follower & symbol_mask;
        const unsigned both = length + (follower >> second_shift);
        if (follower != 0 && second != end_symbol_ && both <= lookup_bits) {
            entry |= second << second_shift | 2u << count_shift | both << length_shift;
        } else {
            entry |= 1u << count_shift | length << length_shift;
        }
        entries_[index] = entry;
    }
}

inline unsigned PrefixCode::accept(std::uint32_t entry, BitReader &reader, std::uint16_t *symbols) {
    symbols[0] = entry & symbol_mask;
    symbols[1] = (entry >> second_shift) & symbol_mask;
    reader.skip(entry >> length_shift);
    return (entry >> count_shift) & 3;
}

// The symbol of one code of any length, or invalid_symbol.
unsigned PrefixCode::take_long(BitReader &reader) const {
    reader.refill();
    for (unsigned length = 1; length <= max_code_length; ++length) {
        const std::uint32_t offset = reader.peek(length) - first_[length];
        if (offset < count_[length]) {
            reader.skip(length);
            return by_code_[listed_[length] + offset];
        }
    }
    return invalid_symbol;
}

unsigned PrefixCode::decode_group(BitReader &shared, std::uint16_t *symbols) const {
    BitReader reader = shared;
    unsigned done = 0;
    while (done < group_length) {
        constexpr unsigned lookups_per_refill = 56 / lookup_bits;
        std::uint32_t entry = 1;
        while (done + 2 * lookups_per_refill <= group_length) {
            reader.refill();
            for (unsigned i = 0; i < lookups_per_refill; ++i) {
                entry = entries_[reader.peek(lookup_bits)];
                if (entry == 0) break;
                done += accept(entry, reader, symbols + done);
            }
            if (entry == 0) break;
        }
        while (entry != 0 && done + 2 <= group_length) {
            reader.refill();
            entry = entries_[reader.peek(lookup_bits)];
            if (entry != 0) done += accept(entry, reader, symbols + done);
        }
        if (done == group_length) break;
        const unsigned symbol = take_long(reader);
        if (symbol == invalid_symbol) {
            done = invalid_symbol;
            break;
        }
        if (symbol == end_symbol_) break;
        symbols[done++] = static_cast<std::uint16_t>(symbol);
    }
    shared = reader;
    return done;
}

}  // namespace imgadm::bzip2
