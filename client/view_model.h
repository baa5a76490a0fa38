#pragma once

// What the views of swarm-client show, as values: Session fills it, view.h makes lines of it. Text in here may come
// from torrents and peers and is raw; the views clean it.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"

namespace bt::client {

enum class Phase : std::uint8_t {
    Waiting,      // nothing done yet
    Metadata,     // a magnet: asking peers what it is
    Checking,     // what lies on the disk is read
    Downloading,  // also while nothing comes
    Seeding,
    Stopping,  // farewells and the last writes
    Done,      // ended well
    Failed,    // ended for `problem`
};

// One connection, for --details. The flag letters are made from this (client/peer_flags.h).
struct PeerView {
    std::string address;  // "1.2.3.4:6881"
    std::string client;   // what it calls itself; may be empty
    bool am_choking = true;
    bool am_interested = false;
    bool peer_choking = true;
    bool peer_interested = false;
    bool optimistic = false;  // our unchoke is the optimistic one
    bool snubbed = false;     // it has let us wait for a minute
    bool incoming = false;
    bool encrypted = false;
    bool from_pex = false;
    bool from_dht = false;
    std::uint32_t have = 0;       // pieces it has
    std::uint64_t down_rate = 0;  // bytes/s, from it
    std::uint64_t up_rate = 0;    // to it
    std::uint32_t requests = 0;   // of ours, unanswered
    std::string choke_reason;     // why we choke it or not, in the choker's words; may be empty
};

struct TorrentView {
    std::string name;       // dn or the info_hash until the metadata is there
    std::string info_hash;  // 40 hex
    Phase phase = Phase::Waiting;
    std::string problem;  // Failed: why. Otherwise something worth saying, or empty

    bool has_metadata = true;
    std::uint64_t wanted = 0;  // bytes of the selected files
    std::uint64_t have = 0;    // of these, verified
    std::uint32_t pieces = 0, have_pieces = 0;
    double checked = 0;   // share, while Checking
    double metadata = 0;  // share, in Metadata, once its size is known

    std::uint64_t down_rate = 0, up_rate = 0;    // bytes/s
    std::uint64_t downloaded = 0, uploaded = 0;  // payload of this run
    std::uint32_t hash_failures = 0;
    std::uint64_t wasted = 0;
    Duration running{};      // since it was added
    Duration since_block{};  // since the last block came, or since it began to run

    std::uint32_t connected = 0;   // past the handshake
    std::uint32_t connecting = 0;  // being dialled or shaking hands
    std::uint32_t known = 0;       // addresses
    std::uint32_t banned = 0;
    std::uint32_t interesting = 0;  // connected, and have what we lack
    std::uint32_t unchoking = 0;    // of these, let us download

    bool has_trackers = false;
    bool tracker_asked = false;                  // an announce is under way
    std::optional<std::uint32_t> tracker_peers;  // in the last answer of any tracker
    std::string tracker_error;                   // of the last announce, when it failed
    std::optional<Duration> next_announce;       // from now

    std::vector<PeerView> peers;  // only filled for --details
};

struct SessionView {
    std::vector<TorrentView> torrents;
    std::uint64_t download_limit = 0, upload_limit = 0;  // in all, 0: none
    Duration running{};
};

}  // namespace bt::client
