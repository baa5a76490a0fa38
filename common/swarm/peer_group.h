#pragma once

// The connections of one torrent as their owner (common/engine) drives them: bytes and time go in, outputs and drops
// come out, whatever the connections are used for. Two kinds: MetadataSwarm while the metainfo is not known, Torrent
// behind that. Both keep the same addresses and let the same peers in:
//  - not ourselves (the address is never dialled again), no banned address;
//  - one connection a peer_id. Both sides dialled each other: both keep the connection that the larger peer_id made,
//    so that one survives. Two from the same side: the older one stays. The address that was dialled in vain is taken
//    for connected as long as the peer is, or every announce would have it dialled again.

#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/swarm/choker.h"
#include "common/swarm/metadata_server.h"
#include "common/swarm/peer_exchange.h"
#include "common/swarm/peer_list.h"
#include "common/swarm/peer_session.h"
#include "common/telemetry/event.h"
#include "common/transport/encryption_policy.h"

namespace bt::swarm {

struct PeerToDrop {
    ConnectionId connection;
    Error error;
};

// One connection of the torrent; stable in memory while it lives.
struct PeerConnection {
    std::unique_ptr<PeerSession> session;
    Endpoint endpoint;  // of the stream
    PeerId peer_id{};
    bool outgoing = false;
    transport::StreamCrypto crypto = transport::StreamCrypto::None;
    std::uint32_t interesting = 0;            // pieces it has that we want and lack
    std::optional<ChokeReason> choke_reason;  // of the choker's last decision on it
    bool needs_refill = false;
    bool stalled = false;                  // let a request expire and has delivered nothing since
    std::optional<PieceIndex> prefetched;  // piece last hinted to the disk for it
    std::optional<Endpoint> also_at;       // an address that led to this peer again; not dialled while it is here
    PeerExchange exchange;                 // what it was told of our other peers, and told us
    MetadataQuota metadata_quota;          // what it may still ask of the metadata
    bool fast_offered = false;             // it was told what it may have of us while it is choked, or needs nothing
    std::vector<PieceIndex> hinted;        // pieces that we suggested and it has not asked for
    std::vector<PieceIndex> untold;        // pieces that we have and it has not been told of
};

class PeerGroup {
  public:
    virtual ~PeerGroup() = default;

    // A connection got past its handshake. Error: it must be closed instead.
    [[nodiscard]] virtual Result<PeerConnection*> on_peer_connected(ConnectionId id, const Endpoint& endpoint,
                                                                    bool outgoing, const wire::Handshake& remote,
                                                                    TimePoint now, transport::StreamCrypto crypto) = 0;
    // Error: drop the connection for it (call on_peer_gone then).
    [[nodiscard]] virtual Status on_message(PeerConnection& peer, const wire::Message& message, TimePoint now) = 0;
    virtual void on_peer_gone(ConnectionId id, const Error& reason, TimePoint now) = 0;
    virtual void on_deadline(TimePoint now) = 0;
    [[nodiscard]] virtual TimePoint next_deadline() const = 0;
    // Decisions of the turn. Then the owner sends every non-empty output.
    virtual void settle(TimePoint now) = 0;
    // The output of a connection is empty: answers whether there was more to put into it.
    virtual bool fill_output(PeerConnection& peer, TimePoint now) = 0;
    // Whether more peers would be of use.
    [[nodiscard]] virtual bool wants_peers() const = 0;
    virtual void check_invariants() const = 0;

    [[nodiscard]] std::vector<PeerToDrop> take_drops() { return std::exchange(drops_, {}); }
    [[nodiscard]] PeerList& peer_list() { return peer_list_; }
    [[nodiscard]] const PeerList& peer_list() const { return peer_list_; }
    [[nodiscard]] const std::map<ConnectionId, PeerConnection>& connections() const { return connections_; }
    [[nodiscard]] std::map<ConnectionId, PeerConnection>& connections() { return connections_; }

  protected:
    PeerGroup(const PeerId& own_peer_id, PeerListSettings settings, Rng rng, telemetry::Telemetry telemetry);

    // The rules above; notes at the peer list what follows from them. The connection that was let in has no session
    // yet; `peer_connected` was said of it.
    [[nodiscard]] Result<PeerConnection> admit(ConnectionId id, const Endpoint& endpoint, bool outgoing,
                                               const PeerId& remote, transport::StreamCrypto crypto, TimePoint now);
    // Takes the connection out and tells the peer list how it ended.
    void remove(ConnectionId id, bool useful, TimePoint now);
    void drop(ConnectionId id, Error error) { drops_.push_back({id, std::move(error)}); }

    PeerId own_peer_id_;
    telemetry::Telemetry telemetry_;
    PeerList peer_list_;
    std::map<ConnectionId, PeerConnection> connections_;
    std::vector<PeerToDrop> drops_;

  private:
    [[nodiscard]] std::optional<Error> resolve_duplicate(const PeerId& remote, const Endpoint& endpoint, bool outgoing,
                                                         TimePoint now);
};

}  // namespace bt::swarm
