#pragma once

// What a person or a program says about downloads: plain values, no parsing, no I/O. The command line
// (client/arguments.h) and `bt::client::Client` fill it, Session reads it.
//
// Seeding when complete ends when seed_ratio or seed_time is reached, whichever comes first; where neither is given
// it ends at once. kForEver as seed_time means: until stopped (or until seed_ratio).

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/time.h"
#include "common/storage/existing.h"
#include "common/transport/encryption_policy.h"

namespace bt::client {

inline constexpr Duration kForEver = Duration::max();
inline constexpr std::uint32_t kDefaultMaxPeers = 50;

struct ClientOptions {
    // what
    std::vector<std::string> torrents;  // .torrent files, magnets, info_hashes in hex
    std::string outdir = ".";
    storage::Existing existing = storage::Existing::Use;  // wanted files that are there already
    bool verify = true;                      // false: finished files of the right length are taken for right, unread
    Duration resume_interval = seconds(30);  // how often what is there is written down
    std::string select;                      // which files, as common/meta/file_selection.h reads it; empty: all
    std::vector<std::string> priorities;     // "PATTERN=low|normal|high|skip", later ones rule
    bool sequential = false;                 // pieces in order, for those who read while it comes

    // how fast; bytes per second, 0: as fast as it goes
    std::uint64_t download_limit = 0;  // all torrents together
    std::uint64_t upload_limit = 0;
    std::uint64_t torrent_download_limit = 0;  // each of them
    std::uint64_t torrent_upload_limit = 0;

    // until when
    std::optional<double> seed_ratio;  // uploaded / size of what was selected
    std::optional<Duration> seed_time;
    std::optional<Duration> timeout;  // give up when nothing has come for so long
    std::string on_complete;          // for /bin/sh -c, once a torrent

    // whom with
    std::optional<Address> bind;                 // listen here and dial from here
    std::uint16_t port = 0;                      // 0: the kernel chooses
    std::optional<Endpoint> listen;              // listen here instead of at `bind` and `port`
    std::uint32_t max_peers = kDefaultMaxPeers;  // connections a torrent
    std::string peers_file;                      // ip:port lines; for every torrent
    transport::EncryptionPolicy encryption = transport::EncryptionPolicy::Prefer;
    bool no_pex = false;  // peers are neither told of nor asked for among peers

    // trackers
    std::optional<Duration> interval_floor;  // never announce more often
    std::string ca_file;                     // PEM roots for https trackers; empty: the system's

    std::optional<std::uint64_t> rng_seed;  // repeatable choices and peer_id
    Duration stats_interval = seconds(1);   // between two `stats` events
};

}  // namespace bt::client
