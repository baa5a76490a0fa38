#pragma once

// Everything that can be set about what the tracker answers. announce_service.h says what each thing does.

#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "common/base/address_range.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/wire/http_announce.h"
#include "tracker/hash_list.h"
#include "tracker/registry.h"

namespace bt::tracker {

enum class PeerOrder : std::uint8_t { Random, Fixed };
enum class SelfInList : std::uint8_t { Never, WhenAlone, Always };
enum class StaticPeers : std::uint8_t { First, Only };

// What one torrent has of its own.
struct TorrentSettings {
    std::optional<Duration> interval;
    std::optional<Duration> min_interval;
    std::vector<KnownPeer> static_peers;  // behind those of all torrents
};

struct AnnounceSettings {
    Duration interval = seconds(30);
    Duration min_interval = seconds(5);
    std::optional<Duration> udp_interval;         // nothing: as interval
    Duration interval_jitter = Duration::zero();  // an answer's interval lies at most so far from what is set
    std::uint32_t default_numwant = 50;
    std::uint32_t max_numwant = 200;

    PeerOrder order = PeerOrder::Random;
    SelfInList self_in_list = SelfInList::Never;
    bool counts_self = true;
    StaticPeers static_mode = StaticPeers::First;
    std::vector<KnownPeer> static_peers;

    std::vector<InfoHash> torrents;  // served, and never forgotten; with `allowed` empty too: any torrent is tracked
    HashList allowed;                // served too
    HashList denied;                 // never served
    std::unordered_map<InfoHash, TorrentSettings, InfoHashHash> per_torrent;
    std::unordered_set<std::string> passkeys;  // empty: none is asked for

    std::string tracker_id;
    std::string warning;  // in every answer that is no refusal
    bool external_ip = false;
    std::optional<wire::RetryIn> retry_in;  // with refusals that a later announce could meet as well

    std::vector<AddressRange> ip_sources;  // may say with `ip=` where they are
    std::optional<Address> loopback_v4;    // stand for loopback addresses
    std::optional<Address> loopback_v6;
    bool follows_key = true;

    RegistrySettings registry;
};

}  // namespace bt::tracker
