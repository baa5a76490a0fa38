// What to ask of whom: the part of a turn's decisions that fills the pipelines.

#include <algorithm>

#include "common/swarm/torrent.h"

namespace bt::swarm {

using telemetry::Level;

// What a stalled peer is asked for is not kept from the others, here neither.
void Torrent::count_requests() {
    requests_left_ = requests_ahead_;
    if (requests_ahead_ == UINT64_MAX) return;
    std::uint64_t outstanding = 0;
    for (const auto& [id, peer] : connections_) {
        if (!peer.stalled) outstanding += peer.session->pipeline().outstanding();
    }
    requests_left_ -= std::min(requests_left_, outstanding);
}

void Torrent::refill(PeerConnection& peer, TimePoint now) {
    PeerSession& session = *peer.session;
    peer.needs_refill = session.fast().is_pausing(now);
    const meta::Bitfield* requestable = session.requestable(now);
    if (!settings_.download || failure_ || requestable == nullptr || !session.am_interested()) return;
    while (true) {
        const std::uint32_t room = refill_room(peer, now);
        if (room == 0) return;
        pick_scratch_.clear();
        if (const auto* hint = session.suggested()) {
            picker_.pick(session.id(), *hint, room, assembly_.has_room(), pick_scratch_);
            if (pick_scratch_.empty()) session.forget_suggestions();
        }
        if (pick_scratch_.empty()) {
            if (waits_for_suggestions(session, now)) return;
            picker_.pick(session.id(), *requestable, room, assembly_.has_room(), pick_scratch_);
        }
        if (pick_scratch_.empty() && relieve_longest_queue(peer, *requestable, room, now)) {
            picker_.pick(session.id(), *requestable, room, false, pick_scratch_);
        }
        for (const PickedBlock& picked : pick_scratch_) {
            const BlockRequest& block = picked.request;
            if (!assembly_.contains(block.piece)) {
                assembly_.begin(block.piece, now);
                telemetry_.emit(now, Level::Decision, "piece_begun", session.id(),
                                {{"piece", block.piece.value()},
                                 {"reason", pick_reason_name(picked.reason)},
                                 {"availability", picker_.availability(block.piece)}});
            }
            session.request(block, now);
            if (requests_left_ != UINT64_MAX && !peer.stalled) --requests_left_;
            telemetry_.emit(now, Level::Wire, "message_sent", session.id(),
                            {{"message", "request"},
                             {"piece", block.piece.value()},
                             {"begin", block.begin},
                             {"length", block.length},
                             {"reason", pick_reason_name(picked.reason)}});
            // What only finds out whether the peer has woken up is not kept from the others.
            if (peer.stalled) {
                picker_.on_request_dropped(session.id(), block.piece, BlockIndex(block.begin / kBlockSize));
                refill_all_ = true;
            }
        }
        if (pick_scratch_.empty()) return;
    }
}

// Who suggests pieces wants to send first what others do not have: what it has not named is asked for in small portions,
// since in its queue it would only wait, while somebody else could have sent it.
bool Torrent::waits_for_suggestions(const PeerSession& session, TimePoint now) {
    return session.fast().is_guided(now) && session.pipeline().outstanding() >= session.pipeline().short_depth(now);
}

// How many blocks to pick at once: at most a piece's, so that each new piece is held against the memory bound (the
// last piece may be shorter: near the bound no more than its blocks). A stalled peer is asked for one at a time.
std::uint32_t Torrent::refill_room(const PeerConnection& peer, TimePoint now) const {
    const RequestPipeline& pipeline = peer.session->pipeline();
    // In endgame what is asked for is on its way from somebody else already: one block at a time, and only by a peer
    // that has nothing else to do, keeps the bytes that come twice few.
    if (peer.stalled) return pipeline.outstanding() == 0 ? 1 : 0;
    if (requests_left_ == 0) return 0;
    if (picker_.is_endgame()) return pipeline.outstanding() == 0 ? 1 : 0;
    const PieceIndex last(layout_.piece_count() - 1);
    const std::uint32_t room =
        std::min(pipeline.room(now), layout_.block_count(assembly_.has_room(2) ? PieceIndex(0) : last));
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(room, requests_left_));
}

bool Torrent::relieve_longest_queue(PeerConnection& idle, const meta::Bitfield& has, std::uint32_t room,
                                    TimePoint now) {
    if (idle.session->pipeline().outstanding() > 0 || idle.stalled || picker_.is_endgame()) return false;
    PeerConnection* longest = nullptr;
    std::uint32_t surplus = 0;
    for (auto& [id, peer] : connections_) {
        const std::uint32_t this_surplus = peer.session->pipeline().surplus(now);
        if (&peer == &idle || this_surplus <= surplus) continue;
        surplus = this_surplus;
        longest = &peer;
    }
    if (longest == nullptr) return false;
    const std::vector<BlockRequest> moved = longest->session->pipeline().youngest(
        surplus, room,
        [&](const BlockRequest& block) { return has.has(block.piece) && !picker_.is_on_trial(block.piece); });
    const ConnectionId from = longest->session->id();
    for (const BlockRequest& block : moved) {
        longest->session->cancel(block);
        picker_.on_request_dropped(from, block.piece, BlockIndex(block.begin / kBlockSize));
        telemetry_.emit(now, Level::Decision, "request_cancelled", from,
                        {{"piece", block.piece.value()}, {"begin", block.begin}, {"reason", "moved_to_idle_peer"}});
    }
    longest->needs_refill = true;
    return !moved.empty();
}

}  // namespace bt::swarm
