#pragma once

// What the tracker answers, whatever brought the question (HTTP now, UDP later): a request, the address it came from
// and the time in, a reply out. Pure.
//
// Rules
//  - The peer is where the request came from (source address + `port`), not what `ip=` claims: nobody is put on the
//    list by somebody else. IPv4 inside IPv6 (::ffff:a.b.c.d) is IPv4.
//  - The announcer is stored before the answer is made: it counts in complete / incomplete at once. It is never told
//    about itself.
//  - left = 0 is a seed, all else a leecher (`paused` too, BEP 21). `stopped` takes the peer out, known or not, and is
//    answered without peers.
//  - Static peers come first in every answer that has peers, count against numwant, and are in no statistics: nobody
//    has said what they have. A static peer that announces itself is named once.
//  - Seeds are not told about seeds, they have nothing for each other. Static peers they are told about. Who says left
//    = 0 and has moved no byte yet may be a magnet that does not know its length (aria2 says so): it is told about all.
//  - numwant absent means default_numwant; at most max_numwant; 0 is 0.
//  - Refused by a failure reason "parameter: rule": port 0, and an info_hash that is not configured when some are.

#include <vector>

#include "common/base/endpoint.h"
#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/wire/http_announce.h"
#include "tracker/registry.h"

namespace bt::tracker {

struct AnnounceSettings {
    Duration interval = seconds(30);
    Duration min_interval = seconds(5);
    std::uint32_t default_numwant = 50;
    std::uint32_t max_numwant = 200;
    std::vector<InfoHash> torrents;  // empty: any torrent is tracked
    std::vector<KnownPeer> static_peers;
    RegistrySettings registry;
};

class AnnounceService {
  public:
    AnnounceService(AnnounceSettings settings, Rng rng);

    [[nodiscard]] wire::AnnounceReply announce(const wire::AnnounceRequest& request, const Address& source,
                                               TimePoint now);
    [[nodiscard]] SwarmCounts scrape(const InfoHash& info_hash, TimePoint now) {
        return registry_.counts(info_hash, now);
    }
    // To be called now and then: forgets peers of swarms that nobody asks about.
    std::uint64_t expire(TimePoint now, std::uint32_t max_swarms) { return registry_.expire(now, max_swarms); }

    [[nodiscard]] const Registry& registry() const { return registry_; }
    [[nodiscard]] const AnnounceSettings& settings() const { return settings_; }

  private:
    void choose_peers(const wire::AnnounceRequest& request, const Endpoint& announcer, TimePoint now,
                      std::vector<wire::AnnouncePeer>& out);

    AnnounceSettings settings_;
    Registry registry_;
    std::vector<KnownPeer> sampled_;  // scratch
};

// ::ffff:a.b.c.d as a.b.c.d, everything else as it is.
[[nodiscard]] Address without_v4_mapping(const Address& address);

// A reply that says no.
[[nodiscard]] wire::AnnounceReply refusal(std::string reason);

}  // namespace bt::tracker
