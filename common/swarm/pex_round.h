#pragma once

// Peer exchange (BEP 11) among all connections of a torrent: who is told of whom, and what is taken of what is heard.
//
// Told of are peers whose listening address is known: those that we dialled there, and those that named their port
// (BEP 10 `p`). Flags: reachable (dialled), encrypted, upload only. When and how much: peer_exchange.h.
// Of what is heard, addresses of peers that are connected already are passed over, and addresses of this machine unless
// the teller is on it. Refused (the peer is dropped): what is no message of BEP 11, and a flood of them.
// Cost: a round is O(peers) while nobody is due, O(peers * log) for each that is; hearing O(peers * log).

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "common/base/result.h"
#include "common/swarm/peer_group.h"
#include "common/telemetry/event.h"

namespace bt::swarm {

// How others reach this peer; nothing while that is not known.
[[nodiscard]] std::optional<wire::PexPeer> as_pex_peer(const PeerConnection& peer);

// Tells everybody whose time has come. `version`: another number (not 0) when there may be something new to tell.
void tell_of_peers(std::map<ConnectionId, PeerConnection>& connections, std::uint64_t version,
                   const telemetry::Telemetry& telemetry, TimePoint now);

// A message of `teller`: the addresses that are new.
[[nodiscard]] Result<std::vector<Endpoint>> hear_of_peers(const std::map<ConnectionId, PeerConnection>& connections,
                                                          PeerConnection& teller, ByteView payload, TimePoint now);

}  // namespace bt::swarm
