#pragma once

// Decides which block to ask a peer for next. Pure: no clock, no I/O; the same calls with the same rng_seed give the
// same picks.
//
// State. A piece is open, partial (begun: some block was given out or came in), full (all blocks in, waiting for its
// verdict) or verified; besides, it has a priority: 0 is not wanted, 1 to 7 are, 4 is normal. A block of a partial piece is free, requested (by whom) or received.
//
// Order of a pick, for a peer that has the piece, wanted pieces only:
//  1. Partial pieces with free blocks: a piece can be shared only when it is whole, and its memory is held until
//     then. First the one this peer was the last to take from (so a peer that keeps pulling gets consecutive
//     blocks of one piece, and a corrupt piece has few senders), then the one of highest priority, then the one with
//     fewest blocks missing.
//  2. A new piece, if may_start_piece, of the highest priority that the peer has. Among these, with RarestFirst: any at random until `random_first_pieces` are verified
//     (something to trade with at once matters more than rarity; rare pieces come slowly), then the rarest among
//     connected peers, ties random so that peers do not all fetch the same. Sequential: the lowest index. Random: any.
//  3. Endgame, only when no wanted block is free anywhere: blocks already requested from others, the one whose request
//     is oldest first, at most max_endgame_requesters a block (1 or 0: no endgame) and never the same peer twice.
//     Without it the last blocks wait for the slowest peer; without the bound they are paid for many times.
//  A piece on trial (it came in corrupt from several peers) goes to one peer alone, the first that takes from it:
//  either that peer is honest and the good blocks tell who lied, or it lied and was the only sender. Shared again with
//  a liar that always tells the same lie, the piece could fail for ever. The trial ends with the verdict, and also
//  when that peer owes nothing more without having finished (choked, slow, gone): nobody may hold a piece back.
//  Within a piece the lowest free block first. The reason of a block that starts a piece holds for all blocks of the
//  piece given out in the same call; later ones are Partial.
//
// What the caller owes: every new fact once (a repeated have is filtered before); for a peer that chokes or vanishes,
// on_request_dropped for each of its outstanding requests, on_peer_stopped and, if it is gone, on_peer_gone with its
// pieces as they are at that moment. It does not matter whether a peer came with all pieces or got them by have
// messages. After drops, failures and abandonments other idle peers should be given a pick: blocks are free again. A
// piece that was begun stays partial, even with all its requests dropped, until it is full, verified or abandoned:
// whoever keeps memory for begun pieces can count on partial_pieces().
//
// Cost: pick and on_block_received O(1) a block while few partial pieces have free blocks (each pick looks at those);
// starting a piece see rarity_order.h; in endgame O(log requested) a block, plus a look at the peer's own requests.
// Memory: about 22 bytes a piece of the torrent and 12 a block of partial pieces.

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string_view>
#include <vector>

#include "common/base/rng.h"
#include "common/base/types.h"
#include "common/meta/bitfield.h"
#include "common/meta/piece_layout.h"
#include "common/swarm/partial_pieces.h"
#include "common/swarm/rarity_order.h"

namespace bt::swarm {

enum class PickReason : std::uint8_t { Partial, RandomFirst, Rarest, Sequential, Endgame, Random };
[[nodiscard]] std::string_view pick_reason_name(PickReason reason);

struct PickedBlock {
    BlockRequest request;
    PickReason reason = PickReason::Rarest;
};

enum class PickOrder : std::uint8_t { RarestFirst, Sequential, Random };

struct PickerSettings {
    PickOrder order = PickOrder::RarestFirst;
    std::uint32_t random_first_pieces = 4;
    std::uint32_t max_endgame_requesters = 2;
};

class PiecePicker {
  public:
    PiecePicker(const meta::PieceLayout& layout, meta::Bitfield have, PickerSettings settings, Rng rng);

    // Availability.
    void on_peer_bitfield(const meta::Bitfield& pieces);  // a peer's first word about what it has
    void on_peer_have(PieceIndex piece);
    void on_peer_gone(const meta::Bitfield& pieces);
    void on_peer_lost(PieceIndex piece);  // a single piece, that it had; its requests may still be answered
    [[nodiscard]] std::uint32_t availability(PieceIndex piece) const;  // connected peers that have it

    // Appends at most `count` blocks for this peer to `out` and marks them requested by it. may_start_piece = false:
    // only pieces that are begun already (memory is short).
    void pick(ConnectionId peer, const meta::Bitfield& peer_has, std::size_t count, bool may_start_piece,
              std::vector<PickedBlock>& out);

    // A block arrived. False: it was not missing (duplicate, or piece not in progress): throw the bytes away.
    // Otherwise the connections (besides `peer`) that also have it requested are appended to `cancel`, their requests
    // forgotten. A block of a partial piece is taken from anybody, also after its request was dropped.
    bool on_block_received(ConnectionId peer, PieceIndex piece, BlockIndex block, std::vector<ConnectionId>& cancel);
    // This request will not be answered (choked, rejected, timed out, peer gone). A request that is not known (it was
    // answered by another or cancelled) changes nothing.
    void on_request_dropped(ConnectionId peer, PieceIndex piece, BlockIndex block);
    // This peer choked us or is gone: the trials it holds end, also those it owes no block of at the moment (nothing
    // would ever be dropped of them, and they would wait for it for ever).
    void on_peer_stopped(ConnectionId peer);
    [[nodiscard]] bool is_on_trial(PieceIndex piece) const { return trials_.contains(piece); }
    // All blocks are in: the piece waits for its verdict.
    [[nodiscard]] bool is_piece_full(PieceIndex piece) const;
    // In any state (a piece may also be found on the disk); its requests, if any, are forgotten.
    void on_piece_verified(PieceIndex piece);
    // A full piece: every block is missing again, the piece open. one_sender: it is on trial now (see below).
    void on_piece_failed(PieceIndex piece, bool one_sender = false);
    // A partial piece whose memory was taken back; no request may be outstanding. The piece is open again; an open
    // piece stays so.
    void on_piece_abandoned(PieceIndex piece);

    [[nodiscard]] bool is_partial(PieceIndex piece) const;         // begun, not full
    [[nodiscard]] std::vector<PieceIndex> partial_pieces() const;  // fewest missing blocks first, then by index
    // Blocks of a piece somebody has requested and that have not come.
    [[nodiscard]] std::uint32_t requested_blocks(PieceIndex piece) const;

    // Unwanted pieces (priority 0) are never picked; what is already requested of them is still taken and verified.
    void set_priority(PieceIndex piece, std::uint8_t priority);
    [[nodiscard]] std::uint8_t priority(PieceIndex piece) const { return open_.priority(piece); }
    // Wanted with normal priority, unless it has one, or not.
    void set_wanted(PieceIndex piece, bool wanted);
    [[nodiscard]] bool is_wanted(PieceIndex piece) const;
    [[nodiscard]] const meta::Bitfield& have() const;
    [[nodiscard]] bool is_complete() const;  // every wanted piece is there
    // Some wanted block is missing that is not in a full piece, and every such block is requested.
    [[nodiscard]] bool is_endgame() const;
    [[nodiscard]] std::uint32_t missing_pieces() const;  // wanted, not verified

    void check_invariants() const;

  private:
    // A requested block that may have another requester; the oldest request is the least.
    struct EndgameBlock {
        std::uint32_t requested;
        PieceIndex piece;
        std::uint32_t block;
        friend auto operator<=>(const EndgameBlock&, const EndgameBlock&) = default;
    };

    [[nodiscard]] const PartialPiece* best_partial(ConnectionId peer, const meta::Bitfield& peer_has) const;
    [[nodiscard]] std::optional<PieceIndex> choose_new(const meta::Bitfield& peer_has, PickReason& reason);
    std::size_t take(PieceIndex piece, ConnectionId peer, std::size_t count, PickReason reason,
                     std::vector<PickedBlock>& out);
    void pick_endgame(ConnectionId peer, const meta::Bitfield& peer_has, std::size_t count,
                      std::vector<PickedBlock>& out);
    void list_endgame_blocks();
    void forget_endgame_blocks();
    void reopen(PieceIndex piece);
    // Whether the rule of trials lets this peer be asked for blocks of the piece.
    [[nodiscard]] bool may_ask(ConnectionId peer, PieceIndex piece) const;
    [[nodiscard]] bool is_open(PieceIndex piece) const;

    meta::PieceLayout layout_;
    PickerSettings settings_;
    meta::Bitfield have_;
    meta::Bitfield full_;
    meta::Bitfield unwanted_;
    std::uint32_t missing_pieces_ = 0;
    RarityOrder open_;  // candidates: pieces that are open and wanted
    PartialPieces partial_;
    std::map<PieceIndex, std::optional<ConnectionId>> trials_;  // pieces on trial and who has them
    std::uint32_t requests_ = 0;  // numbers the requests; may wrap (endgame order is then off for a while)
    // Listed when endgame begins, kept up to date by blocks and drops, forgotten when anything else changes.
    bool endgame_listed_ = false;
    std::set<EndgameBlock> endgame_blocks_;
};

}  // namespace bt::swarm
