#include "common/swarm/torrent.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/swarm/pex_round.h"
#include "common/swarm/piece_priorities.h"

namespace bt::swarm {

using telemetry::Level;

Torrent::Torrent(std::shared_ptr<const meta::Metainfo> metainfo, meta::Bitfield have, StorageId storage,
                 TorrentSettings settings, telemetry::Telemetry telemetry, Rng rng)
    : PeerGroup(settings.peer_id, settings.peer_list, rng.fork(3), telemetry),
      metainfo_(std::move(metainfo)),
      layout_(metainfo_->layout()),
      storage_(storage),
      settings_(std::move(settings)),
      picker_(layout_, have, settings_.picker, rng.fork(1)),
      choker_(settings_.choker, rng.fork(2)),
      assembly_(layout_, settings_.max_piece_memory),
      file_state_(*metainfo_, have),
      first_copies_(layout_.piece_count(), rng.fork(4)) {
    set_rate_bounds({});
    apply_priorities(settings_.file_priorities);
}

void Torrent::apply_priorities(const std::vector<std::uint8_t>& file_priorities) {
    auto priorities = piece_priorities(*metainfo_, file_priorities);
    if (settings_.only_piece) {
        for (std::uint32_t i = 0; i < priorities.size(); ++i) {
            if (PieceIndex(i) != *settings_.only_piece) priorities[i] = 0;
        }
    }
    left_ = wanted_ = lacking_ = 0;
    for (std::uint32_t i = 0; i < layout_.piece_count(); ++i) {
        const PieceIndex piece(i);
        picker_.set_priority(piece, priorities[i]);
        const std::uint32_t size = layout_.piece_size(piece);
        if (priorities[i] > 0) wanted_ += size;
        if (have().has(piece)) continue;
        lacking_ += size;
        if (priorities[i] > 0) left_ += size;
    }
}

void Torrent::set_file_priorities(const std::vector<std::uint8_t>& file_priorities, TimePoint now) {
    const bool was_complete = is_complete();
    apply_priorities(file_priorities);
    for (auto& [id, peer] : connections_) count_interesting(peer, now);
    refill_all_ = true;
    choke_dirty_ = true;
    if (is_complete() && !was_complete) tell_completion(now);
    if (!is_complete() && was_complete) tell_upload_only();
}

Result<PeerConnection*> Torrent::on_peer_connected(ConnectionId id, const Endpoint& endpoint, bool outgoing,
                                                   const wire::Handshake& remote, TimePoint now,
                                                   transport::StreamCrypto crypto) {
    BT_TRY_ASSIGN(PeerConnection peer, admit(id, endpoint, outgoing, remote.peer_id, crypto, now));
    peer.session = std::make_unique<PeerSession>(id, layout_, settings_.extensions && remote.has_extensions(),
                                                 settings_.pipeline, now);
    if (settings_.extras && remote.has_fast()) peer.session->enable_fast();
    peer.session->send_bitfield(have());
    send_extension_handshake(peer);
    return insert(std::move(peer), now);
}

PeerConnection* Torrent::take_over(HandedOverPeer handed, bool greet, TimePoint now) {
    PeerConnection& peer = handed.connection;
    const ConnectionId id = peer.session->id();
    auto session = std::make_unique<PeerSession>(id, layout_, settings_.extensions && handed.remote.has_extensions(),
                                                 settings_.pipeline, now);
    if (settings_.extras && handed.remote.has_fast()) session->enable_fast();
    session->output() = std::move(peer.session->output());
    peer.session = std::move(session);
    PeerConnection* const inserted = insert(std::move(peer), now);
    const Status told =
        handed.told.replay([&](const wire::Message& message) { return take_in(*inserted, message, now); });
    if (!told) drop(id, told.error());
    // Too late for a bitfield: the peer may have heard from us already.
    for (auto piece = have().next_set(PieceIndex(0)); piece; piece = have().next_set(PieceIndex(piece->value() + 1))) {
        inserted->session->send_have(*piece);
    }
    if (greet) send_extension_handshake(*inserted);
    return inserted;
}

PeerConnection* Torrent::insert(PeerConnection peer, TimePoint now) {
    choke_dirty_ = true;
    ++peers_version_;
    peer.exchange = PeerExchange(settings_.pex_interval);
    if (next_tick_ <= now) next_tick_ = now + seconds(1);
    return &connections_.emplace(peer.session->id(), std::move(peer)).first->second;
}

void Torrent::send_extension_handshake(PeerConnection& peer) {
    wire::ExtensionHandshake extension;
    extension.ids.emplace(wire::kUtMetadataName, wire::kUtMetadataId);
    if (exchanges_peers()) extension.ids.emplace(wire::kUtPexName, wire::kUtPexId);
    if (settings_.extras) {
        extension.ids.emplace(wire::kLtDonthaveName, wire::kLtDonthaveId);
        extension.upload_only = is_upload_only();
    }
    extension.metadata_size = metainfo_->info_bytes().size();
    extension.client_version = settings_.client_version;
    extension.request_queue = kMaxQueuedRequests;
    if (settings_.listen_port != 0) extension.listen_port = settings_.listen_port;
    extension.your_ip = peer.endpoint.address;
    peer.session->send_extension_handshake(extension);
}

Status Torrent::on_extended(PeerConnection& peer, const PeerExtended& event, TimePoint now) {
    if (event.id == wire::kUtPexId && exchanges_peers()) {
        BT_TRY_ASSIGN(const auto heard, hear_of_peers(connections_, peer, event.payload, now));
        heard_peers_.insert(heard_peers_.end(), heard.begin(), heard.end());
        telemetry_.emit(now, Level::Decision, "pex_received", peer.session->id(), {{"new_peers", heard.size()}});
        return {};
    }
    if (event.id != wire::kUtMetadataId) return {};  // nothing that we announced
    return answer_metadata_message(metainfo_->info_bytes(), event.payload, *peer.session, peer.metadata_quota, now);
}

bool Torrent::exchanges_peers() const {
    return settings_.extras && settings_.peer_exchange && !metainfo_->is_private();
}

// The whole handshake again: some take what a later one does not mention for withdrawn.
void Torrent::tell_upload_only() {
    if (!settings_.extras) return;
    for (auto& [id, peer] : connections_) send_extension_handshake(peer);
}

Status Torrent::on_message(PeerConnection& peer, const wire::Message& message, TimePoint now) {
    peer.session->on_bytes_received(now);
    if (telemetry_.wants(Level::Wire)) emit_message("message_received", peer.session->id(), message, now);
    return take_in(peer, message, now);
}

Status Torrent::take_in(PeerConnection& peer, const wire::Message& message, TimePoint now) {
    PeerSession& session = *peer.session;
    BT_TRY_ASSIGN(const auto event, session.on_message(message, have(), now));

    if (const auto* block = std::get_if<BlockArrived>(&event)) {
        on_block(peer, *block, now);
    } else if (const auto* request = std::get_if<PeerRequested>(&event)) {
        if (peer.prefetched != request->request.piece) {
            peer.prefetched = request->request.piece;
            prefetches_.push_back(request->request.piece);
            on_requested(peer, request->request.piece);
        }
    } else if (const auto* has = std::get_if<PeerHasPiece>(&event)) {
        picker_.on_peer_have(has->piece);
        if (wants(has->piece)) change_interesting(peer, +1, now);
        drop_if_useless(peer);
    } else if (std::holds_alternative<PeerHasPieces>(event)) {
        picker_.on_peer_bitfield(session.pieces());
        count_interesting(peer, now);
        drop_if_useless(peer);
    } else if (const auto* more = std::get_if<PeerHasMorePieces>(&event)) {
        for (const PieceIndex piece : more->pieces) picker_.on_peer_have(piece);
        count_interesting(peer, now);
        drop_if_useless(peer);
    } else if (const auto* lost = std::get_if<PeerLostPiece>(&event)) {
        picker_.on_peer_lost(lost->piece);
        if (wants(lost->piece)) change_interesting(peer, -1, now);
    } else if (const auto* choked = std::get_if<PeerChokedUs>(&event)) {
        on_requests_lost(session.id(), choked->lost);
        picker_.on_peer_stopped(session.id());
        refill_all_ = true;
        peer.stalled = false;
    } else if (const auto* rejected = std::get_if<PeerRejected>(&event)) {
        on_requests_lost(session.id(), {rejected->request});
    } else if (std::holds_alternative<PeerUnchokedUs>(event) || std::holds_alternative<PeerAllowedUs>(event)) {
        peer.needs_refill = true;
    } else if (std::holds_alternative<PeerInterestChanged>(event)) {
        choke_dirty_ = true;
    } else if (std::holds_alternative<PeerExtensionsKnown>(event)) {
        telemetry_.emit(now, Level::Decision, "peer_extensions", session.id(),
                        {{"client", session.extensions()->client_version}});
        ++peers_version_;
        if (const auto& own = session.extensions()->your_ip) {
            peer_list_.note_own_endpoint({*own, settings_.listen_port});
        }
        drop_if_useless(peer);
    } else if (const auto* extended = std::get_if<PeerExtended>(&event)) {
        return on_extended(peer, *extended, now);
    }
    return {};
}

void Torrent::on_block(PeerConnection& peer, const BlockArrived& event, TimePoint now) {
    PeerSession& session = *peer.session;
    const PieceIndex piece = event.request.piece;
    const auto block = layout_.block_of(event.request);
    BT_CHECK(block.has_value());  // the session let only our own requests through
    download_.add(event.bytes.size(), now);
    peer.needs_refill = true;
    if (!event.late) peer.stalled = false;
    cancel_scratch_.clear();
    if (!picker_.on_block_received(session.id(), piece, *block, cancel_scratch_)) {
        wasted_ += event.bytes.size();
        return;
    }
    for (const ConnectionId other : cancel_scratch_) {
        auto& other_peer = connections_.at(other);
        other_peer.session->cancel(event.request);
        other_peer.needs_refill = true;
        telemetry_.emit(now, Level::Decision, "request_cancelled", other,
                        {{"piece", piece.value()}, {"begin", event.request.begin}, {"reason", "endgame"}});
    }
    assembly_.store(piece, *block, event.bytes, peer.endpoint.address, now);
    if (!picker_.is_piece_full(piece)) return;
    auto whole = assembly_.take(piece);
    in_verification_[piece] = std::move(whole.contributors);
    writes_.push_back({piece, std::move(whole.buffer), blame_.is_suspect(piece)});
}

void Torrent::on_requests_lost(ConnectionId id, const std::vector<BlockRequest>& lost) {
    for (const BlockRequest& request : lost) {
        picker_.on_request_dropped(id, request.piece, BlockIndex(request.begin / kBlockSize));
    }
    if (!lost.empty()) refill_all_ = true;
}

void Torrent::on_peer_gone(ConnectionId id, const Error& reason, TimePoint now) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    PeerConnection& peer = found->second;
    on_requests_lost(id, peer.session->take_all_requests());
    picker_.on_peer_gone(peer.session->pieces());
    picker_.on_peer_stopped(id);
    for (const PieceIndex piece : peer.hinted) first_copies_.give_back(piece);
    refill_all_ = true;
    choker_.on_peer_gone(id);
    ++peers_version_;
    const bool useful = peer.session->downloaded_bytes() > 0 || peer.session->uploaded_bytes() > 0;
    telemetry_.emit(now, Level::Summary, "peer_disconnected", id,
                    {{"address", peer.endpoint.to_string()},
                     {"reason", reason.message()},
                     {"error", error_code_name(reason.code)},
                     {"fault", fault_name(reason.fault)},
                     {"downloaded", peer.session->downloaded_bytes()},
                     {"uploaded", peer.session->uploaded_bytes()}});
    remove(id, useful, now);
    choke_dirty_ = true;
}

void Torrent::on_piece_written(PieceIndex piece, PieceVerdict verdict, TimePoint now) {
    assembly_.recycle(std::move(verdict.buffer));
    auto node = in_verification_.extract(piece);
    BT_CHECK(!node.empty());
    refill_all_ = true;
    if (!verdict.hash_ok) {
        on_piece_hash_failed(piece, node.mapped(), verdict.block_digests, now);
    } else if (!verdict.status) {
        picker_.on_piece_failed(piece);
        if (!failure_) failure_ = verdict.status.error();
        telemetry_.emit(now, Level::Summary, "disk_failed", std::nullopt,
                        {{"piece", piece.value()}, {"reason", failure_->message()}});
    } else {
        on_piece_verified(piece, verdict.block_digests, now);
    }
}

void Torrent::on_piece_verified(PieceIndex piece, const std::vector<Sha1Digest>& digests, TimePoint now) {
    picker_.on_piece_verified(piece);
    lacking_ -= layout_.piece_size(piece);
    const bool was_wanted = picker_.is_wanted(piece);
    if (was_wanted) left_ -= layout_.piece_size(piece);
    telemetry_.emit(now, Level::Decision, "piece_verified", std::nullopt,
                    {{"piece", piece.value()}, {"have", have().count()}, {"pieces", layout_.piece_count()}});
    ban(blame_.on_piece_verified(piece, digests), piece, now);
    for (const FileIndex file : file_state_.on_piece_verified(piece)) {
        completed_files_.push_back(file);
        telemetry_.emit(now, Level::Decision, "file_completed", std::nullopt,
                        {{"file", metainfo_->files()[file.value()].path}});
    }
    for (auto& [id, peer] : connections_) {
        const bool owned = peer.session->pieces().has(piece);
        if (settings_.extras || !owned) tell_have(peer, piece, now);  // plain: nothing that need not be said
        if (was_wanted && owned && settings_.download) change_interesting(peer, -1, now);
    }
    if (was_wanted && is_complete()) tell_completion(now);
}

void Torrent::tell_completion(TimePoint now) {
    telemetry_.emit(now, Level::Summary, "completed", std::nullopt,
                    {{"downloaded", download_.total_bytes()},
                     {"uploaded", upload_.total_bytes()},
                     {"hash_failures", hash_failures_}});
    tell_upload_only();
    for (auto& [id, peer] : connections_) drop_if_useless(peer);
    choke_dirty_ = true;
}

void Torrent::on_piece_hash_failed(PieceIndex piece, const Contributors& contributors,
                                   const std::vector<Sha1Digest>& digests, TimePoint now) {
    ++hash_failures_;
    picker_.on_piece_failed(piece, true);
    telemetry_.emit(now, Level::Summary, "piece_failed", std::nullopt,
                    {{"piece", piece.value()}, {"reason", "SHA-1 is not that of the metainfo"}});
    ban(blame_.on_piece_failed(piece, contributors, digests), piece, now);
}

void Torrent::ban(const std::vector<Address>& addresses, PieceIndex piece, TimePoint now) {
    for (const Address& address : addresses) {
        if (peer_list_.is_banned(address)) continue;
        const std::string reason = "sent corrupt data in piece " + std::to_string(piece.value());
        peer_list_.ban(address, reason);
        telemetry_.emit(now, Level::Summary, "peer_banned", std::nullopt,
                        {{"address", address.to_string()}, {"piece", piece.value()}, {"reason", reason}});
        for (const auto& [id, peer] : connections_) {
            if (peer.endpoint.address == address) {
                drops_.push_back({id, remote_error(ErrorCode::HashMismatch, "banned: " + reason)});
            }
        }
    }
}

bool Torrent::wants(PieceIndex piece) const {
    return settings_.download && picker_.is_wanted(piece) && !have().has(piece);
}

void Torrent::count_interesting(PeerConnection& peer, TimePoint now) {
    const meta::Bitfield& pieces = peer.session->pieces();
    std::uint32_t count = 0;
    for (auto p = pieces.next_set(PieceIndex(0)); p; p = pieces.next_set(PieceIndex(p->value() + 1))) {
        if (wants(*p)) ++count;
    }
    peer.interesting = 0;
    change_interesting(peer, static_cast<int>(count), now);
}

void Torrent::change_interesting(PeerConnection& peer, int delta, TimePoint now) {
    BT_CHECK(delta >= 0 || peer.interesting > 0);
    peer.interesting = static_cast<std::uint32_t>(static_cast<std::int64_t>(peer.interesting) + delta);
    const bool interested = peer.interesting > 0;
    if (interested && delta > 0) peer.needs_refill = true;
    if (peer.session->am_interested() == interested) return;
    peer.session->set_interested(interested);
    telemetry_.emit(now, Level::Decision, interested ? "became_interested" : "lost_interest", peer.session->id(),
                    {{"interesting_pieces", peer.interesting}});
}

void Torrent::drop_if_useless(PeerConnection& peer) {
    if (!is_upload_only()) return;
    const bool has_all = peer.session->pieces().is_complete();
    const auto& extensions = peer.session->extensions();
    const bool wants_nothing = extensions && extensions->upload_only.value_or(false);
    if (has_all && is_complete())
        return drop(peer.session->id(), local_error(ErrorCode::Cancelled, "both sides have everything"));
    if (!wants_nothing || !settings_.extras) return;
    drop(peer.session->id(), local_error(ErrorCode::Cancelled, "neither side wants anything of the other"));
}

void Torrent::emit_message(const char* kind, ConnectionId id, const wire::Message& message, TimePoint now) const {
    const auto name = wire::message_name(message);
    const auto with_block = [&](std::uint32_t piece, std::uint32_t begin, std::size_t length) {
        telemetry_.emit(now, Level::Wire, kind, id,
                        {{"message", name}, {"piece", piece}, {"begin", begin}, {"length", std::uint64_t{length}}});
    };
    if (const auto* request = std::get_if<wire::Request>(&message)) {
        with_block(request->piece, request->begin, request->length);
    } else if (const auto* piece = std::get_if<wire::Piece>(&message)) {
        with_block(piece->piece, piece->begin, piece->block.size());
    } else if (const auto* cancel = std::get_if<wire::Cancel>(&message)) {
        with_block(cancel->piece, cancel->begin, cancel->length);
    } else if (const auto* has = std::get_if<wire::Have>(&message)) {
        telemetry_.emit(now, Level::Wire, kind, id, {{"message", name}, {"piece", has->piece}});
    } else {
        telemetry_.emit(now, Level::Wire, kind, id, {{"message", name}});
    }
}

}  // namespace bt::swarm
