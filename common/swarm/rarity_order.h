#pragma once

// How many connected peers have each piece, and the pieces that may be started ("candidates"): highest priority first,
// among equals the rarest.
//
// State: one number per piece, plus one number for all seeds: a peer that comes with everything raises no piece
// above another, so it is counted once. `order_` holds the candidates in groups of equal number, lowest first, and
// `start_` the index where each group begins. A piece whose number changes by one only has to cross one such
// boundary: it trades places with the piece at the edge of its group and the boundary moves past it. Within a group
// the order is random (whoever enters a group takes a random place in it), so "the first one that the peer has"
// is a random choice among the rarest.
//
// Priorities (1 … 7; 0 for pieces that are no candidates) make several such orders behind each other in the same
// array: a piece's group is its number plus the rank of its priority times `width_`. Ranks are given to the priorities
// in use when the order is sorted; a number that outgrows the width, or a priority without a rank, marks it as stale.
// With one priority in use there is one rank and no width.
//
// A peer that leaves with all pieces lowers the seeds' number if that is above zero, and else every piece's. It does
// not matter whether that peer had come complete or had become it: either way each piece loses one, and the numbers
// of the pieces never fall below the count of incomplete peers that have them. (A peer that takes a piece back, BEP 54,
// may have come as a seed: then one seed is counted piece by piece from then on, O(pieces), at most once a seed.)
//
// Cost: O(1) for a have; O(groups) to insert or erase a candidate, once per piece started, or to change its priority; a
// bitfield that touches more than a quarter of the candidates marks the order as stale, and the next rarest() sorts it
// anew in O(pieces). Selections look at 64 pieces at a time. The caller tells each fact once: a peer's repeated have is
// not for here.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/rng.h"
#include "common/base/types.h"
#include "common/meta/bitfield.h"

namespace bt::swarm {

inline constexpr std::uint8_t kNormalPriority = 4;

class RarityOrder {
  public:
    RarityOrder(std::uint32_t piece_count, Rng rng);

    void on_peer_bitfield(const meta::Bitfield& pieces);
    void on_peer_have(PieceIndex piece);
    void on_peer_gone(const meta::Bitfield& pieces);
    void on_peer_lost(PieceIndex piece);  // it had the piece
    [[nodiscard]] std::uint32_t availability(PieceIndex piece) const { return counts_[piece.value()] + seeds_; }

    // Candidates. Inserting a candidate again, or erasing what is none, changes nothing.
    void insert(PieceIndex piece);
    void erase(PieceIndex piece);
    [[nodiscard]] bool contains(PieceIndex piece) const { return candidates_.has(piece); }
    [[nodiscard]] std::uint32_t size() const { return candidates_.count(); }

    void set_priority(PieceIndex piece, std::uint8_t priority);
    [[nodiscard]] std::uint8_t priority(PieceIndex piece) const { return priorities_[piece.value()]; }

    // One of the candidates of the highest priority that is set in `among`: the rarest (ties random), any, or the one
    // of lowest index.
    [[nodiscard]] std::optional<PieceIndex> rarest(const meta::Bitfield& among);
    [[nodiscard]] std::optional<PieceIndex> random(const meta::Bitfield& among);
    [[nodiscard]] std::optional<PieceIndex> first(const meta::Bitfield& among) const;

    void check_invariants() const;

  private:
    static constexpr std::size_t kLevels = 8;
    static constexpr std::uint32_t kNoRank = 0xffff'ffff;

    [[nodiscard]] std::uint32_t group_of(std::uint32_t piece) const {
        return rank_[priorities_[piece]] * width_ + counts_[piece];
    }
    void rank_levels();
    void split_candidates();
    // choose(candidates of one priority), highest first, until there is an answer.
    template <class Choose>
    [[nodiscard]] std::optional<PieceIndex> from_highest(Choose choose) const;
    [[nodiscard]] bool touches_many(const meta::Bitfield& pieces) const;
    void sort();
    void place(std::uint32_t piece, std::uint32_t index);
    void swap_places(std::uint32_t a, std::uint32_t b);
    void shuffle_in(std::uint32_t piece);
    void move_up(std::uint32_t piece);
    void move_down(std::uint32_t piece);
    void take_one(std::uint32_t piece);
    void trim_groups();
    [[nodiscard]] std::uint32_t groups() const { return static_cast<std::uint32_t>(start_.size()) - 1; }

    std::vector<std::uint32_t> counts_;  // per piece: connected peers that have it, but for `seeds_`
    std::uint32_t seeds_ = 0;
    std::vector<std::uint8_t> priorities_;
    std::array<std::uint32_t, kLevels> pieces_at_{};  // pieces of each priority, candidates or not
    meta::Bitfield candidates_;
    bool split_ = false;  // there was ever more than one priority, and so there is:
    std::array<meta::Bitfield, kLevels> candidates_at_;
    bool sorted_ = false;                // what follows is in force
    std::vector<std::uint32_t> order_;   // candidates by rising number, random within equals
    std::vector<std::uint32_t> places_;  // per piece: its index in order_, for candidates
    std::array<std::uint32_t, kLevels> rank_{};
    std::uint32_t width_ = 0;
    std::vector<std::uint32_t> start_;  // group g is order_[start_[g], start_[g + 1])
    Rng rng_;
};

}  // namespace bt::swarm
