#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/base/rng.h"
#include "common/base/types.h"
#include "common/meta/bitfield.h"
#include "common/meta/piece_layout.h"

namespace bt::swarm {

enum class PickReason : std::uint8_t { Partial, RandomFirst, Rarest, Sequential, Endgame };
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
    void on_peer_bitfield(const meta::Bitfield& pieces);   // a peer's first word about what it has
    void on_peer_have(PieceIndex piece);
    void on_peer_gone(const meta::Bitfield& pieces);
    [[nodiscard]] std::uint32_t availability(PieceIndex piece) const;   // connected peers that have it

    // Appends at most `count` blocks for this peer to `out` and marks them requested by it. may_start_piece = false:
    // only pieces that are begun already (memory is short).
    void pick(ConnectionId peer, const meta::Bitfield& peer_has, std::size_t count, bool may_start_piece,
              std::vector<PickedBlock>& out);

    // A block arrived. False: it was not missing (duplicate, or piece not in progress): throw the bytes away. Otherwise the connections (besides
    // `peer`) that also have it requested are appended to `cancel`, their requests forgotten.
    bool on_block_received(ConnectionId peer, PieceIndex piece, BlockIndex block, std::vector<ConnectionId>& cancel);
    // This request will not be answered (choked, rejected, timed out, peer gone).
    void on_request_dropped(ConnectionId peer, PieceIndex piece, BlockIndex block);
    // All blocks are in: the piece waits for its verdict.
    [[nodiscard]] bool is_piece_full(PieceIndex piece) const;
    void on_piece_verified(PieceIndex piece);
    void on_piece_failed(PieceIndex piece);     // every block is missing again
    void on_piece_abandoned(PieceIndex piece);  // a partial piece whose memory was taken back; no request may be outstanding

    [[nodiscard]] bool is_partial(PieceIndex piece) const;   // begun, not full
    [[nodiscard]] std::vector<PieceIndex> partial_pieces() const;
    // Blocks of a piece somebody has requested and that have not come.
    [[nodiscard]] std::uint32_t requested_blocks(PieceIndex piece) const;

    void set_wanted(PieceIndex piece, bool wanted);   // unwanted pieces are never picked
    [[nodiscard]] bool is_wanted(PieceIndex piece) const;
    [[nodiscard]] const meta::Bitfield& have() const;
    [[nodiscard]] bool is_complete() const;           // every wanted piece is there
    [[nodiscard]] bool is_endgame() const;            // every missing wanted block is requested
    [[nodiscard]] std::uint32_t missing_pieces() const;  // wanted, not verified

    void check_invariants() const;
};

}  // namespace bt::swarm
