#include "common/swarm/peer_exchange.h"

#include <algorithm>

namespace bt::swarm {

std::optional<wire::PexMessage> PeerExchange::next_message(std::span<const wire::PexPeer> connected,
                                                           const Endpoint& receiver, TimePoint now) {
    if (!is_due(now)) return std::nullopt;
    wire::PexMessage message;
    std::set<Endpoint> present;
    for (const wire::PexPeer& peer : connected) {
        if (peer.endpoint == receiver || !may_believe(peer.endpoint, receiver)) continue;
        present.insert(peer.endpoint);
        if (message.added.size() < kPexToldAtOnce && !told_.contains(peer.endpoint)) message.added.push_back(peer);
    }
    for (const Endpoint& peer : told_) {
        if (message.dropped.size() < kPexToldAtOnce && !present.contains(peer)) message.dropped.push_back(peer);
    }
    if (message.is_empty()) return std::nullopt;
    for (const wire::PexPeer& peer : message.added) told_.insert(peer.endpoint);
    for (const Endpoint& peer : message.dropped) told_.erase(peer);
    told_at_ = now;
    return message;
}

PeerExchange::Verdict PeerExchange::on_message(TimePoint now) {
    if (heard_at_ && now - *heard_at_ < interval_ - kPexTolerance) {
        return ++early_ > kMaxEarlyPex ? Verdict::Flood : Verdict::TooEarly;
    }
    heard_at_ = now;
    early_ = 0;
    return Verdict::Take;
}

}  // namespace bt::swarm
