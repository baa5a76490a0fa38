#pragma once

// The pieces that are begun and not full, with the state of each of their blocks: missing and free, requested (by
// whom, since when), or received.
//
// Pieces that still have a free block and are wanted ("pickable") stand before all others in one array, so that a
// picker never looks at the pieces that only wait for answers. The rest of the bookkeeping of one block is O(1).
// Twelve bytes a block. A block normally has one requester, kept in place; those that endgame adds are in a list
// of the piece, empty outside of endgame. Arrays of finished pieces are kept and used again: no allocation a block.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "common/base/types.h"

namespace bt::swarm {

struct PartialPiece {
    struct Block {
        std::uint32_t requester = 0;  // connection, or kFree or kReceived
        std::uint32_t requested = 0;  // number of the request that has waited longest; lower is older
        std::uint32_t extras = 0;     // further requesters, in `extras`
    };
    struct Extra {
        std::uint32_t block;
        std::uint32_t requester;
    };

    static constexpr std::uint32_t kReceived = 0xffff'ffff;
    static constexpr std::uint32_t kFree = 0xffff'fffe;

    PieceIndex piece;
    bool wanted = true;
    std::uint32_t missing = 0;               // blocks that have not come
    std::uint32_t free = 0;                  // of those, blocks nobody is asked for
    std::uint32_t first_free = 0;            // no block before this one is free
    std::optional<ConnectionId> last_taker;  // who was last given a free block of it
    std::vector<Block> blocks;
    std::vector<Extra> extras;

    [[nodiscard]] bool is_pickable() const { return wanted && free > 0; }
    [[nodiscard]] bool is_requested(std::uint32_t block) const { return blocks[block].requester < kFree; }
    [[nodiscard]] bool is_requested_by(std::uint32_t block, ConnectionId peer) const;
    [[nodiscard]] std::uint32_t requesters(std::uint32_t block) const {
        return is_requested(block) ? 1 + blocks[block].extras : 0;
    }
};

class PartialPieces {
  public:
    explicit PartialPieces(std::uint32_t piece_count);

    void begin(PieceIndex piece, std::uint32_t block_count, bool wanted);
    void erase(PieceIndex piece);
    [[nodiscard]] bool contains(PieceIndex piece) const { return slots_[piece.value()] != kNoSlot; }
    // The piece, or null. Valid until the next change of any piece.
    [[nodiscard]] const PartialPiece* find(PieceIndex piece) const {
        const std::uint32_t slot = slots_[piece.value()];
        return slot == kNoSlot ? nullptr : &pieces_[slot];
    }
    [[nodiscard]] std::span<const PartialPiece> all() const { return pieces_; }
    [[nodiscard]] std::span<const PartialPiece> pickable() const { return all().first(pickable_); }
    [[nodiscard]] std::uint32_t wanted_count() const { return wanted_; }

    void set_wanted(PieceIndex piece, bool wanted);
    // Gives the first free block of a pickable piece to `peer`; `number` rises with every request.
    std::uint32_t take(PieceIndex piece, ConnectionId peer, std::uint32_t number);
    void add_requester(PieceIndex piece, std::uint32_t block, ConnectionId peer);
    // Appends the requesters other than `peer` to `cancel`. The block must be missing.
    void receive(PieceIndex piece, std::uint32_t block, ConnectionId peer, std::vector<ConnectionId>& cancel);
    // False if that peer was not asked for it.
    bool drop(PieceIndex piece, std::uint32_t block, ConnectionId peer);

    void check_invariants() const;

  private:
    static constexpr std::uint32_t kNoSlot = 0xffff'ffff;

    PartialPiece& at(PieceIndex piece);
    void settle(std::uint32_t slot);
    void swap_slots(std::uint32_t a, std::uint32_t b);

    std::vector<PartialPiece> pieces_;  // the first pickable_ are pickable, no other is
    std::uint32_t pickable_ = 0;
    std::uint32_t wanted_ = 0;
    std::vector<std::uint32_t> slots_;  // per piece of the torrent: index in pieces_
    std::vector<std::vector<PartialPiece::Block>> spare_;
};

}  // namespace bt::swarm
