// The second half of Torrent: the decisions that follow from a turn, and what time alone brings about.

#include <algorithm>

#include "common/base/check.h"
#include "common/swarm/pex_round.h"
#include "common/swarm/torrent.h"

namespace bt::swarm {

using telemetry::Level;

namespace {

// Answers lie in the output only so far ahead of the socket: what is not there yet can still be choked or cancelled.
constexpr std::uint64_t kOutputWatermark = 512u << 10;
constexpr Duration kSettleTick = seconds(1);
constexpr std::uint64_t kRequestSeconds = 10;  // below the 25 s after which a request expires

}  // namespace

void Torrent::settle(TimePoint now) {
    if (choke_dirty_) settle_chokes(false, now);
    const bool everybody = std::exchange(refill_all_, false) || requests_ahead_ != UINT64_MAX;
    count_requests();
    for (auto& [id, peer] : connections_) {
        if (everybody || peer.needs_refill) refill(peer, now);
        fill_output(peer, now);
        if (!peer.untold.empty() && (now >= haves_due_ || !peer.session->output().empty())) send_haves(peer, now);
    }
    if (now >= haves_due_) haves_due_ = kNever;
}

void Torrent::tell_have(PeerConnection& peer, PieceIndex piece, TimePoint now) {
    const PeerSession& session = *peer.session;
    peer.untold.push_back(piece);
    const bool can_act = !session.pieces().has(piece) && (!session.am_choking() || !session.peer_interested());
    if (can_act) return send_haves(peer, now);
    haves_due_ = std::min(haves_due_, now + kHaveWait);
}

void Torrent::send_haves(PeerConnection& peer, TimePoint now) {
    for (const PieceIndex piece : peer.untold) {
        peer.session->send_have(piece);
        if (telemetry_.wants(Level::Wire)) {
            emit_message("message_sent", peer.session->id(), wire::Have{piece.value()}, now);
        }
    }
    peer.untold.clear();
}

void Torrent::settle_chokes(bool round, TimePoint now) {
    choke_dirty_ = false;
    std::vector<ChokeCandidate> candidates;
    candidates.reserve(connections_.size());
    for (const auto& [id, peer] : connections_) {
        const PeerSession& session = *peer.session;
        ChokeCandidate candidate;
        candidate.id = id;
        candidate.peer_interested = session.peer_interested();
        candidate.am_choking = session.am_choking();
        candidate.snubbed = session.pipeline().is_snubbed(now);
        candidate.download_rate_bytes_per_s = session.download_rate(now);
        candidate.upload_rate_bytes_per_s = session.upload_rate(now);
        candidate.connected_at = session.connected_at();
        candidate.unchoked_at = session.unchoked_at();
        candidates.push_back(candidate);
    }
    const bool seeding = is_complete() || !settings_.download;
    const auto decisions =
        round ? choker_.on_round(now, candidates, seeding) : choker_.on_change(now, candidates, seeding);
    for (const ChokeDecision& decision : decisions) {
        PeerConnection& peer = connections_.at(decision.id);
        PeerSession& session = *peer.session;
        peer.choke_reason = decision.reason;
        if (decision.choke) {
            session.choke();
        } else {
            suggest_pieces(peer);
            session.unchoke(now);
        }
        telemetry_.emit(now, Level::Decision, decision.choke ? "choked" : "unchoked", decision.id,
                        {{"reason", choke_reason_name(decision.reason)},
                         {"down_rate", session.download_rate(now)},
                         {"up_rate", session.upload_rate(now)}});
    }
    for (auto& [id, peer] : connections_) offer_fast(peer);
}

// Only who has next to nothing and found no free slot needs a start while it is choked: all peers of one network are
// offered the same pieces, so each of them is a copy that the seed sends in vain.
void Torrent::offer_fast(PeerConnection& peer) {
    const PeerSession& session = *peer.session;
    if (peer.fast_offered || !session.fast().is_enabled()) return;
    if (!session.peer_interested() || !session.am_choking() || have().count() == 0) return;
    peer.fast_offered = true;
    if (session.pieces().count() > kAllowedFastCount) return;
    peer.session->offer_fast(fast_offer(metainfo_->info_hash(), peer.endpoint.address, have()));
}

void Torrent::suggest_pieces(PeerConnection& peer) {
    if (!has_everything() || connections_.size() < 2 || !peer.session->fast().is_enabled()) return;
    while (peer.hinted.size() < kHintsAhead) {
        const auto piece =
            first_copies_.next([this](PieceIndex candidate) { return picker_.availability(candidate) > 0; });
        if (!piece) return;
        peer.session->suggest(*piece);
        peer.hinted.push_back(*piece);
    }
}

void Torrent::on_requested(PeerConnection& peer, PieceIndex piece) {
    if (!has_everything()) return;
    if (std::erase(peer.hinted, piece) == 0) first_copies_.take(piece);
    suggest_pieces(peer);
}

bool Torrent::fill_output(PeerConnection& peer, TimePoint now) {
    PeerSession& session = *peer.session;
    bool added = false;
    while (!session.queued_requests().empty() && session.output().size() < output_ahead_) {
        const BlockRequest block = session.queued_requests().front();
        range_scratch_.clear();
        const std::uint64_t offset = layout_.piece_offset(block.piece) + block.begin;
        metainfo_->file_map().for_each_span(offset, block.length, [this](const meta::FileSpan& span) {
            range_scratch_.push_back({storage_, span.file, span.offset, span.length});
        });
        session.send_front_block(range_scratch_, now);
        upload_.add(block.length, now);
        telemetry_.emit(
            now, Level::Wire, "message_sent", session.id(),
            {{"message", "piece"}, {"piece", block.piece.value()}, {"begin", block.begin}, {"length", block.length}});
        added = true;
    }
    return added;
}

void Torrent::set_rate_bounds(const transport::RateLimits& bounds) {
    choker_.set_regular_slots(slots_for_rate(settings_.choker.regular_slots, bounds.upload));
    choke_dirty_ = true;
    output_ahead_ =
        bounds.upload == 0 ? kOutputWatermark : std::clamp<std::uint64_t>(bounds.upload / 2, 1, kOutputWatermark);
    requests_ahead_ =
        bounds.download == 0 ? UINT64_MAX : std::max<std::uint64_t>(bounds.download * kRequestSeconds / kBlockSize, 1);
    refill_all_ = true;
}

TimePoint Torrent::next_deadline() const {
    if (connections_.empty()) return kNever;
    return std::min({next_tick_, choker_.next_deadline(), haves_due_});
}

void Torrent::on_deadline(TimePoint now) {
    if (choker_.next_deadline() <= now) settle_chokes(true, now);
    if (next_tick_ > now) return;
    next_tick_ = now + kSettleTick;
    for (auto& [id, peer] : connections_) maintain(peer, now);
    if (exchanges_peers()) tell_of_peers(connections_, peers_version_, telemetry_, now);
    reclaim_memory(now);
}

void Torrent::maintain(PeerConnection& peer, TimePoint now) {
    PeerSession& session = *peer.session;
    if (now - session.last_received() >= kDeadAfter) {
        drops_.push_back({session.id(), remote_error(ErrorCode::TimedOut, "silent for 120 s")});
        return;
    }
    // Its answers and a have a piece may wait; what grows beyond that (chokes and unchokes, if it wants it so) has no
    // end.
    const std::uint64_t may_wait = kOutputWatermark + kMaxServedLength + std::uint64_t{9} * layout_.piece_count();
    if (session.output().size() > may_wait + settings_.max_unread) {
        drops_.push_back({session.id(), remote_error(ErrorCode::LimitReached, "does not read what we send")});
        return;
    }
    if (session.output().empty() && now - session.last_sent() >= kKeepAliveAfter) session.keep_alive();
    const auto expired = session.take_expired_requests(now);
    if (!expired.empty()) peer.stalled = true;
    for (const BlockRequest& block : expired) {
        telemetry_.emit(now, Level::Decision, "request_expired", session.id(),
                        {{"piece", block.piece.value()}, {"begin", block.begin}});
    }
    on_requests_lost(session.id(), expired);
}

// Partial pieces that nobody feeds must not keep others from being begun.
void Torrent::reclaim_memory(TimePoint now) {
    if (assembly_.has_room()) return;
    for (const PieceIndex piece : assembly_.idle(now, settings_.idle_piece_after)) {
        if (picker_.requested_blocks(piece) > 0) continue;
        assembly_.abandon(piece);
        picker_.on_piece_abandoned(piece);
        refill_all_ = true;
        telemetry_.emit(now, Level::Decision, "piece_abandoned", std::nullopt,
                        {{"piece", piece.value()}, {"reason", "no progress, and its memory is needed"}});
        return;
    }
}

TorrentStats Torrent::stats(TimePoint now) const {
    TorrentStats stats;
    stats.have = have().count();
    stats.pieces = layout_.piece_count();
    stats.downloaded = download_.total_bytes();
    stats.uploaded = upload_.total_bytes();
    stats.down_rate = download_.rate_bytes_per_s(now);
    stats.up_rate = upload_.rate_bytes_per_s(now);
    stats.left = left_;
    stats.wanted = wanted_;
    stats.lacking = lacking_;
    stats.connected = static_cast<std::uint32_t>(connections_.size());
    stats.known = static_cast<std::uint32_t>(peer_list_.known());
    stats.banned = static_cast<std::uint32_t>(peer_list_.banned());
    stats.hash_failures = hash_failures_;
    stats.wasted = wasted_;
    stats.complete_files = file_state_.complete_files();
    return stats;
}

void Torrent::check_invariants() const {
    picker_.check_invariants();
    peer_list_.check_invariants();
    std::size_t begun = 0;
    for (const PieceIndex piece : picker_.partial_pieces()) {
        if (!assembly_.contains(piece)) BT_CHECK(picker_.requested_blocks(piece) == 0);
        if (assembly_.contains(piece)) ++begun;
    }
    BT_CHECK(begun == assembly_.count());
    for (const auto& [piece, contributors] : in_verification_) BT_CHECK(!have().has(piece));
    for (const auto& [id, peer] : connections_) {
        peer.session->check_invariants();
        std::uint32_t interesting = 0;
        const meta::Bitfield& pieces = peer.session->pieces();
        for (auto p = pieces.next_set(PieceIndex(0)); p; p = pieces.next_set(PieceIndex(p->value() + 1))) {
            if (wants(*p)) ++interesting;
        }
        BT_CHECK(interesting == peer.interesting);
        BT_CHECK((peer.interesting > 0) == peer.session->am_interested());
    }
}

}  // namespace bt::swarm
