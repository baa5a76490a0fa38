#include "common/swarm/peer_group.h"

#include <algorithm>

#include "common/base/encoding.h"

namespace bt::swarm {

PeerGroup::PeerGroup(const PeerId& own_peer_id, PeerListSettings settings, Rng rng, telemetry::Telemetry telemetry)
    : own_peer_id_(own_peer_id), telemetry_(telemetry), peer_list_(settings, rng) {}

Result<PeerConnection> PeerGroup::admit(ConnectionId id, const Endpoint& endpoint, bool outgoing, const PeerId& remote,
                                        transport::StreamCrypto crypto, TimePoint now) {
    if (remote == own_peer_id_) {
        if (outgoing) peer_list_.add_self(endpoint);
        return fail(remote_error(ErrorCode::HandshakeRefused, "connected to ourselves"));
    }
    if (peer_list_.is_banned(endpoint.address)) {
        return fail(remote_error(ErrorCode::HandshakeRefused, "address is banned"));
    }
    if (auto refusal = resolve_duplicate(remote, endpoint, outgoing, now)) return fail(std::move(*refusal));
    if (outgoing) peer_list_.on_connected(endpoint, now);
    PeerConnection peer;
    peer.endpoint = endpoint;
    peer.peer_id = remote;
    peer.outgoing = outgoing;
    peer.crypto = crypto;
    telemetry_.emit(now, telemetry::Level::Summary, "peer_connected", id,
                    {{"address", endpoint.to_string()},
                     {"outgoing", outgoing},
                     {"encryption", transport::stream_crypto_name(crypto)},
                     {"peer_id", to_hex(remote)}});
    return peer;
}

std::optional<Error> PeerGroup::resolve_duplicate(const PeerId& remote, const Endpoint& endpoint, bool outgoing,
                                                  TimePoint now) {
    const auto old = std::ranges::find_if(connections_, [&](const auto& c) { return c.second.peer_id == remote; });
    if (old == connections_.end()) return std::nullopt;
    const auto duplicate = [] { return remote_error(ErrorCode::Cancelled, "connected to this peer already"); };
    const bool new_one_wins = outgoing == (own_peer_id_ > remote);
    if (old->second.outgoing == outgoing || !new_one_wins) {
        if (outgoing && !old->second.also_at) {
            old->second.also_at = endpoint;
            peer_list_.on_connected(endpoint, now);
        }
        return duplicate();
    }
    drops_.push_back({old->first, duplicate()});
    return std::nullopt;
}

void PeerGroup::remove(ConnectionId id, bool useful, TimePoint now) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) return;
    const PeerConnection& peer = found->second;
    if (peer.outgoing) peer_list_.on_disconnected(peer.endpoint, useful, now);
    if (peer.also_at) peer_list_.on_disconnected(*peer.also_at, useful, now);
    std::erase_if(drops_, [&](const PeerToDrop& d) { return d.connection == id; });
    connections_.erase(found);
}

}  // namespace bt::swarm
