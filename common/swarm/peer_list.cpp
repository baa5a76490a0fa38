#include "common/swarm/peer_list.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"
#include "common/swarm/peer_priority.h"

namespace bt::swarm {

std::string_view peer_source_name(PeerSource source) {
    switch (source) {
        case PeerSource::Tracker:
            return "tracker";
        case PeerSource::Manual:
            return "manual";
        case PeerSource::Incoming:
            return "incoming";
        case PeerSource::Exchange:
            return "exchange";
        case PeerSource::Magnet:
            return "magnet";
    }
    return "unknown";
}

PeerList::PeerList(PeerListSettings settings, Rng rng) : settings_(settings), rng_(rng) {}

bool PeerList::add(const Endpoint& endpoint, PeerSource source, TimePoint now) {
    if (endpoint.port == 0 || endpoint.address.is_unspecified()) return false;
    if (is_self(endpoint) || is_banned(endpoint.address)) return false;
    if (Peer* known = find(endpoint)) {
        const bool unofficial = known->source == PeerSource::Exchange || known->source == PeerSource::Magnet;
        if (source == PeerSource::Manual || (source == PeerSource::Tracker && unofficial)) known->source = source;
        return false;
    }
    if (peers_.size() >= settings_.max_peers && !make_place()) return false;
    Peer& peer = peers_[endpoint];
    peer.source = source;
    rest(endpoint, peer, now);
    return true;
}

std::vector<Endpoint> PeerList::forget_sources(std::initializer_list<PeerSource> sources) {
    std::vector<Endpoint> gone;
    std::vector<Endpoint> busy;
    for (const auto& [endpoint, peer] : peers_) {
        if (std::ranges::find(sources, peer.source) == sources.end()) continue;
        gone.push_back(endpoint);
        if (peer.state != State::Idle) busy.push_back(endpoint);
    }
    for (const Endpoint& endpoint : gone) forget(endpoint);
    return busy;
}

void PeerList::note_own_endpoint(const Endpoint& endpoint) {
    if (!own_ && !endpoint.address.is_unspecified()) own_ = endpoint;
}

void PeerList::add_self(const Endpoint& endpoint) {
    if (is_self(endpoint)) return;
    if (self_.size() == kMaxSelf) self_.pop_front();
    self_.push_back(endpoint);
    forget(endpoint);
}

std::optional<Endpoint> PeerList::next_to_dial(TimePoint now) {
    while (!waiting_.empty() && waiting_.begin()->retry_at <= now) {
        const Endpoint endpoint = waiting_.begin()->endpoint;
        waiting_.erase(waiting_.begin());
        const Peer& peer = peers_.at(endpoint);
        ready_.insert({peer.failures, peer.draw, endpoint});
    }
    if (ready_.empty()) return std::nullopt;
    const Endpoint endpoint = ready_.begin()->endpoint;
    ready_.erase(ready_.begin());
    peers_.at(endpoint).state = State::Dialing;
    return endpoint;
}

void PeerList::on_connected(const Endpoint& endpoint, TimePoint /*now*/) {
    Peer* peer = find(endpoint);
    if (peer == nullptr) return;
    leave_queues(endpoint, *peer);
    peer->state = State::Connected;
    peer->failed_dials = 0;
}

void PeerList::on_dial_failed(const Endpoint& endpoint, TimePoint now) {
    Peer* peer = find(endpoint);
    if (peer == nullptr || peer->state != State::Dialing) return;
    if (++peer->failed_dials >= settings_.max_failures && peer->source != PeerSource::Manual) {
        forget(endpoint);
        return;
    }
    fail(endpoint, *peer, now);
}

transport::DialWay PeerList::way_to_dial(const Endpoint& endpoint, transport::EncryptionPolicy policy) const {
    const auto it = peers_.find(endpoint);
    return it == peers_.end() ? transport::WayMemory().next(policy) : it->second.way.next(policy);
}

bool PeerList::on_way_refused(const Endpoint& endpoint, transport::DialWay way, transport::EncryptionPolicy policy,
                              TimePoint now) {
    Peer* peer = find(endpoint);
    if (peer == nullptr || peer->state != State::Dialing) return false;
    if (!peer->way.on_refused(way, policy)) {
        on_dial_failed(endpoint, now);
        return false;
    }
    rest(endpoint, *peer, now);
    return true;
}

void PeerList::on_way_accepted(const Endpoint& endpoint, transport::DialWay way) {
    if (Peer* peer = find(endpoint)) peer->way.on_accepted(way);
}

void PeerList::on_disconnected(const Endpoint& endpoint, bool useful, TimePoint now) {
    Peer* peer = find(endpoint);
    if (peer == nullptr || peer->state != State::Connected) return;
    if (!useful) {
        fail(endpoint, *peer, now);
        return;
    }
    peer->failures = 0;
    rest(endpoint, *peer, now + settings_.first_retry);
}

void PeerList::ban(const Address& address, std::string reason) {
    if (!bans_.emplace(address, std::move(reason)).second) return;
    ban_order_.push_back(address);
    if (ban_order_.size() > kMaxBans) {
        bans_.erase(ban_order_.front());
        ban_order_.pop_front();
    }
    std::vector<Endpoint> gone;
    for (const auto& [endpoint, peer] : peers_) {
        if (endpoint.address == address) gone.push_back(endpoint);
    }
    for (const Endpoint& endpoint : gone) forget(endpoint);
}

bool PeerList::is_banned(const Address& address) const { return bans_.contains(address); }

std::optional<std::string_view> PeerList::ban_reason(const Address& address) const {
    const auto it = bans_.find(address);
    if (it == bans_.end()) return std::nullopt;
    return it->second;
}

TimePoint PeerList::next_deadline() const {
    if (!ready_.empty()) return peers_.at(ready_.begin()->endpoint).retry_at;
    return waiting_.empty() ? kNever : waiting_.begin()->retry_at;
}

std::optional<PeerSource> PeerList::source_of(const Endpoint& endpoint) const {
    const auto it = peers_.find(endpoint);
    if (it == peers_.end()) return std::nullopt;
    return it->second.source;
}

bool PeerList::is_self(const Endpoint& endpoint) const {
    return std::find(self_.begin(), self_.end(), endpoint) != self_.end();
}

PeerList::Peer* PeerList::find(const Endpoint& endpoint) {
    const auto it = peers_.find(endpoint);
    return it == peers_.end() ? nullptr : &it->second;
}

// The wait after the failure that `failures` others went before.
Duration PeerList::retry_after(std::uint32_t failures) const {
    Duration wait = std::min(settings_.first_retry, settings_.longest_retry);
    for (; failures > 0 && wait < settings_.longest_retry; --failures) {
        wait = wait > settings_.longest_retry / 2 ? settings_.longest_retry : wait * 2;
        if (wait == Duration::zero()) break;
    }
    return wait;
}

// The higher the priority, the lower.
std::uint64_t PeerList::draw_for(const Endpoint& endpoint) {
    const std::uint64_t random = rng_.next();
    if (!own_ || own_->address.family() != endpoint.address.family()) return random;
    return std::uint64_t{UINT32_MAX - peer_priority(*own_, endpoint)} << 32 | random >> 32;
}

void PeerList::rest(const Endpoint& endpoint, Peer& peer, TimePoint retry_at) {
    peer.state = State::Idle;
    peer.retry_at = retry_at;
    peer.draw = draw_for(endpoint);
    waiting_.insert({retry_at, endpoint});
}

void PeerList::leave_queues(const Endpoint& endpoint, const Peer& peer) {
    if (peer.state != State::Idle) return;
    waiting_.erase({peer.retry_at, endpoint});
    ready_.erase({peer.failures, peer.draw, endpoint});
}

void PeerList::fail(const Endpoint& endpoint, Peer& peer, TimePoint now) {
    const Duration wait = retry_after(peer.failures);
    ++peer.failures;
    rest(endpoint, peer, now + wait);
}

void PeerList::forget(const Endpoint& endpoint) {
    const Peer* peer = find(endpoint);
    if (peer == nullptr) return;
    leave_queues(endpoint, *peer);
    peers_.erase(endpoint);
}

bool PeerList::make_place() {
    const Endpoint* worst = nullptr;
    std::uint32_t failures = 0;
    for (const auto& [endpoint, peer] : peers_) {
        if (peer.state != State::Idle || peer.source == PeerSource::Manual || peer.failures <= failures) continue;
        worst = &endpoint;
        failures = peer.failures;
    }
    if (worst == nullptr) return false;
    forget(Endpoint(*worst));
    return true;
}

void PeerList::check_invariants() const {
    BT_CHECK(peers_.size() <= settings_.max_peers);
    BT_CHECK(bans_.size() == ban_order_.size() && bans_.size() <= kMaxBans && self_.size() <= kMaxSelf);
    std::size_t idle = 0;
    for (const auto& [endpoint, peer] : peers_) {
        BT_CHECK(endpoint.port != 0 && !is_banned(endpoint.address) && !is_self(endpoint));
        const bool waits = waiting_.contains({peer.retry_at, endpoint});
        const bool is_ready = ready_.contains({peer.failures, peer.draw, endpoint});
        BT_CHECK(peer.state == State::Idle ? waits != is_ready : !waits && !is_ready);
        BT_CHECK(peer.failed_dials < settings_.max_failures || peer.source == PeerSource::Manual);
        idle += peer.state == State::Idle ? 1 : 0;
    }
    BT_CHECK(waiting_.size() + ready_.size() == idle);
}

}  // namespace bt::swarm
