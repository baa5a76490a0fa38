#include "common/swarm/metadata_swarm.h"

#include <algorithm>

#include "common/base/check.h"

namespace bt::swarm {

using telemetry::Level;

namespace {

constexpr Duration kTick = seconds(1);

}  // namespace

MetadataSwarm::MetadataSwarm(MetadataSwarmSettings settings, telemetry::Telemetry telemetry, Rng rng)
    : PeerGroup(settings.peer_id, settings.peer_list, rng, telemetry),
      settings_(std::move(settings)),
      download_(settings_.info_hash, settings_.download) {}

Result<PeerConnection*> MetadataSwarm::on_peer_connected(ConnectionId id, const Endpoint& endpoint, bool outgoing,
                                                         const wire::Handshake& remote, TimePoint now,
                                                         transport::StreamCrypto crypto) {
    BT_TRY_ASSIGN(PeerConnection peer, admit(id, endpoint, outgoing, remote.peer_id, crypto, now));
    peer.session = std::make_unique<PeerSession>(id, no_layout_, remote.has_extensions(), PipelineSettings{}, now);
    if (!settings_.plain && remote.has_fast()) {
        peer.session->enable_fast();
        peer.session->send_bitfield(meta::Bitfield());
    }
    greet(peer);
    acquaintances_.emplace(id, Acquaintance{remote, {}});
    if (next_tick_ <= now) next_tick_ = now + kTick;
    return &connections_.emplace(id, std::move(peer)).first->second;
}

void MetadataSwarm::greet(PeerConnection& peer) {
    wire::ExtensionHandshake extension;
    extension.ids.emplace(wire::kUtMetadataName, wire::kUtMetadataId);
    if (!settings_.plain) {
        extension.client_version = settings_.client_version;
        extension.request_queue = kMaxQueuedRequests;
        if (settings_.listen_port != 0) extension.listen_port = settings_.listen_port;
        extension.your_ip = peer.endpoint.address;
    }
    peer.session->send_extension_handshake(extension);
}

Status MetadataSwarm::on_message(PeerConnection& peer, const wire::Message& message, TimePoint now) {
    peer.session->on_bytes_received(now);
    telemetry_.emit(now, Level::Wire, "message_received", peer.session->id(),
                    {{"message", wire::message_name(message)}});
    BT_TRY(acquaintances_.at(peer.session->id()).told.on_message(message));
    if (const auto* request = std::get_if<wire::Request>(&message)) {
        peer.session->reject({PieceIndex(request->piece), request->begin, request->length});
    }
    if (std::holds_alternative<wire::Extended>(message)) return on_extended(peer, message, now);
    return {};
}

Status MetadataSwarm::on_extended(PeerConnection& peer, const wire::Message& message, TimePoint now) {
    const meta::Bitfield nothing;
    BT_TRY_ASSIGN(const auto event, peer.session->on_message(message, nothing, now));
    if (const auto* extended = std::get_if<PeerExtended>(&event)) {
        return extended->id == wire::kUtMetadataId ? on_metadata_message(peer, extended->payload, now) : Status{};
    }
    if (!std::holds_alternative<PeerExtensionsKnown>(event)) return {};
    const wire::ExtensionHandshake& extensions = *peer.session->extensions();
    telemetry_.emit(now, Level::Decision, "peer_extensions", peer.session->id(),
                    {{"client", extensions.client_version}, {"metadata_size", extensions.metadata_size.value_or(0)}});
    if (extensions.id_of(wire::kUtMetadataName) == 0) {
        download_.on_peer_gone(peer.session->id());
        return {};
    }
    return download_.on_peer(peer.session->id(), peer.endpoint.address, extensions.metadata_size);
}

Status MetadataSwarm::on_metadata_message(PeerConnection& peer, ByteView payload, TimePoint now) {
    BT_TRY_ASSIGN(const auto message, wire::parse_metadata_message(payload));
    if (const auto* data = std::get_if<wire::MetadataData>(&message)) {
        return download_.on_data(peer.session->id(), *data);
    }
    if (const auto* reject = std::get_if<wire::MetadataReject>(&message)) {
        download_.on_reject(peer.session->id(), reject->block, now);
        return {};
    }
    const ByteView own = metadata() ? ByteView(*metadata()) : ByteView();
    return answer_metadata_message(own, payload, *peer.session, peer.metadata_quota, now);
}

void MetadataSwarm::on_peer_gone(ConnectionId id, const Error& reason, TimePoint now) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    telemetry_.emit(now, Level::Summary, "peer_disconnected", id,
                    {{"address", found->second.endpoint.to_string()},
                     {"reason", reason.message()},
                     {"error", error_code_name(reason.code)},
                     {"fault", fault_name(reason.fault)}});
    download_.on_peer_gone(id);
    acquaintances_.erase(id);
    remove(id, false, now);
}

void MetadataSwarm::settle(TimePoint now) {
    ban_liars(now);
    for (const MetadataAsk& ask : download_.pick(now)) {
        connections_.at(ask.peer).session->send_extended(wire::kUtMetadataName,
                                                         wire::encode(wire::MetadataRequest{ask.block}));
        telemetry_.emit(now, Level::Decision, "metadata_requested", ask.peer, {{"block", ask.block}});
    }
}

void MetadataSwarm::ban_liars(TimePoint now) {
    for (const Address& address : download_.take_liars()) {
        const std::string reason = "sent metadata that does not have the info_hash";
        peer_list_.ban(address, reason);
        telemetry_.emit(now, Level::Summary, "peer_banned", std::nullopt,
                        {{"address", address.to_string()}, {"reason", reason}});
        for (const auto& [id, peer] : connections_) {
            if (peer.endpoint.address == address) drop(id, remote_error(ErrorCode::HashMismatch, "banned: " + reason));
        }
    }
}

TimePoint MetadataSwarm::next_deadline() const {
    if (connections_.empty()) return kNever;
    return std::min(next_tick_, download_.next_deadline());
}

void MetadataSwarm::on_deadline(TimePoint now) {
    if (download_.next_deadline() <= now) download_.on_deadline(now);
    if (next_tick_ > now) return;
    next_tick_ = now + kTick;
    for (auto& [id, peer] : connections_) maintain(peer, now);
}

void MetadataSwarm::maintain(PeerConnection& peer, TimePoint now) {
    PeerSession& session = *peer.session;
    if (now - session.last_received() >= kDeadAfter) {
        return drop(session.id(), remote_error(ErrorCode::TimedOut, "silent for 120 s"));
    }
    if (session.output().size() > kMaxUnreadMetadata + settings_.max_unread) {
        return drop(session.id(), remote_error(ErrorCode::LimitReached, "does not read what we send"));
    }
    if (session.output().empty() && now - session.last_sent() >= kKeepAliveAfter) session.keep_alive();
}

std::vector<HandedOverPeer> MetadataSwarm::hand_over() {
    BT_CHECK(drops_.empty());
    std::vector<HandedOverPeer> handed;
    for (auto& [id, peer] : connections_) {
        Acquaintance& known = acquaintances_.at(id);
        handed.push_back({std::move(peer), known.remote, std::move(known.told)});
    }
    connections_.clear();
    acquaintances_.clear();
    return handed;
}

void MetadataSwarm::check_invariants() const {
    peer_list_.check_invariants();
    download_.check_invariants();
    BT_CHECK(acquaintances_.size() == connections_.size());
    for (const auto& [id, peer] : connections_) {
        BT_CHECK(acquaintances_.contains(id));
        peer.session->check_invariants();
    }
}

}  // namespace bt::swarm
