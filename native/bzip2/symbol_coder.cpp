#include "bzip2/symbol_coder.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "bzip2/code_lengths.hpp"

namespace imgadm::bzip2 {

namespace {

// Symbols below this are digits of the length of a run of the byte at the front.
constexpr unsigned run_symbols = 2;

// How often codes are made for the groups that chose them, and chosen again.
constexpr unsigned improvements = 4;

// Ranks up to which it takes longer to call a function than to look.
constexpr unsigned near_length = 6;

// While the first codes are guessed, the length for symbols that a table is not for.
constexpr std::uint8_t far_length = 15;

// As many tables as pay for themselves: fewer for fewer symbols.
unsigned count_tables(std::size_t symbols) {
    constexpr std::array<std::size_t, 4> count_limits = {200, 600, 1200, 2400};
    return min_tables + static_cast<unsigned>(std::count_if(
                            count_limits.begin(), count_limits.end(),
                            [symbols](std::size_t limit) { return symbols >= limit; }));
}

}  // namespace

SymbolCoder::SymbolCoder(std::size_t capacity)
    : symbols_(make_storage<std::uint16_t>(capacity + 1)) {
    selectors_.reserve(capacity / group_length + 1);
}

void SymbolCoder::write(const std::uint8_t *last_column, std::size_t length, BitWriter &writer) {
    note_bytes_in_use(last_column, length);
    move_to_front(last_column, length);
    choose_codes();
    write_map(writer);
    write_selectors(writer);
    write_codes(writer);
    write_symbols(writer);
}

void SymbolCoder::note_bytes_in_use(const std::uint8_t *last_column, std::size_t length) {
    in_use_.fill(false);
    for (std::size_t at = 0; at < length; ++at) in_use_[last_column[at]] = true;
    alphabet_ = static_cast<unsigned>(std::count(in_use_.begin(), in_use_.end(), true)) + 2;
}

void SymbolCoder::add(unsigned symbol) {
    symbols_[symbol_count_++] = static_cast<std::uint16_t>(symbol);
    ++frequencies_[symbol];
}

// In base two, with the digits one and two.
void SymbolCoder::add_run(std::size_t length) {
    for (; length != 0; length = (length - 1) / 2) add((length - 1) & 1);
}

void SymbolCoder::move_to_front(const std::uint8_t *last_column, std::size_t length) {
    frequencies_.fill(0);
    symbol_count_ = 0;
    std::array<std::uint8_t, 256> front{};
    unsigned used = 0;
    for (unsigned byte = 0; byte < 256; ++byte) {
        if (in_use_[byte]) front[used++] = static_cast<std::uint8_t>(byte);
    }
    std::size_t run = 0;
    for (std::size_t at = 0; at < length; ++at) {
        const std::uint8_t byte = last_column[at];
        if (byte == front[0]) {
            ++run;
            continue;
        }
        add_run(run);
        run = 0;
        // Everything up to the byte moves back by one on the way there.
        std::uint8_t moved = front[0];
        unsigned rank = 0;
        do {
            ++rank;
            std::swap(moved, front[rank]);
        } while (moved != byte && rank < near_length);
        if (moved != byte) {
            const auto *found = static_cast<const std::uint8_t *>(
                std::memchr(&front[near_length + 1], byte, front.size() - near_length - 1));
            rank = static_cast<unsigned>(found - front.data());
            std::memmove(&front[near_length + 2], &front[near_length + 1], rank - near_length - 1);
            front[near_length + 1] = moved;
        }
        front[0] = byte;
        add(rank + run_symbols - 1);
    }
    add_run(run);
    add(alphabet_ - 1);
}

void SymbolCoder::choose_codes() {
    table_count_ = count_tables(symbol_count_);
    selectors_.assign((symbol_count_ + group_length - 1) / group_length, 0);
    guess_codes();
    for (unsigned turn = 0; turn < improvements; ++turn) improve_codes();
}

// To begin with, each table is for a range of symbols that occur about as often as the others'.
void SymbolCoder::guess_codes() {
    std::size_t left = symbol_count_;
    unsigned first = 0;
    for (unsigned table = 0; table < table_count_; ++table) {
        const std::size_t share = left / (table_count_ - table);
        std::size_t taken = 0;
        unsigned end = first;
        while (end < alphabet_ && (taken < share || table + 1 == table_count_)) {
            taken += frequencies_[end++];
        }
        lengths_[table].fill(far_length);
        std::fill(lengths_[table].begin() + first, lengths_[table].begin() + end, 0);
        first = end;
        left -= taken;
    }
}

void SymbolCoder::improve_codes() {
    // The lengths of a symbol in all tables side by side, to be added at once.
    constexpr unsigned lane_count = 8;
    using Costs = std::array<std::uint16_t, lane_count>;
    std::array<Costs, max_alphabet> costs{};
    for (unsigned table = 0; table < lane_count; ++table) {
        for (unsigned symbol = 0; symbol < alphabet_; ++symbol) {
            costs[symbol][table] = table < table_count_ ? lengths_[table][symbol] : 255;
        }
    }
    std::array<std::array<std::uint32_t, max_alphabet>, max_tables> frequencies{};
    for (std::size_t group = 0; group < selectors_.size(); ++group) {
        const std::size_t begin = group * group_length;
        const std::size_t end = std::min(begin + group_length, symbol_count_);
        Costs sums{};
        for (std::size_t at = begin; at < end; ++at) {
            const Costs &cost = costs[symbols_[at]];
            for (unsigned lane = 0; lane < lane_count; ++lane) {
                sums[lane] = static_cast<std::uint16_t>(sums[lane] + cost[lane]);
            }
        }
        const auto best = static_cast<std::uint8_t>(
            std::min_element(sums.begin(), sums.begin() + table_count_) - sums.begin());
        selectors_[group] = best;
        for (std::size_t at = begin; at < end; ++at) ++frequencies[best][symbols_[at]];
    }
    for (unsigned table = 0; table < table_count_; ++table) {
        make_code_lengths(frequencies[table].data(), alphabet_, lengths_[table].data());
    }
}

// Which bytes occur: first in which sixteenths, then within these.
void SymbolCoder::write_map(BitWriter &writer) const {
    std::array<std::uint32_t, 16> parts{};
    std::uint32_t parts_in_use = 0;
    for (unsigned byte = 0; byte < 256; ++byte) {
        parts[byte / 16] = parts[byte / 16] << 1 | (in_use_[byte] ? 1 : 0);
    }
    for (const std::uint32_t part : parts) parts_in_use = parts_in_use << 1 | (part != 0 ? 1 : 0);
    writer.write(16, parts_in_use);
    for (const std::uint32_t part : parts) {
        if (part != 0) writer.write(16, part);
    }
}

// Tables by how recently they were chosen, in ones that end with a zero.
void SymbolCoder::write_selectors(BitWriter &writer) const {
    writer.write(3, table_count_);
    writer.write(15, selectors_.size());
    std::array<std::uint8_t, max_tables> recent;
    std::iota(recent.begin(), recent.end(), std::uint8_t{0});
    for (const std::uint8_t table : selectors_) {
        const auto found = std::find(recent.begin(), recent.end(), table);
        const auto rank = static_cast<unsigned>(found - recent.begin());
        std::rotate(recent.begin(), found, found + 1);
        writer.write(rank + 1, ((1u << rank) - 1) << 1);
    }
}

// Lengths as steps from the one before: 10 up, 11 down, 0 that will do.
void SymbolCoder::write_codes(BitWriter &writer) const {
    for (unsigned table = 0; table < table_count_; ++table) {
        unsigned current = lengths_[table][0];
        writer.write(5, current);
        for (unsigned symbol = 0; symbol < alphabet_; ++symbol) {
            const unsigned wanted = lengths_[table][symbol];
            for (; current < wanted; ++current) writer.write(2, 2);
            for (; current > wanted; --current) writer.write(2, 3);
            writer.write(1, 0);
        }
    }
}

void SymbolCoder::write_symbols(BitWriter &writer) const {
    std::array<std::array<std::uint32_t, max_alphabet>, max_tables> codes;
    for (unsigned table = 0; table < table_count_; ++table) {
        std::uint32_t next = 0;
        for (unsigned length = 1; length <= longest_code; ++length, next <<= 1) {
            for (unsigned symbol = 0; symbol < alphabet_; ++symbol) {
                if (lengths_[table][symbol] == length) codes[table][symbol] = next++;
            }
        }
    }
    for (std::size_t group = 0; group < selectors_.size(); ++group) {
        const unsigned table = selectors_[group];
        const std::size_t begin = group * group_length;
        const std::size_t end = std::min(begin + group_length, symbol_count_);
        for (std::size_t at = begin; at < end; ++at) {
            writer.write(lengths_[table][symbols_[at]], codes[table][symbols_[at]]);
        }
    }
}

}  // namespace imgadm::bzip2
