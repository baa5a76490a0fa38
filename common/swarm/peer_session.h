#pragma once

// One connection behind its handshake: the four flags, what the peer has, which messages are legal now, what we asked
// for, what we were asked for, and the bytes that wait to be sent. No policy: whom to unchoke and what to request is
// decided by torrent, choker and picker.
//
// Legality (a breach is an Error{ProtocolViolation, Remote}; the connection is dropped):
//  - bitfield: exact size, spare bits zero, not twice in a row (extension messages do not count: many clients send
//    that handshake first). BEP 3 wants it as the first message only, but aria2 sends another one instead of many
//    haves, and repeats it behind its `interested`: behind other messages a bitfield that takes nothing back is taken
//    for the haves it saves;
//  - have, request, cancel: piece in range; request and cancel inside the piece, request length 1 … 32 KiB;
//  - a block must be one that we asked for on this connection. One whose request we withdrew (cancel, choke, time-out)
//    may still be on its way: it is told apart (BlockArrived::late) and not punished;
//  - messages of extensions that were not negotiated (fast: ids 13 to 17; extended) are a breach;
//  - with fast: have_all and have_none only before anything else was told of pieces; suggest, allowed_fast: piece in
//    range; reject: a range inside the piece, of what was asked for (as far as fast_extension.h puts up with others).
// Tolerated: redundant choke/unchoke/interested/have, requests while choked (they crossed our choke),
// requests beyond kMaxQueuedRequests (we told reqq), requests for pieces we lack: dropped, with fast rejected.
// Choking a peer empties its request queue (with fast: but for pieces of our offer; what goes is rejected); being
// choked loses every outstanding request of ours (with fast nothing: each is answered or rejected). A cancel is
// answered with a reject (fast) when it came in time. lt_donthave (BEP 54): piece in range; of a piece that it never
// had it says nothing. Cost: O(1) a message, but O(queue) for cancel; no allocation per block in the steady state.

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_set>
#include <variant>
#include <vector>

#include "common/base/output_queue.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/meta/bitfield.h"
#include "common/meta/piece_layout.h"
#include "common/swarm/fast_extension.h"
#include "common/swarm/request_pipeline.h"
#include "common/transport/rate_meter.h"
#include "common/wire/extension.h"
#include "common/wire/handshake.h"
#include "common/wire/lt_donthave.h"
#include "common/wire/message.h"

namespace bt::swarm {

inline constexpr std::uint32_t kMaxQueuedRequests = 500;  // per peer; what we announce as reqq
inline constexpr std::uint32_t kMaxServedLength = 32 * 1024;
inline constexpr Duration kKeepAliveAfter = seconds(100);
inline constexpr Duration kDeadAfter = seconds(120);

// What a message meant. Views live as long as those of the message.
struct PeerChokedUs {
    std::vector<BlockRequest> lost;
};
struct PeerUnchokedUs {};
struct PeerInterestChanged {
    bool interested = false;
};
struct PeerHasPiece {
    PieceIndex piece;
};
struct PeerHasPieces {};  // its first bitfield, behind no have; see pieces()
struct PeerHasMorePieces {
    std::vector<PieceIndex> pieces;
};  // a later bitfield; those that are new
struct BlockArrived {
    BlockRequest request;
    ByteView bytes;
    bool late = false;
};
struct PeerRequested {
    BlockRequest request;
};
struct PeerCancelled {
    BlockRequest request;
};
struct PeerExtensionsKnown {};
struct PeerExtended {
    std::uint8_t id = 0;
    ByteView payload;
};  // under an id that we gave
struct PeerRejected {
    BlockRequest request;
};                        // not outstanding any more
struct PeerAllowedUs {};  // there is something to ask for although it chokes us; see requestable()
struct PeerLostPiece {
    PieceIndex piece;
};
using SessionEvent = std::variant<std::monostate, PeerChokedUs, PeerUnchokedUs, PeerInterestChanged, PeerHasPiece,
                                  PeerHasPieces, PeerHasMorePieces, BlockArrived, PeerRequested, PeerCancelled,
                                  PeerExtensionsKnown, PeerExtended, PeerRejected, PeerAllowedUs, PeerLostPiece>;

class PeerSession {
  public:
    PeerSession(ConnectionId id, const meta::PieceLayout& layout, bool extensions_negotiated, PipelineSettings pipeline,
                TimePoint now);

    [[nodiscard]] Result<SessionEvent> on_message(const wire::Message& message, const meta::Bitfield& own_pieces,
                                                  TimePoint now);

    // Commands: each appends to output() what has to be said, if anything has.
    // Before everything else: both sides have set the bit of BEP 6.
    void enable_fast() { fast_.enable(); }
    void send_bitfield(const meta::Bitfield& own_pieces);  // have_all, have_none; without fast nothing for none
    // Tells the peer that it may ask for these also while it is choked. Nothing without fast.
    void offer_fast(std::vector<PieceIndex> pieces);
    // What we would like it to ask for next (BEP 6). Nothing without fast.
    void suggest(PieceIndex piece);
    void send_extension_handshake(const wire::ExtensionHandshake& handshake);
    // A message of an extension, under the name that both sides know it by; nothing when the peer does not speak it.
    bool send_extended(std::string_view extension, ByteView payload);
    void send_have(PieceIndex piece);
    void choke();
    void unchoke(TimePoint now);
    void set_interested(bool interested);
    void request(const BlockRequest& block, TimePoint now);
    void cancel(const BlockRequest& block);  // withdraws an outstanding request
    void keep_alive();
    void reject(const BlockRequest& block);  // will not be answered; nothing without fast

    // Takes back the requests that ran out of time; they were cancelled towards the peer.
    [[nodiscard]] std::vector<BlockRequest> take_expired_requests(TimePoint now);
    // The peer is gone: everything that was outstanding.
    [[nodiscard]] std::vector<BlockRequest> take_all_requests() { return pipeline_.take_all(); }

    // What may be asked for now: its pieces, while it chokes us those that it allows; nullptr: nothing.
    [[nodiscard]] const meta::Bitfield* requestable(TimePoint now) const;
    [[nodiscard]] const FastExtension& fast() const { return fast_; }
    // Of what may be asked for, what the peer would like best to be asked for; nullptr: it has not said.
    [[nodiscard]] const meta::Bitfield* suggested() const { return peer_choking_ ? nullptr : fast_.suggested(); }
    void forget_suggestions() { fast_.forget_suggestions(); }

    // Requests of the peer in order of arrival; the owner answers the front with send_block.
    [[nodiscard]] const std::deque<BlockRequest>& queued_requests() const { return queued_; }
    // Answers and removes the front request: header, then these file ranges.
    void send_front_block(const std::vector<FileRange>& ranges, TimePoint now);

    [[nodiscard]] OutputQueue& output() { return output_; }
    [[nodiscard]] const OutputQueue& output() const { return output_; }
    void on_bytes_sent(TimePoint now) { last_sent_ = now; }
    void on_bytes_received(TimePoint now) { last_received_ = now; }

    [[nodiscard]] ConnectionId id() const { return id_; }
    [[nodiscard]] bool am_choking() const { return am_choking_; }
    [[nodiscard]] bool am_interested() const { return am_interested_; }
    [[nodiscard]] bool peer_choking() const { return peer_choking_; }
    [[nodiscard]] bool peer_interested() const { return peer_interested_; }
    [[nodiscard]] const meta::Bitfield& pieces() const { return pieces_; }
    [[nodiscard]] const RequestPipeline& pipeline() const { return pipeline_; }
    [[nodiscard]] const std::optional<wire::ExtensionHandshake>& extensions() const { return extensions_; }
    [[nodiscard]] TimePoint connected_at() const { return connected_at_; }
    [[nodiscard]] TimePoint unchoked_at() const { return unchoked_at_; }
    [[nodiscard]] TimePoint last_received() const { return last_received_; }
    [[nodiscard]] TimePoint last_sent() const { return last_sent_; }
    [[nodiscard]] std::uint64_t downloaded_bytes() const { return download_.total_bytes(); }  // payload from the peer
    [[nodiscard]] std::uint64_t uploaded_bytes() const { return upload_.total_bytes(); }      // payload to the peer
    [[nodiscard]] std::uint64_t download_rate(TimePoint now) const { return download_.rate_bytes_per_s(now); }
    [[nodiscard]] std::uint64_t upload_rate(TimePoint now) const { return upload_.rate_bytes_per_s(now); }

    void check_invariants() const;

  private:
    [[nodiscard]] Result<SessionEvent> on_bitfield(const wire::Bitfield& message);
    [[nodiscard]] Result<SessionEvent> on_have(const wire::Have& message);
    [[nodiscard]] Result<SessionEvent> on_request(const wire::Request& message, const meta::Bitfield& own_pieces);
    [[nodiscard]] Result<SessionEvent> on_piece(const wire::Piece& message, TimePoint now);
    [[nodiscard]] Result<SessionEvent> on_cancel(const wire::Cancel& message);
    [[nodiscard]] Result<SessionEvent> on_extended(const wire::Extended& message);
    [[nodiscard]] Result<SessionEvent> on_choke();
    [[nodiscard]] Result<SessionEvent> on_fast_message(const wire::Message& message, TimePoint now);
    [[nodiscard]] Result<SessionEvent> on_all_or_none(bool all);
    [[nodiscard]] Result<SessionEvent> on_reject(const wire::RejectRequest& message, TimePoint now);
    [[nodiscard]] Result<SessionEvent> on_donthave(ByteView payload);
    void send(const wire::Message& message);
    void withdraw(const BlockRequest& block);       // it may still arrive
    bool was_withdrawn(const BlockRequest& block);  // takes one of its withdrawals off

    ConnectionId id_;
    const meta::PieceLayout* layout_;
    bool extensions_negotiated_;
    bool am_choking_ = true;
    bool am_interested_ = false;
    bool peer_choking_ = true;
    bool peer_interested_ = false;
    bool pieces_told_ = false;           // bitfield or have seen
    bool spoke_since_bitfield_ = false;  // a message of BEP 3 came behind the last bitfield
    meta::Bitfield pieces_;
    RequestPipeline pipeline_;
    FastExtension fast_;
    // Keys of requests that may still be answered, as often as they were withdrawn: a request that crosses the peer's
    // choke and unchoke is answered, and so is its repetition. Two generations, the older one is forgotten whole.
    std::unordered_multiset<std::uint64_t> withdrawn_;
    std::unordered_multiset<std::uint64_t> withdrawn_before_;
    std::deque<BlockRequest> queued_;
    OutputQueue output_;
    ByteBuffer scratch_;
    std::optional<wire::ExtensionHandshake> extensions_;
    transport::RateMeter download_;
    transport::RateMeter upload_;
    TimePoint connected_at_;
    TimePoint unchoked_at_;
    TimePoint last_received_;
    TimePoint last_sent_;
};

}  // namespace bt::swarm
