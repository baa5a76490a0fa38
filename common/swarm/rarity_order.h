#pragma once

// How many connected peers have each piece, and the pieces that may be started ("candidates"), rarest first.
//
// State: one number per piece, plus one number for all seeds: a peer that comes with everything raises no piece
// above another, so it is counted once. `order_` holds the candidates in groups of equal number, lowest first, and
// `start_` the index where each group begins. A piece whose number changes by one only has to cross one such
// boundary: it trades places with the piece at the edge of its group and the boundary moves past it. Within a group
// the order is random (whoever enters a group takes a random place in it), so "the first one that the peer has"
// is a random choice among the rarest.
//
// A peer that leaves with all pieces lowers the seeds' number if that is above zero, and else every piece's. It does
// not matter whether that peer had come complete or had become it: either way each piece loses one, and the numbers
// of the pieces never fall below the count of incomplete peers that have them.
//
// Cost: O(1) for a have; O(groups) to insert or erase a candidate, once per piece started; a bitfield that touches
// more than a quarter of the candidates marks the order as stale, and the next rarest() sorts it anew in O(pieces).
// Selections look at 64 pieces at a time. The caller tells each fact once: a peer's repeated have is not for here.

#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/rng.h"
#include "common/base/types.h"
#include "common/meta/bitfield.h"

namespace bt::swarm {

class RarityOrder {
  public:
    RarityOrder(std::uint32_t piece_count, Rng rng);

    void on_peer_bitfield(const meta::Bitfield& pieces);
    void on_peer_have(PieceIndex piece);
    void on_peer_gone(const meta::Bitfield& pieces);
    [[nodiscard]] std::uint32_t availability(PieceIndex piece) const { return counts_[piece.value()] + seeds_; }

    // Candidates. Inserting a candidate again, or erasing what is none, changes nothing.
    void insert(PieceIndex piece);
    void erase(PieceIndex piece);
    [[nodiscard]] bool contains(PieceIndex piece) const { return candidates_.has(piece); }
    [[nodiscard]] std::uint32_t size() const { return candidates_.count(); }

    // One of the candidates that are set in `among`: the rarest (ties random), any, or the one of lowest index.
    [[nodiscard]] std::optional<PieceIndex> rarest(const meta::Bitfield& among);
    [[nodiscard]] std::optional<PieceIndex> random(const meta::Bitfield& among);
    [[nodiscard]] std::optional<PieceIndex> first(const meta::Bitfield& among) const;

    void check_invariants() const;

  private:
    [[nodiscard]] bool touches_many(const meta::Bitfield& pieces) const;
    void sort();
    void place(std::uint32_t piece, std::uint32_t index);
    void swap_places(std::uint32_t a, std::uint32_t b);
    void shuffle_in(std::uint32_t piece);
    void move_up(std::uint32_t piece);
    void move_down(std::uint32_t piece);
    void trim_groups();
    [[nodiscard]] std::uint32_t groups() const { return static_cast<std::uint32_t>(start_.size()) - 1; }

    std::vector<std::uint32_t> counts_;  // per piece: connected peers that have it, but for `seeds_`
    std::uint32_t seeds_ = 0;
    meta::Bitfield candidates_;
    bool sorted_ = false;                // the three below are in force
    std::vector<std::uint32_t> order_;   // candidates by rising number, random within equals
    std::vector<std::uint32_t> places_;  // per piece: its index in order_, for candidates
    std::vector<std::uint32_t> start_;   // group g is order_[start_[g], start_[g + 1])
    Rng rng_;
};

}  // namespace bt::swarm
