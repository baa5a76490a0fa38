#pragma once

// A scenario turned into what is started: each node's name, address, folder and command line. Pure.
//
// Layout of a run's folder:
//   scenario.toml  report.json  tracker.toml  NAME.torrent  content/NAME
//   nodes/NODE/{log,events.jsonl,limits.toml,files/}
// Addresses: the tracker has .1 of the run's /24, the other nodes follow in order, seeders before clients.

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "lab/adapter.h"
#include "lab/scenario.h"

namespace bt::lab {

// Nodes write their events to this descriptor, which the lab reads.
inline constexpr int kEventsDescriptor = 3;

// A machine of a cluster that nodes run on.
struct Host {
    std::string name;
    std::string address;  // that its nodes bind
};

struct Places {
    std::filesystem::path bin;      // where the programs lie
    std::filesystem::path run;      // folder of this run
    std::filesystem::path content;  // the original file or folder
    std::string subnet;             // "127.33.7"
    bool root = false;              // we are
    // A port that is free on an address; none: 6881.
    std::function<std::uint16_t(const std::string& address)> free_port = {};
    // Nodes go to them in turn, the tracker first, scripted peers to the last alone. None: all are here, each with its
    // own address in `subnet`.
    std::vector<Host> hosts = {};
};

using Adapters = std::map<std::string, std::shared_ptr<const Adapter>>;

struct NodePlan {
    std::string name;
    NodeKind kind = NodeKind::Client;
    std::string host;     // of a cluster; empty: here
    std::string address;  // that others see
    std::string hidden;   // that it binds, where links go through the relay; else the same
    Link link;            // as far as the node's program does not keep it
    bool must_complete = true;
    bool scripted = false;                // a peer that does a script
    bool on_demand = false;               // the timeline starts it
    std::optional<Duration> start_after;  // the start of the clients; nothing: with its kind
    RateLimits limits;                    // as the scenario gives them
    std::filesystem::path folder;         // of its log and events
    std::filesystem::path files;          // where a client downloads to
    std::vector<std::string> argv;        // "{magnet}": the torrent's link, known when it is made
    // Other people's programs only:
    std::shared_ptr<const Adapter> adapter;
    Words words;  // of the adapter's texts; magnet and info_hash come when the torrent is made
    std::uint16_t port = 0;
    std::vector<std::pair<std::string, std::string>> environment;
    bool copy_content = false;  // a seeder gets files of its own

    std::filesystem::path limits_file;  // configuration with the rate limits; empty: has none
};

// What stands in a limits file.
[[nodiscard]] std::string limits_text(NodeKind kind, const RateLimits& limits);

struct Plan {
    std::vector<NodePlan> nodes;  // tracker, seeders, clients
    std::filesystem::path torrent;
    std::filesystem::path content;
    std::uint64_t content_bytes = 0;  // about; known when it is there
    std::filesystem::path tracker_config;
    std::string tracker_config_text;
    bool relay = false;                    // links go through relay.h
    bool namespaces = false;               // nodes live in node_networks.h
    std::vector<std::string> create_argv;  // for the torrent; the announce URL is still to be added
};

[[nodiscard]] std::string_view program_of(NodeKind kind);  // "swarm-client", …
[[nodiscard]] Plan make_plan(const Scenario& scenario, const Places& places, const Adapters& adapters = {});
// plan_foreign.cpp: the rest of a node that another program is; name, kind, address and limits are there.
void plan_foreign(NodePlan& node, const Plan& plan, const Places& places, std::shared_ptr<const Adapter> adapter,
                  const std::vector<std::string>& arguments);

}  // namespace bt::lab
