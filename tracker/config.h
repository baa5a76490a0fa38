#pragma once

// The tracker's configuration file: TOML or JSON, by its ending. The smallest one is
//   port = 6881
//   torrentFile = "../torrents/x.torrent"
//   [[peers]]
//   peerId = "-XX0001-abcdefghijkl"
//   ip = "127.0.0.5"
//   port = 7001
// default_config_text() shows every key. Relative paths in it are relative to its folder.
// Errors: InvalidConfig "FILE:LINE: …" for everything that stands wrong in the file; InvalidBencode or InvalidMetainfo
// with the same beginning for a torrent file that is none; the system's when the file itself cannot be read.

#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/telemetry/event.h"
#include "tracker/tracker_node.h"

namespace bt::tracker {

struct Config {
    Endpoint listen;
    NodeSettings node;
    std::optional<std::uint64_t> rng_seed;
    std::optional<std::string> events;  // path or fd:N
    std::optional<telemetry::Level> events_level;
    std::vector<std::string> torrent_names;  // of node.announce.torrents, for people
};

[[nodiscard]] Result<Config> load_config(const std::string& path);
// A commented configuration with every key and its default.
[[nodiscard]] std::string default_config_text();

}  // namespace bt::tracker
