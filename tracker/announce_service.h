#pragma once

// What the tracker answers, whatever brought the question (HTTP, HTTPS, UDP): a request, who asks and the time in, a
// reply out. Pure.
//
// Rules
//  - The peer is where the request came from (source address + `port`), not what `ip=` claims, but for sources listed
//    in ip_sources: nobody is put on the list by somebody else. IPv4 inside IPv6 (::ffff:a.b.c.d) is IPv4; a loopback
//    address becomes the one that stands for it, if one does.
//  - A peer that sends a `key` and comes from a new address, of the family it had, has moved: its old entry goes
//    (identity_book.h). follows_key off: each address and port is a peer of its own.
//  - The announcer is stored before the answer is made: it counts in complete / incomplete at once, unless counts_self
//    is off.
//  - left = 0 is a seed, all else a leecher (`paused` too, BEP 21). `stopped` takes the peer out, known or not, and is
//    answered without peers.
//  - Static peers come first in every answer that has peers, in their order, count against numwant, and are in no
//    statistics: nobody has said what they have. A static peer that announces itself is named once. With
//    StaticPeers::Only nobody else is named.
//  - Seeds are not told about seeds, they have nothing for each other. Static peers they are told about. Who says left
//    = 0 and has moved no byte yet may be a magnet that does not know its length (aria2 says so): it is told about all.
//  - Random order: each peer equally likely, those of the asker's family before the other. Fixed: by address and port,
//    always the lowest ones; it looks at the whole swarm.
//  - The announcer in its own list: never; when it would be empty; always (then in the last place).
//  - numwant absent means default_numwant; at most max_numwant; 0 is 0.
//  - interval: of the torrent, else of the door, else the common one; plus or minus jitter, whole seconds, at least 1.
//    min interval: of the torrent, else the common one; never above the interval.
//  - Refused by a failure reason "parameter: rule": an unknown passkey, port 0, an info_hash that is denied, or not
//    listed where some are, an `ip=` of a listed source that is no address.
//  - Scrape of what is not served answers zeros.

#include <memory>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/wire/http_announce.h"
#include "tracker/announce_settings.h"
#include "tracker/exchange.h"
#include "tracker/identity_book.h"
#include "tracker/registry.h"

namespace bt::tracker {

struct Asker {
    Address source;
    Door door = Door::Http;
    std::string_view passkey;
};

struct QuickReply {
    std::uint32_t interval_s = 0;
    std::uint32_t min_interval_s = 0;
    SwarmCounts counts;
};

class AnnounceService {
  public:
    // With `registry`, others ask that one too (RegistrySettings::is_shared); nullptr: one of its own.
    AnnounceService(AnnounceSettings settings, Rng rng, std::shared_ptr<Registry> registry = nullptr);

    [[nodiscard]] wire::AnnounceReply announce(const wire::AnnounceRequest& request, const Asker& asker, TimePoint now);
    [[nodiscard]] wire::AnnounceReply announce(const wire::AnnounceRequest& request, const Address& source,
                                               TimePoint now) {
        return announce(request, Asker{source, Door::Http, {}}, now);
    }
    // The same for a door that wants compact peers and nothing else, without memory of its own. False: as things are
    // set, or for this request, there is more to an answer than that, and announce() is to be asked; nothing has
    // happened then. `v4` or `v6` may be nullptr: nobody of that family is named.
    bool announce_quickly(const wire::AnnounceRequest& request, const Asker& asker, TimePoint now, QuickReply& reply,
                          ByteBuffer* v4, ByteBuffer* v6);
    [[nodiscard]] SwarmCounts scrape(const InfoHash& info_hash, TimePoint now) {
        return registry_->counts(info_hash, now);
    }
    // To be called now and then: forgets peers of swarms that nobody asks about.
    Registry::Sweep expire(TimePoint now, std::uint32_t budget) { return registry_->expire(now, budget); }

    // True when there is nothing to know, too.
    [[nodiscard]] bool knows_passkey(std::string_view passkey) const;
    // Where others are told that this announcer is. Nothing: its `ip=` counts and is no address.
    [[nodiscard]] std::optional<Address> peer_address(const wire::AnnounceRequest& request,
                                                      const Address& source) const;

    // From now on; who is in the swarms stays.
    void configure(AnnounceSettings settings);

    [[nodiscard]] const Registry& registry() const { return *registry_; }
    [[nodiscard]] const AnnounceSettings& settings() const { return settings_; }

  private:
    using Peers = std::vector<wire::AnnouncePeer>;
    [[nodiscard]] std::optional<wire::AnnounceReply> refuse(const wire::AnnounceRequest& request,
                                                            const Asker& asker) const;
    [[nodiscard]] wire::AnnounceReply policy_refusal(std::string reason) const;
    [[nodiscard]] bool is_served(const InfoHash& info_hash) const;
    struct Times {
        std::uint32_t interval_s = 0;
        std::uint32_t min_interval_s = 0;
    };
    [[nodiscard]] Times times(const TorrentSettings* torrent, Door door);
    void choose_peers(const wire::AnnounceRequest& request, const TorrentSettings* torrent, const Endpoint& announcer,
                      TimePoint now, Peers& out);
    void draw_peers(const wire::AnnounceRequest& request, const Endpoint& announcer, std::size_t want,
                    std::size_t static_peers, TimePoint now, Peers& out);

    [[nodiscard]] static bool allows_quick_answers(const AnnounceSettings& settings);

    AnnounceSettings settings_;
    bool is_quick_ = false;
    Rng rng_;  // of the jitter
    std::shared_ptr<Registry> registry_;
    IdentityBook identities_;
    std::vector<KnownPeer> sampled_;  // scratch
};

// ::ffff:a.b.c.d as a.b.c.d, everything else as it is.
[[nodiscard]] Address without_v4_mapping(const Address& address);

// The passkey of /PASSKEY/announce, "" where there is none. A query behind it does no harm.
[[nodiscard]] std::string_view passkey_of(std::string_view path);

// A reply that says no.
[[nodiscard]] wire::AnnounceReply refusal(std::string reason);

}  // namespace bt::tracker
