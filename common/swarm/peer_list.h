#pragma once

// The addresses of one torrent's peers: which to dial next, when, and which never.
//
// An address is idle (may be dialed once its retry time has come), dialing, or connected.
//
// Rules
//  - Dial order: fewest failures first (an address never tried has none); among equals, so that the peers of a swarm do
//    not all dial the same address first, by canonical priority (BEP 40, peer_priority.h) where our own address of that
//    family is known, else at random. A peer that lies to us about our address changes this order, and nothing else.
//  - A failed dial, or a connection over which nothing was exchanged, is a failure: the next try comes after
//    first_retry, and twice that for each further failure, longest_retry at most. A useful connection that ends clears
//    the failures; the address may be dialed again after first_retry (an address that drops us is not hammered).
//  - max_failures dials in a row without a handshake drop the address, so that dead ones make room: it is new when
//    somebody names it again. Addresses the user gave (Manual) are not dropped, nobody would name them again.
//  - Port 0, unspecified addresses, our own endpoints and banned addresses are refused. A ban covers all ports of an
//    address and removes what is known of it; at most kMaxBans, the oldest is forgotten first.
//  - At most max_peers addresses. When full, a newcomer takes the place of the idle address that has most failures
//    (not a Manual one, of equals the least); if none has failed, it is refused.
//  - What concerns an address that is not known (an incoming connection's, a dropped or banned one's) or is not in
//    the fitting state changes nothing, so the caller need not remember.
//
// Cost: O(log n) a call; ban() and a newcomer to a full list O(n).

#include <cstdint>
#include <deque>
#include <initializer_list>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/transport/way_memory.h"

namespace bt::swarm {

enum class PeerSource : std::uint8_t { Tracker, Manual, Incoming, Exchange, Magnet };
[[nodiscard]] std::string_view peer_source_name(PeerSource source);

struct PeerListSettings {
    std::size_t max_peers = 3000;
    std::uint32_t max_failures = 5;     // dials in a row without a handshake before an address is dropped
    Duration first_retry = seconds(5);  // lab; doubled each failure
    Duration longest_retry = minutes(30);
};

class PeerList {
  public:
    static constexpr std::size_t kMaxBans = 4096;
    static constexpr std::size_t kMaxSelf = 64;  // a peer can pretend to be us on as many addresses as it likes

    PeerList(PeerListSettings settings, Rng rng);

    // True if it was not known and is now. Port 0 and unspecified addresses are refused. A known address that the user
    // names too becomes Manual, one that a tracker names becomes Tracker where a magnet or a peer (Exchange) was the
    // source; else the first source stays.
    bool add(const Endpoint& endpoint, PeerSource source, TimePoint now);
    // Forgets every address whose only sources are these; answers those that were connected or being dialled.
    std::vector<Endpoint> forget_sources(std::initializer_list<PeerSource> sources);
    // Where others see us: from the user, or as a peer says. The first one stays.
    void note_own_endpoint(const Endpoint& endpoint);
    void add_self(const Endpoint& endpoint);  // never dial ourselves (learned by a handshake with our own peer_id)

    // The next address to dial now, if any; it then counts as dialing until one of the on_ calls.
    [[nodiscard]] std::optional<Endpoint> next_to_dial(TimePoint now);
    void on_connected(const Endpoint& endpoint, TimePoint now);  // handshake done
    void on_dial_failed(const Endpoint& endpoint, TimePoint now);
    // How to dial this address now, and what came of it: a stream that was connected and ended before the peer's
    // handshake (the address is ready again at once where the other way is still to be tried, else the dial failed), or
    // the handshake.
    [[nodiscard]] transport::DialWay way_to_dial(const Endpoint& endpoint, transport::EncryptionPolicy policy) const;
    [[nodiscard]] bool on_way_refused(const Endpoint& endpoint, transport::DialWay way,
                                      transport::EncryptionPolicy policy, TimePoint now);
    void on_way_accepted(const Endpoint& endpoint, transport::DialWay way);
    // A connection that had its handshake is over; `useful`: something was exchanged. A useless one backs off like a
    // failure.
    void on_disconnected(const Endpoint& endpoint, bool useful, TimePoint now);

    void ban(const Address& address, std::string reason);  // the first reason stays
    [[nodiscard]] bool is_banned(const Address& address) const;
    [[nodiscard]] std::optional<std::string_view> ban_reason(const Address& address) const;

    // When next_to_dial may answer something again (a time in the past: now); kNever if never. A caller at its own
    // limit of dials must not wake up for this.
    [[nodiscard]] TimePoint next_deadline() const;
    [[nodiscard]] std::size_t known() const { return peers_.size(); }
    [[nodiscard]] std::size_t banned() const { return bans_.size(); }
    [[nodiscard]] std::optional<PeerSource> source_of(const Endpoint& endpoint) const;

    void check_invariants() const;

  private:
    enum class State : std::uint8_t { Idle, Dialing, Connected };
    struct Peer {
        State state = State::Idle;
        PeerSource source = PeerSource::Tracker;
        std::uint32_t failures = 0;      // since the last useful connection
        std::uint32_t failed_dials = 0;  // in a row without a handshake
        transport::WayMemory way;
        TimePoint retry_at;      // idle only, as is `draw`
        std::uint64_t draw = 0;  // order among equals
    };
    // An idle address is in exactly one of the two: waiting for its time, or ready.
    struct Waiting {
        TimePoint retry_at;
        Endpoint endpoint;
        friend auto operator<=>(const Waiting&, const Waiting&) = default;
    };
    struct Ready {
        std::uint32_t failures;
        std::uint64_t draw;
        Endpoint endpoint;
        friend auto operator<=>(const Ready&, const Ready&) = default;
    };

    [[nodiscard]] bool is_self(const Endpoint& endpoint) const;
    [[nodiscard]] Peer* find(const Endpoint& endpoint);
    [[nodiscard]] Duration retry_after(std::uint32_t failures) const;
    [[nodiscard]] std::uint64_t draw_for(const Endpoint& endpoint);
    void rest(const Endpoint& endpoint, Peer& peer, TimePoint retry_at);
    void leave_queues(const Endpoint& endpoint, const Peer& peer);
    void fail(const Endpoint& endpoint, Peer& peer, TimePoint now);
    void forget(const Endpoint& endpoint);
    [[nodiscard]] bool make_place();

    PeerListSettings settings_;
    Rng rng_;
    std::optional<Endpoint> own_;
    std::map<Endpoint, Peer> peers_;
    std::set<Waiting> waiting_;
    std::set<Ready> ready_;
    std::deque<Endpoint> self_;
    std::map<Address, std::string> bans_;
    std::deque<Address> ban_order_;  // oldest first
};

}  // namespace bt::swarm
