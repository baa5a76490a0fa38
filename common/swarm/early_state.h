#pragma once

// What a peer told us of itself before we knew the torrent's layout: kept raw, and told to the session that is made
// once the layout is there.
//
// Only the state is kept, not the messages: the last bitfield (or have all / none), the haves, choke and interest, the
// last extension handshake. So memory is bounded by what a torrent can have: kMaxPieceCount bits twice, and
// kMaxKeptExtension bytes. What no torrent allows is a breach at once (a have or a bitfield beyond the largest piece
// count, a piece, which nobody asked for); the rest is judged by the session at replay().
// Requests, cancels, ports, suggestions and allowed pieces are passed over: we have nothing, and choke everybody.

#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/swarm/peer_group.h"
#include "common/wire/handshake.h"
#include "common/wire/message.h"

namespace bt::swarm {

inline constexpr std::size_t kMaxKeptExtension = 64u << 10;

class EarlyState {
  public:
    [[nodiscard]] Status on_message(const wire::Message& message);

    // Calls take(message) -> Status for each message that leads to this state, in an order that a peer could have
    // sent them in; stops at the first error and answers it.
    template <class Take>
    [[nodiscard]] Status replay(Take take) const {
        if (pieces_ == Pieces::All) BT_TRY(take(wire::Message(wire::HaveAll{})));
        if (pieces_ == Pieces::None) BT_TRY(take(wire::Message(wire::HaveNone{})));
        if (pieces_ == Pieces::Bits) BT_TRY(take(wire::Message(wire::Bitfield{bits_})));
        if (!extension_.empty()) BT_TRY(take(wire::Message(wire::Extended{0, extension_})));
        for (std::uint32_t piece = 0; piece < haves_.size() * 8; ++piece) {
            if ((haves_[piece / 8] >> (7 - piece % 8) & 1) == 0) continue;
            BT_TRY(take(wire::Message(wire::Have{piece})));
        }
        if (interested_) BT_TRY(take(wire::Message(wire::Interested{})));
        if (unchoked_) BT_TRY(take(wire::Message(wire::Unchoke{})));
        return {};
    }

  private:
    enum class Pieces : std::uint8_t { Untold, Bits, All, None };
    [[nodiscard]] Status on_have(std::uint32_t piece);

    Pieces pieces_ = Pieces::Untold;
    ByteBuffer bits_;
    ByteBuffer haves_;      // a bit a piece, as far as told
    ByteBuffer extension_;  // payload of the last extension handshake
    bool interested_ = false;
    bool unchoked_ = false;
};

// A connection that outlives the phase it was made in.
struct HandedOverPeer {
    PeerConnection connection;
    wire::Handshake remote;
    EarlyState told;
};

}  // namespace bt::swarm
