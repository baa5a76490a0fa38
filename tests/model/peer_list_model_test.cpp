#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "common/base/rng.h"
#include "common/swarm/peer_list.h"
#include "tests/support/catch.h"

using namespace bt;
using swarm::PeerList;
using swarm::PeerListSettings;
using swarm::PeerSource;

namespace {

// The contract of the peer list as a table that is walked over for every question. Which of several equal addresses is
// dialed is random, so the answer is judged and not predicted.
class PeerListModel {
  public:
    explicit PeerListModel(PeerListSettings settings) : settings_(settings) {}

    bool add(const Endpoint& endpoint, PeerSource source, TimePoint now) {
        if (endpoint.port == 0 || endpoint.address.is_unspecified()) return false;
        if (self_.contains(endpoint) || bans_.contains(endpoint.address)) return false;
        if (peers_.contains(endpoint)) {
            if (source == PeerSource::Manual) peers_[endpoint].is_manual = true;
            return false;
        }
        if (peers_.size() == settings_.max_peers) {
            std::optional<Endpoint> worst;
            for (const auto& [other, peer] : peers_) {
                if (peer.state != State::Idle || peer.is_manual || peer.failures == 0) continue;
                if (!worst || peer.failures > peers_[*worst].failures) worst = other;
            }
            if (!worst) return false;
            peers_.erase(*worst);
        }
        peers_[endpoint] = {.is_manual = source == PeerSource::Manual, .retry_at = now};
        return true;
    }
    void add_self(const Endpoint& endpoint) {
        self_.insert(endpoint);
        peers_.erase(endpoint);
    }
    bool accepts_dial(const std::optional<Endpoint>& dialed, TimePoint now) {
        std::optional<std::uint32_t> fewest;
        for (const auto& [endpoint, peer] : peers_) {
            if (peer.state != State::Idle || peer.retry_at > now) continue;
            fewest = std::min(fewest.value_or(peer.failures), peer.failures);
        }
        if (!dialed) return !fewest;
        if (!fewest || !peers_.contains(*dialed)) return false;
        Peer& peer = peers_[*dialed];
        if (peer.state != State::Idle || peer.retry_at > now || peer.failures != *fewest) return false;
        peer.state = State::Dialing;
        return true;
    }
    void on_connected(const Endpoint& endpoint) {
        if (!peers_.contains(endpoint)) return;
        peers_[endpoint].state = State::Connected;
        peers_[endpoint].failed_dials = 0;
    }
    void on_dial_failed(const Endpoint& endpoint, TimePoint now) {
        if (!peers_.contains(endpoint) || peers_[endpoint].state != State::Dialing) return;
        Peer& peer = peers_[endpoint];
        if (++peer.failed_dials >= settings_.max_failures && !peer.is_manual) {
            peers_.erase(endpoint);
            return;
        }
        fail(peer, now);
    }
    void on_disconnected(const Endpoint& endpoint, bool useful, TimePoint now) {
        if (!peers_.contains(endpoint) || peers_[endpoint].state != State::Connected) return;
        Peer& peer = peers_[endpoint];
        if (useful) {
            peer.failures = 0;
            peer.state = State::Idle;
            peer.retry_at = now + settings_.first_retry;
        } else {
            fail(peer, now);
        }
    }
    void ban(const Address& address) {
        bans_.insert(address);
        std::erase_if(peers_, [&](const auto& entry) { return entry.first.address == address; });
    }
    // When something can be dialed; a time not after `now` counts as now.
    TimePoint next_deadline(TimePoint now) const {
        TimePoint earliest = kNever;
        for (const auto& [endpoint, peer] : peers_) {
            if (peer.state == State::Idle) earliest = std::min(earliest, peer.retry_at);
        }
        return earliest == kNever ? kNever : std::max(earliest, now);
    }
    std::size_t known() const { return peers_.size(); }
    std::size_t banned() const { return bans_.size(); }

  private:
    enum class State : std::uint8_t { Idle, Dialing, Connected };
    struct Peer {
        State state = State::Idle;
        bool is_manual = false;
        std::uint32_t failures = 0;
        std::uint32_t failed_dials = 0;
        TimePoint retry_at;
    };
    void fail(Peer& peer, TimePoint now) {
        Duration wait = settings_.first_retry;
        for (std::uint32_t i = 0; i < peer.failures; ++i) wait = std::min(wait * 2, settings_.longest_retry);
        ++peer.failures;
        peer.state = State::Idle;
        peer.retry_at = now + wait;
    }

    PeerListSettings settings_;
    std::map<Endpoint, Peer> peers_;
    std::set<Endpoint> self_;
    std::set<Address> bans_;
};

Endpoint random_endpoint(Rng& rng) {
    const auto host = static_cast<Byte>(rng.below(12));
    return {Address::v4({host == 0 ? Byte{0} : Byte{10}, 0, 0, host}), static_cast<std::uint16_t>(rng.below(4))};
}

}  // namespace

TEST_CASE("the peer list agrees with its naive model over random call sequences") {
    std::uint32_t dials = 0;
    for (std::uint64_t rng_seed = 1; rng_seed <= 60; ++rng_seed) {
        Rng rng(rng_seed);
        PeerListSettings settings;
        settings.max_peers = 1 + rng.below(20);
        settings.max_failures = 1 + static_cast<std::uint32_t>(rng.below(5));
        settings.longest_retry = seconds(60);
        PeerList list(settings, rng.fork(1));
        PeerListModel model(settings);
        TimePoint now{};
        for (int step = 0; step < 1000; ++step) {
            CAPTURE(rng_seed, step);
            const Endpoint endpoint = random_endpoint(rng);
            switch (rng.below(16)) {
                case 0:
                case 1:
                case 2: {
                    const auto source = static_cast<PeerSource>(rng.below(4));
                    REQUIRE(list.add(endpoint, source, now) == model.add(endpoint, source, now));
                    break;
                }
                case 3:
                    if (rng.chance(1, 20)) {
                        list.add_self(endpoint);
                        model.add_self(endpoint);
                    }
                    break;
                case 4:
                    if (rng.chance(1, 20)) {
                        list.ban(endpoint.address, "test");
                        model.ban(endpoint.address);
                    }
                    break;
                case 5:
                case 6:
                case 7: {
                    const auto dialed = list.next_to_dial(now);
                    REQUIRE(model.accepts_dial(dialed, now));
                    dials += dialed ? 1 : 0;
                    break;
                }
                case 8:
                case 9:
                case 10:
                    list.on_dial_failed(endpoint, now);
                    model.on_dial_failed(endpoint, now);
                    break;
                case 11:
                case 12:
                    list.on_connected(endpoint, now);
                    model.on_connected(endpoint);
                    break;
                case 13:
                case 14: {
                    const bool useful = rng.chance(1, 2);
                    list.on_disconnected(endpoint, useful, now);
                    model.on_disconnected(endpoint, useful, now);
                    break;
                }
                default:
                    now += milliseconds(rng.below(4000));
            }
            list.check_invariants();
            REQUIRE(list.known() == model.known());
            REQUIRE(list.banned() == model.banned());
            const TimePoint deadline = list.next_deadline();
            REQUIRE((deadline == kNever ? kNever : std::max(deadline, now)) == model.next_deadline(now));
        }
    }
    CHECK(dials > 1000);
}
