#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/rng.h"
#include "common/base/time.h"

namespace bt::swarm {

enum class PeerSource : std::uint8_t { Tracker, Manual, Incoming, Exchange };
[[nodiscard]] std::string_view peer_source_name(PeerSource source);

struct PeerListSettings {
    std::size_t max_peers = 3000;
    std::uint32_t max_failures = 5;               // dials in a row without a handshake before an address is dropped
    Duration first_retry = seconds(5);            // lab; doubled each failure
    Duration longest_retry = minutes(30);
};

class PeerList {
  public:
    PeerList(PeerListSettings settings, Rng rng);

    // True if it was not known. Port 0 and unspecified addresses are refused.
    bool add(const Endpoint& endpoint, PeerSource source, TimePoint now);
    void add_self(const Endpoint& endpoint);      // never dial ourselves (learned by a handshake with our own peer_id)

    // The next address to dial now, if any; it then counts as dialing.
    [[nodiscard]] std::optional<Endpoint> next_to_dial(TimePoint now);
    void on_connected(const Endpoint& endpoint, TimePoint now);       // handshake done
    void on_dial_failed(const Endpoint& endpoint, TimePoint now);
    // A connection that had its handshake is over; `useful`: something was exchanged. A useless one backs off like a failure.
    void on_disconnected(const Endpoint& endpoint, bool useful, TimePoint now);

    void ban(const Address& address, std::string reason);
    [[nodiscard]] bool is_banned(const Address& address) const;

    [[nodiscard]] TimePoint next_deadline() const;   // when next_to_dial may answer something again; kNever if never
    [[nodiscard]] std::size_t known() const;
    [[nodiscard]] std::size_t banned() const;

    void check_invariants() const;
};

}  // namespace bt::swarm
