#pragma once

// Where each peer that sends a `key` was last: a peer is its address and port to the swarm, and this tells that one
// that comes from a new address is an old one that moved.
//
// Rules
//  - The same peer: the same torrent, peer id, key and address family (who has both families announces over each).
//    A key is known to its peer and to us only; peer ids are told to everybody.
//  - At most `capacity` are remembered, those that announced last; one forgotten is a new peer when it moves, and its
//    old entry in the swarm expires by itself.
// Cost: O(1), about 100 bytes a peer remembered. Entries are found by a 64-bit keyed hash, nothing else of them is
// kept.

#include <cstdint>
#include <list>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "common/base/endpoint.h"
#include "common/base/rng.h"
#include "common/base/types.h"
#include "common/crypto/siphash.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxIdentities = 100'000;

class IdentityBook {
  public:
    explicit IdentityBook(Rng rng, std::size_t capacity = kMaxIdentities);

    // It is at `now` now. Answers where it was, when that is elsewhere.
    std::optional<Endpoint> moved(const InfoHash& info_hash, const PeerId& peer_id, std::string_view key,
                                  const Endpoint& now);
    void clear();
    [[nodiscard]] std::size_t size() const { return places_.size(); }

  private:
    struct Place {
        std::uint64_t who = 0;
        Endpoint endpoint;
    };
    crypto::SipKey secret_;
    std::size_t capacity_;
    std::list<Place> places_;  // heard of longest ago first
    std::unordered_map<std::uint64_t, std::list<Place>::iterator> index_;
};

}  // namespace bt::tracker
