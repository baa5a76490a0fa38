#include "common/swarm/rarity_order.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <span>
#include <utility>

#include "common/base/check.h"

namespace bt::swarm {
namespace {

constexpr std::size_t kWordBytes = 8;
constexpr std::size_t kQuickLook = 64;

// 64 pieces as one number, the lowest piece in its highest bit; missing bytes at the end count as zero.
std::uint64_t load_word(ByteView bytes, std::size_t at) {
    std::uint64_t word = 0;
    std::memcpy(&word, bytes.data() + at, std::min(kWordBytes, bytes.size() - at));
    if constexpr (std::endian::native == std::endian::little) word = std::byteswap(word);
    return word;
}

PieceIndex piece_at(std::size_t byte, int bit) {
    return PieceIndex(static_cast<std::uint32_t>(byte * 8) + static_cast<std::uint32_t>(bit));
}

std::uint64_t count_common(ByteView a, ByteView b) {
    std::uint64_t count = 0;
    for (std::size_t at = 0; at < a.size(); at += kWordBytes) {
        count += static_cast<std::uint64_t>(std::popcount(load_word(a, at) & load_word(b, at)));
    }
    return count;
}

// The (skip + 1)-th piece that is set in both.
std::optional<PieceIndex> nth_common(ByteView a, ByteView b, std::uint64_t skip) {
    for (std::size_t at = 0; at < a.size(); at += kWordBytes) {
        std::uint64_t word = load_word(a, at) & load_word(b, at);
        const auto here = static_cast<std::uint64_t>(std::popcount(word));
        if (skip >= here) {
            skip -= here;
            continue;
        }
        for (; skip > 0; --skip) word &= ~(std::uint64_t{1} << (63 - std::countl_zero(word)));
        return piece_at(at, std::countl_zero(word));
    }
    return std::nullopt;
}

template <class Function>
void for_each_set(const meta::Bitfield& pieces, Function function) {
    const ByteView bytes = pieces.wire();
    for (std::size_t at = 0; at < bytes.size(); at += kWordBytes) {
        for (std::uint64_t word = load_word(bytes, at); word != 0;) {
            const int bit = std::countl_zero(word);
            word &= ~(std::uint64_t{1} << (63 - bit));
            function(piece_at(at, bit).value());
        }
    }
}

}  // namespace

RarityOrder::RarityOrder(std::uint32_t piece_count, Rng rng)
    : counts_(piece_count, 0),
      priorities_(piece_count, kNormalPriority),
      candidates_(piece_count),
      places_(piece_count, 0),
      rng_(rng) {
    pieces_at_[kNormalPriority] = piece_count;
}

bool RarityOrder::touches_many(const meta::Bitfield& pieces) const { return pieces.count() > candidates_.count() / 4; }

void RarityOrder::on_peer_bitfield(const meta::Bitfield& pieces) {
    BT_CHECK(pieces.piece_count() == counts_.size());
    if (pieces.is_complete()) {
        ++seeds_;
        return;
    }
    if (touches_many(pieces)) sorted_ = false;
    for_each_set(pieces, [this](std::uint32_t piece) { move_up(piece); });
}

void RarityOrder::on_peer_have(PieceIndex piece) {
    BT_CHECK(piece.value() < counts_.size());
    move_up(piece.value());
}

void RarityOrder::on_peer_gone(const meta::Bitfield& pieces) {
    BT_CHECK(pieces.piece_count() == counts_.size());
    if (pieces.is_complete() && seeds_ > 0) {
        --seeds_;
        return;
    }
    if (touches_many(pieces)) sorted_ = false;
    for_each_set(pieces, [this](std::uint32_t piece) { take_one(piece); });
    if (sorted_) trim_groups();
}

void RarityOrder::on_peer_lost(PieceIndex piece) {
    BT_CHECK(piece.value() < counts_.size());
    take_one(piece.value());
    if (sorted_) trim_groups();
}

// A piece that only seeds are counted for: one of them is counted piece by piece from now on.
void RarityOrder::take_one(std::uint32_t piece) {
    if (counts_[piece] == 0) {
        BT_CHECK(seeds_ > 0);
        --seeds_;
        for (std::uint32_t& count : counts_) ++count;
        sorted_ = false;
    }
    move_down(piece);
}

void RarityOrder::insert(PieceIndex piece) {
    if (!candidates_.set(piece)) return;
    if (split_) candidates_at_[priority(piece)].set(piece);
    // Its number grew while it was no candidate.
    if (width_ > 0 && counts_[piece.value()] >= width_) sorted_ = false;
    if (!sorted_) return;
    const std::uint32_t group = group_of(piece.value());
    while (groups() <= group) start_.push_back(static_cast<std::uint32_t>(order_.size()));
    // Open a gap at the end of the piece's group: every group above hands its first piece to its own end.
    std::uint32_t gap = static_cast<std::uint32_t>(order_.size());
    order_.push_back(piece.value());
    ++start_.back();
    for (std::uint32_t g = groups() - 1; g > group; --g) {
        if (start_[g] != gap) place(order_[start_[g]], gap);
        gap = start_[g]++;
    }
    place(piece.value(), gap);
    shuffle_in(piece.value());
}

void RarityOrder::erase(PieceIndex piece) {
    if (!candidates_.clear(piece)) return;
    if (split_) candidates_at_[priority(piece)].clear(piece);
    if (!sorted_) return;
    const std::uint32_t group = group_of(piece.value());
    std::uint32_t gap = places_[piece.value()];
    // Fill the gap from the end of the group, the new gap from the end of the next, and so on.
    for (std::uint32_t g = group; g < groups(); ++g) {
        const std::uint32_t last = start_[g + 1] - 1;
        if (last != gap) place(order_[last], gap);
        gap = last;
        --start_[g + 1];
    }
    order_.pop_back();
    trim_groups();
}

std::optional<PieceIndex> RarityOrder::rarest(const meta::Bitfield& among) {
    if (!sorted_) sort();
    for (std::size_t i = 0; i < order_.size(); ++i) {
        // A peer that has none of the first few may have none at all, which is quicker to see 64 pieces at a time.
        if (i == kQuickLook && !nth_common(candidates_.wire(), among.wire(), 0)) return std::nullopt;
        if (among.has(PieceIndex(order_[i]))) return PieceIndex(order_[i]);
    }
    return std::nullopt;
}

template <class Choose>
std::optional<PieceIndex> RarityOrder::from_highest(Choose choose) const {
    if (!split_) return choose(candidates_);
    for (std::size_t level = kLevels; level-- > 1;) {
        if (candidates_at_[level].is_empty()) continue;
        if (const auto found = choose(candidates_at_[level])) return found;
    }
    return std::nullopt;
}

std::optional<PieceIndex> RarityOrder::random(const meta::Bitfield& among) {
    return from_highest([&](const meta::Bitfield& candidates) -> std::optional<PieceIndex> {
        const std::uint64_t count = count_common(candidates.wire(), among.wire());
        if (count == 0) return std::nullopt;
        return nth_common(candidates.wire(), among.wire(), rng_.below(count));
    });
}

std::optional<PieceIndex> RarityOrder::first(const meta::Bitfield& among) const {
    return from_highest(
        [&](const meta::Bitfield& candidates) { return nth_common(candidates.wire(), among.wire(), 0); });
}

void RarityOrder::set_priority(PieceIndex piece, std::uint8_t priority) {
    BT_CHECK(priority < kLevels);
    const std::uint8_t old = priorities_[piece.value()];
    if (priority == old) return;
    const bool was_candidate = contains(piece);
    if (was_candidate) erase(piece);
    split_candidates();
    --pieces_at_[old];
    ++pieces_at_[priority];
    priorities_[piece.value()] = priority;
    if (priority > 0 && rank_[priority] == kNoRank) sorted_ = false;
    if (was_candidate) insert(piece);
}

void RarityOrder::split_candidates() {
    if (split_) return;
    split_ = true;
    for (meta::Bitfield& level : candidates_at_) level = meta::Bitfield(candidates_.piece_count());
    candidates_at_[kNormalPriority] = candidates_;
    sorted_ = false;
}

// Ranks of the priorities in use, the highest first, and room for numbers to grow before it must be done again.
void RarityOrder::rank_levels() {
    constexpr std::uint32_t kRoomToGrow = 8;
    rank_.fill(kNoRank);
    std::uint32_t ranks = 0;
    for (std::size_t level = kLevels; level-- > 1;) {
        if (pieces_at_[level] > 0) rank_[level] = ranks++;
    }
    std::uint32_t highest = 0;
    for (const std::uint32_t count : counts_) highest = std::max(highest, count);
    width_ = ranks > 1 ? highest + 1 + kRoomToGrow : 0;
}

// A counting sort of the shuffled candidates.
void RarityOrder::sort() {
    rank_levels();
    std::vector<std::uint32_t> shuffled;
    shuffled.reserve(candidates_.count());
    std::uint32_t highest = 0;
    for_each_set(candidates_, [&](std::uint32_t piece) {
        shuffled.push_back(piece);
        highest = std::max(highest, group_of(piece));
    });
    rng_.shuffle(std::span(shuffled));
    start_.assign(std::size_t{highest} + 2, 0);
    for (const std::uint32_t piece : shuffled) ++start_[group_of(piece) + 1];
    for (std::size_t g = 1; g < start_.size(); ++g) start_[g] += start_[g - 1];
    order_.resize(shuffled.size());
    std::vector<std::uint32_t> next(start_.begin(), start_.end() - 1);
    for (const std::uint32_t piece : shuffled) place(piece, next[group_of(piece)]++);
    sorted_ = true;
}

void RarityOrder::place(std::uint32_t piece, std::uint32_t index) {
    order_[index] = piece;
    places_[piece] = index;
}

void RarityOrder::swap_places(std::uint32_t a, std::uint32_t b) {
    const std::uint32_t first_piece = order_[a];
    place(order_[b], a);
    place(first_piece, b);
}

void RarityOrder::shuffle_in(std::uint32_t piece) {
    const std::uint32_t group = group_of(piece);
    const std::uint32_t size = start_[group + 1] - start_[group];
    swap_places(places_[piece], start_[group] + static_cast<std::uint32_t>(rng_.below(size)));
}

void RarityOrder::move_up(std::uint32_t piece) {
    const std::uint32_t count = counts_[piece]++;
    if (!sorted_ || !candidates_.has(PieceIndex(piece))) return;
    if (width_ > 0 && count + 1 == width_) {
        sorted_ = false;
        return;
    }
    const std::uint32_t group = group_of(piece) - 1;
    if (group + 1 == groups()) start_.push_back(static_cast<std::uint32_t>(order_.size()));
    swap_places(places_[piece], start_[group + 1] - 1);
    --start_[group + 1];
    shuffle_in(piece);
}

void RarityOrder::move_down(std::uint32_t piece) {
    BT_CHECK(counts_[piece] > 0);
    --counts_[piece];
    if (!sorted_ || !candidates_.has(PieceIndex(piece))) return;
    const std::uint32_t group = group_of(piece) + 1;
    swap_places(places_[piece], start_[group]);
    ++start_[group];
    shuffle_in(piece);
}

void RarityOrder::trim_groups() {
    while (start_.size() > 2 && start_[start_.size() - 2] == order_.size()) start_.pop_back();
}

void RarityOrder::check_invariants() const {
    candidates_.check_invariants();
    std::array<std::uint32_t, kLevels> pieces_at{};
    for (std::uint32_t i = 0; i < counts_.size(); ++i) {
        ++pieces_at[priorities_[i]];
        for (std::size_t level = 0; split_ && level < kLevels; ++level) {
            BT_CHECK(candidates_at_[level].has(PieceIndex(i)) == (contains(PieceIndex(i)) && priorities_[i] == level));
        }
    }
    BT_CHECK(pieces_at == pieces_at_);
    if (!sorted_) return;
    BT_CHECK(order_.size() == candidates_.count());
    BT_CHECK(start_.size() >= 2 && start_.front() == 0 && start_.back() == order_.size());
    for (std::uint32_t g = 0; g < groups(); ++g) {
        BT_CHECK(start_[g] <= start_[g + 1]);
        for (std::uint32_t i = start_[g]; i < start_[g + 1]; ++i) {
            const std::uint32_t piece = order_[i];
            BT_CHECK(candidates_.has(PieceIndex(piece)) && places_[piece] == i && group_of(piece) == g);
        }
    }
}

}  // namespace bt::swarm
