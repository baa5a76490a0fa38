#include "common/swarm/partial_pieces.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace bt::swarm {

bool PartialPiece::is_requested_by(std::uint32_t block, ConnectionId peer) const {
    if (blocks[block].requester == peer.value()) return true;
    if (blocks[block].extras == 0) return false;
    return std::any_of(extras.begin(), extras.end(),
                       [&](const Extra& extra) { return extra.block == block && extra.requester == peer.value(); });
}

PartialPieces::PartialPieces(std::uint32_t piece_count) : slots_(piece_count, kNoSlot) {}

void PartialPieces::begin(PieceIndex piece, std::uint32_t block_count, bool wanted) {
    BT_CHECK(!contains(piece) && block_count > 0);
    PartialPiece& begun = pieces_.emplace_back();
    begun.piece = piece;
    begun.wanted = wanted;
    begun.missing = block_count;
    begun.free = block_count;
    if (!spare_.empty()) {
        begun.blocks = std::move(spare_.back());
        spare_.pop_back();
    }
    begun.blocks.assign(block_count, {.requester = PartialPiece::kFree});
    wanted_ += wanted ? 1 : 0;
    const auto slot = static_cast<std::uint32_t>(pieces_.size() - 1);
    slots_[piece.value()] = slot;
    settle(slot);
}

void PartialPieces::erase(PieceIndex piece) {
    PartialPiece& ended = at(piece);
    wanted_ -= ended.wanted ? 1 : 0;
    ended.wanted = false;
    settle(slots_[piece.value()]);
    swap_slots(slots_[piece.value()], static_cast<std::uint32_t>(pieces_.size() - 1));
    spare_.push_back(std::move(pieces_.back().blocks));
    pieces_.pop_back();
    slots_[piece.value()] = kNoSlot;
}

void PartialPieces::set_wanted(PieceIndex piece, bool wanted) {
    PartialPiece& changed = at(piece);
    if (changed.wanted == wanted) return;
    changed.wanted = wanted;
    if (wanted) {
        ++wanted_;
    } else {
        --wanted_;
    }
    settle(slots_[piece.value()]);
}

std::uint32_t PartialPieces::take(PieceIndex piece, ConnectionId peer, std::uint32_t number) {
    PartialPiece& from = at(piece);
    BT_CHECK(from.is_pickable() && peer.value() < PartialPiece::kFree);
    std::uint32_t block = from.first_free;
    while (from.blocks[block].requester != PartialPiece::kFree) ++block;
    from.blocks[block] = {.requester = peer.value(), .requested = number};
    from.first_free = block + 1;
    from.last_taker = peer;
    if (--from.free == 0) settle(slots_[piece.value()]);
    return block;
}

void PartialPieces::add_requester(PieceIndex piece, std::uint32_t block, ConnectionId peer) {
    PartialPiece& from = at(piece);
    BT_CHECK(from.is_requested(block) && !from.is_requested_by(block, peer));
    from.extras.push_back({block, peer.value()});
    ++from.blocks[block].extras;
}

void PartialPieces::receive(PieceIndex piece, std::uint32_t block, ConnectionId peer,
                            std::vector<ConnectionId>& cancel) {
    PartialPiece& to = at(piece);
    PartialPiece::Block& state = to.blocks[block];
    BT_CHECK(state.requester != PartialPiece::kReceived);
    const bool was_free = state.requester == PartialPiece::kFree;
    if (!was_free && state.requester != peer.value()) cancel.push_back(ConnectionId(state.requester));
    if (state.extras > 0) {
        for (const auto& extra : to.extras) {
            if (extra.block == block && extra.requester != peer.value())
                cancel.push_back(ConnectionId(extra.requester));
        }
        std::erase_if(to.extras, [block](const PartialPiece::Extra& extra) { return extra.block == block; });
    }
    state = {.requester = PartialPiece::kReceived};
    --to.missing;
    if (was_free && --to.free == 0) settle(slots_[piece.value()]);
}

bool PartialPieces::drop(PieceIndex piece, std::uint32_t block, ConnectionId peer) {
    PartialPiece& from = at(piece);
    if (!from.is_requested_by(block, peer)) return false;
    PartialPiece::Block& state = from.blocks[block];
    if (state.extras > 0) {
        // The first of the others takes the place of the one that goes.
        const std::uint32_t gone = peer.value();
        const auto other = std::find_if(from.extras.begin(), from.extras.end(), [&](const PartialPiece::Extra& extra) {
            return extra.block == block && (state.requester == gone || extra.requester == gone);
        });
        if (state.requester == gone) state.requester = other->requester;
        from.extras.erase(other);
        --state.extras;
        return true;
    }
    state = {.requester = PartialPiece::kFree};
    from.first_free = std::min(from.first_free, block);
    if (++from.free == 1) settle(slots_[piece.value()]);
    return true;
}

PartialPiece& PartialPieces::at(PieceIndex piece) {
    BT_CHECK(contains(piece));
    return pieces_[slots_[piece.value()]];
}

// Moves a piece to its side of the boundary between pickable and other pieces.
void PartialPieces::settle(std::uint32_t slot) {
    if (pieces_[slot].is_pickable() && slot >= pickable_) {
        swap_slots(slot, pickable_++);
    } else if (!pieces_[slot].is_pickable() && slot < pickable_) {
        swap_slots(slot, --pickable_);
    }
}

void PartialPieces::swap_slots(std::uint32_t a, std::uint32_t b) {
    if (a == b) return;
    std::swap(pieces_[a], pieces_[b]);
    slots_[pieces_[a].piece.value()] = a;
    slots_[pieces_[b].piece.value()] = b;
}

void PartialPieces::check_invariants() const {
    std::uint32_t wanted = 0;
    for (std::uint32_t slot = 0; slot < pieces_.size(); ++slot) {
        const PartialPiece& piece = pieces_[slot];
        BT_CHECK(slots_[piece.piece.value()] == slot);
        BT_CHECK(piece.is_pickable() == (slot < pickable_));
        wanted += piece.wanted ? 1 : 0;
        std::uint32_t missing = 0;
        std::uint32_t free = 0;
        std::size_t extras = 0;
        for (std::uint32_t block = 0; block < piece.blocks.size(); ++block) {
            const PartialPiece::Block& state = piece.blocks[block];
            missing += state.requester != PartialPiece::kReceived ? 1 : 0;
            free += state.requester == PartialPiece::kFree ? 1 : 0;
            BT_CHECK(state.requester != PartialPiece::kFree || block >= piece.first_free);
            BT_CHECK(piece.is_requested(block) || state.extras == 0);
            extras += state.extras;
        }
        BT_CHECK(piece.missing == missing && piece.missing > 0);
        BT_CHECK(piece.free == free && piece.extras.size() == extras);
    }
    BT_CHECK(wanted == wanted_);
    const auto slots = std::count_if(slots_.begin(), slots_.end(), [](std::uint32_t slot) { return slot != kNoSlot; });
    BT_CHECK(static_cast<std::size_t>(slots) == pieces_.size());
}

}  // namespace bt::swarm
