#include "tracker/watch.h"

#include <algorithm>

#include "common/base/check.h"
#include "tracker/misbehaviour.h"

namespace bt::tracker {
namespace {

// Whether the peers that the honest reply names are what the asker hears.
bool keeps_peers(std::string_view action) {
    const auto kind = parse_action(action);
    if (!kind) return true;  // no rule
    switch (*kind) {
        case ActionKind::Warning:
        case ActionKind::Drip:
        case ActionKind::Delay:
        case ActionKind::Chunked:
        case ActionKind::Gzip:
        case ActionKind::Duplicate:
        case ActionKind::Reorder:
        case ActionKind::UnsortedKeys:
        case ActionKind::PeersDuplicate:
            return true;
        default:
            return false;
    }
}

ByteBuffer kept(ByteView bytes) { return to_buffer(bytes.first(std::min(bytes.size(), kMaxKeptBytes))); }

void keep_answer(const Exchange& exchange, const Delivery* delivery, SeenExchange& seen) {
    if (delivery == nullptr) {
        seen.answer = kept(exchange.answer);
        seen.answer_size = exchange.answer.size();
        seen.is_answered = !exchange.answer.empty() || exchange.door != Door::Udp;
        return;
    }
    for (const Delivery::Step& step : delivery->steps) {
        seen.answer_size += step.bytes.size();
        const std::size_t room = kMaxKeptBytes - seen.answer.size();
        // Over UDP each step is a whole packet: the first stands for its copies.
        if (exchange.door == Door::Udp && !seen.answer.empty()) continue;
        append(seen.answer, ByteView(step.bytes).first(std::min(step.bytes.size(), room)));
    }
    seen.is_answered = !delivery->steps.empty();
}

// Those that went out: over UDP only the asker's family fits.
std::vector<Endpoint> told_peers(const Exchange& exchange) {
    std::vector<Endpoint> told;
    for (const wire::AnnouncePeer& peer : exchange.reply->peers) {
        const bool fits =
            exchange.door != Door::Udp || peer.endpoint.address.family() == exchange.source.address.family();
        if (fits && told.size() < kMaxTold) told.push_back(peer.endpoint);
    }
    return told;
}

}  // namespace

void Watch::on_seen(const Exchange& exchange, const Delivery* delivery) {
    SeenExchange seen;
    seen.number = ++last_number_;
    seen.time = exchange.time;
    seen.door = exchange.door;
    seen.connection = exchange.connection;
    seen.source = exchange.source;
    seen.kind = exchange.kind;
    if (exchange.announce != nullptr) {
        seen.info_hash = exchange.announce->info_hash;
        seen.peer_id = exchange.announce->peer_id;
        seen.event = exchange.announce->event;
        seen.port = exchange.announce->port;
        seen.left = exchange.announce->left;
    } else if (!exchange.scrape.empty()) {
        seen.info_hash = exchange.scrape.front();
    }
    seen.status = exchange.status;
    seen.refusal = exchange.refusal;
    seen.rule = exchange.rule;
    seen.action = exchange.action;
    seen.request = kept(without_secret(exchange));
    seen.request_size = exchange.request.size();
    keep_answer(exchange, delivery, seen);
    const bool is_served = exchange.announce != nullptr && exchange.reply != nullptr && exchange.refusal.empty();
    if (is_served) {
        seen.told = told_peers(exchange).size();
        note_peer(exchange, keeps_peers(exchange.action));
    }
    exchanges_.push_back(std::move(seen));
    if (exchanges_.size() > kMaxExchanges) exchanges_.pop_front();
}

SeenSwarm& Watch::swarm_of(const InfoHash& info_hash, TimePoint now) {
    const auto found = std::find_if(swarms_.begin(), swarms_.end(),
                                    [&](const SeenSwarm& swarm) { return swarm.info_hash == info_hash; });
    if (found != swarms_.end()) {
        found->seen = now;
        return *found;
    }
    if (swarms_.size() == kMaxSwarms) {
        swarms_.erase(std::min_element(swarms_.begin(), swarms_.end(),
                                       [](const SeenSwarm& a, const SeenSwarm& b) { return a.seen < b.seen; }));
    }
    swarms_.push_back({info_hash, now, {}});
    return swarms_.back();
}

void Watch::note_peer(const Exchange& exchange, bool told_is_known) {
    const wire::AnnounceRequest& asked = *exchange.announce;
    SeenSwarm& swarm = swarm_of(asked.info_hash, exchange.time);
    const Endpoint endpoint{exchange.source.address, asked.port};
    auto peer = std::find_if(swarm.peers.begin(), swarm.peers.end(),
                             [&](const SeenPeer& known) { return known.endpoint == endpoint; });
    if (asked.event == wire::AnnounceEvent::Stopped) {
        if (peer != swarm.peers.end()) swarm.peers.erase(peer);
        return;
    }
    if (peer == swarm.peers.end()) {
        if (swarm.peers.size() == kMaxSwarmPeers) {
            swarm.peers.erase(std::min_element(swarm.peers.begin(), swarm.peers.end(),
                                               [](const SeenPeer& a, const SeenPeer& b) { return a.seen < b.seen; }));
        }
        swarm.peers.emplace_back();
        peer = swarm.peers.end() - 1;
        peer->endpoint = endpoint;
    }
    peer->peer_id = asked.peer_id;
    peer->event = asked.event;
    peer->left = asked.left;
    peer->uploaded = asked.uploaded;
    peer->downloaded = asked.downloaded;
    ++peer->announces;
    peer->door = exchange.door;
    peer->seen = exchange.time;
    if (told_is_known) peer->told = told_peers(exchange);
}

void Watch::expire(TimePoint now) {
    for (SeenSwarm& swarm : swarms_) {
        std::erase_if(swarm.peers, [&](const SeenPeer& peer) { return peer.seen + peer_timeout_ <= now; });
    }
    std::erase_if(swarms_,
                  [&](const SeenSwarm& swarm) { return swarm.peers.empty() && swarm.seen + peer_timeout_ <= now; });
}

const SeenExchange* Watch::find(std::uint64_t number) const {
    if (exchanges_.empty() || number < exchanges_.front().number || number > last_number_) return nullptr;
    return &exchanges_[static_cast<std::size_t>(number - exchanges_.front().number)];
}

void Watch::check_invariants() const {
    BT_CHECK(exchanges_.size() <= kMaxExchanges && swarms_.size() <= kMaxSwarms);
    for (const SeenExchange& seen : exchanges_) {
        BT_CHECK(seen.request.size() <= kMaxKeptBytes && seen.answer.size() <= kMaxKeptBytes);
    }
    for (const SeenSwarm& swarm : swarms_) {
        BT_CHECK(swarm.peers.size() <= kMaxSwarmPeers);
        for (const SeenPeer& peer : swarm.peers) BT_CHECK(peer.told.size() <= kMaxTold);
    }
}

}  // namespace bt::tracker
