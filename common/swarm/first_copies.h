#pragma once

// Which piece a seed would like to give away next: each once, in an order drawn at random, leaving out those that a
// connected peer has by then or has asked for. Suggested to the peers that we unchoke (BEP 6), so that they do not all
// ask for the same pieces while nobody else has them: with a slow uplink every second copy of a piece is time that the
// whole swarm waits. A hint and nothing more: a peer asks for what it likes. Few ahead: what is promised to one peer and
// still waits when all is given out is asked for by the others too.
// Cost: O(pieces) at the first call, O(1) later.

#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/rng.h"
#include "common/base/types.h"

namespace bt::swarm {

inline constexpr std::size_t kHintsAhead = 3;  // suggested to a peer and not asked for yet; peers keep 16

class FirstCopies {
  public:
    FirstCopies(std::uint32_t pieces, Rng rng) : pieces_(pieces), rng_(rng) {}

    // Nothing when all have been given. is_there: a connected peer has it.
    [[nodiscard]] std::optional<PieceIndex> next(const std::function<bool(PieceIndex)>& is_there) {
        if (!std::exchange(drawn_, true)) draw();
        while (!left_.empty()) {
            const PieceIndex piece = left_.back();
            left_.pop_back();
            if (taken_[piece.value()] || is_there(piece)) continue;
            taken_[piece.value()] = true;
            return piece;
        }
        return std::nullopt;
    }
    // Was not asked for, and its peer is gone.
    void give_back(PieceIndex piece) {
        taken_[piece.value()] = false;
        left_.push_back(piece);
    }
    // Somebody asked for it without having been told to.
    void take(PieceIndex piece) {
        if (!std::exchange(drawn_, true)) draw();
        taken_[piece.value()] = true;
    }

  private:
    void draw() {
        left_.reserve(pieces_);
        taken_.resize(pieces_);
        for (std::uint32_t i = 0; i < pieces_; ++i) left_.emplace_back(i);
        for (std::size_t i = left_.size(); i > 1; --i) std::swap(left_[i - 1], left_[rng_.below(i)]);
    }

    std::uint32_t pieces_;
    Rng rng_;
    bool drawn_ = false;
    std::vector<bool> taken_;
    std::vector<PieceIndex> left_;  // the next one last
};

}  // namespace bt::swarm
