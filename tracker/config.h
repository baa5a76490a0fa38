#pragma once

// The tracker's configuration file: TOML or JSON, by its ending. The smallest one is
//   port = 6881
//   torrentFile = "../torrents/x.torrent"
//   [[peers]]
//   peerId = "-XX0001-abcdefghijkl"
//   ip = "127.0.0.5"
//   port = 7001
// docs/formats.md has each key, default_config_text() too. Relative paths in it are relative to its folder.
// Doors: `port` opens HTTP and UDP on that number, on `bind`, or on all addresses of both families; [http] and [udp]
// say otherwise for theirs; [https] opens HTTPS. Errors: InvalidConfig "FILE:LINE: …" for everything that stands wrong
// in the file or in a file that it names; InvalidBencode or InvalidMetainfo with the same beginning for a torrent file
// that is none; the system's when the file itself cannot be read.

#include <optional>
#include <string>
#include <vector>

#include "common/app/config_tree.h"
#include "common/base/result.h"
#include "common/telemetry/event.h"
#include "tracker/tracker_node.h"

namespace bt::tracker {

// What the section of a door says.
struct DoorConfig {
    bool enabled = true;
    std::optional<std::uint16_t> port;
    std::vector<Address> bind;
};

struct Config {
    std::uint16_t port = 0;
    std::vector<Address> bind;  // empty: everywhere
    DoorConfig http;
    DoorConfig udp;
    DoorConfig https{.enabled = false, .port = {}, .bind = {}};
    NodeSettings node;
    std::optional<std::uint64_t> rng_seed;
    std::optional<std::string> events;  // path or fd:N
    std::optional<telemetry::Level> events_level;
    std::size_t threads = 1;
    std::vector<std::string> torrent_names;  // of node.announce.torrents, for people

    [[nodiscard]] Doors doors() const;
};

// What several threads cannot do; nothing where all is well. The command line may have added to it.
[[nodiscard]] std::optional<std::string> threads_conflict(const Config& config);

[[nodiscard]] Result<Config> load_config(const std::string& path);
// The same from a file that was read already.
[[nodiscard]] Result<Config> parse_config(const app::ConfigFile& file);
// A commented configuration with every key and its default.
[[nodiscard]] std::string default_config_text();

}  // namespace bt::tracker
