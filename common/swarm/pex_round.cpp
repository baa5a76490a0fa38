#include "common/swarm/pex_round.h"

#include <set>

namespace bt::swarm {
namespace {

bool speaks_pex(const PeerSession& session) {
    return session.extensions() && session.extensions()->id_of(wire::kUtPexName) != 0;
}

}  // namespace

std::optional<wire::PexPeer> as_pex_peer(const PeerConnection& peer) {
    wire::PexPeer told{peer.endpoint, 0};
    const auto& extensions = peer.session->extensions();
    if (peer.outgoing) {
        told.flags |= wire::kPexReachable;
    } else if (extensions && extensions->listen_port) {
        told.endpoint.port = *extensions->listen_port;
    } else {
        return std::nullopt;
    }
    if (peer.crypto != transport::StreamCrypto::None) told.flags |= wire::kPexPrefersEncryption;
    const bool wants_nothing = extensions && extensions->upload_only.value_or(false);
    if (wants_nothing || peer.session->pieces().is_complete()) told.flags |= wire::kPexUploadOnly;
    return told;
}

void tell_of_peers(std::map<ConnectionId, PeerConnection>& connections, std::uint64_t version,
                   const telemetry::Telemetry& telemetry, TimePoint now) {
    std::vector<wire::PexPeer> reachable;
    for (auto& [id, peer] : connections) {
        if (!speaks_pex(*peer.session) || !peer.exchange.is_due(now, version)) continue;
        if (reachable.empty()) {
            for (const auto& [other_id, other] : connections) {
                if (const auto told = as_pex_peer(other)) reachable.push_back(*told);
            }
        }
        const auto receiver = as_pex_peer(peer);
        const auto message = peer.exchange.next_message(reachable, receiver ? receiver->endpoint : peer.endpoint, now);
        const bool all_told =
            !message || (message->added.size() < kPexToldAtOnce && message->dropped.size() < kPexToldAtOnce);
        if (all_told) peer.exchange.on_all_told(version);
        if (!message) continue;
        peer.session->send_extended(wire::kUtPexName, message->encode());
        telemetry.emit(now, telemetry::Level::Decision, "pex_sent", id,
                       {{"added", message->added.size()}, {"dropped", message->dropped.size()}});
    }
}

Result<std::vector<Endpoint>> hear_of_peers(const std::map<ConnectionId, PeerConnection>& connections,
                                            PeerConnection& teller, ByteView payload, TimePoint now) {
    const auto verdict = teller.exchange.on_message(now);
    if (verdict == PeerExchange::Verdict::Flood) {
        return fail(remote_error(ErrorCode::ProtocolViolation, "peer exchange again and again within a minute"));
    }
    BT_TRY_ASSIGN(const auto message, wire::PexMessage::parse(payload));
    std::vector<Endpoint> heard;
    if (verdict == PeerExchange::Verdict::TooEarly) return heard;
    std::set<Endpoint> here;
    for (const auto& [id, peer] : connections) {
        if (const auto known = as_pex_peer(peer)) here.insert(known->endpoint);
    }
    for (const wire::PexPeer& peer : message.added) {
        if (!PeerExchange::may_believe(peer.endpoint, teller.endpoint) || here.contains(peer.endpoint)) continue;
        heard.push_back(peer.endpoint);
    }
    return heard;
}

}  // namespace bt::swarm
