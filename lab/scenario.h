#pragma once

// What a lab run shall do, as read from a scenario file (TOML or JSON; docs/formats.md lists every key). Paths are
// already resolved against the folder of the file. Errors: InvalidConfig, "FILE:LINE: what".

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/app/config_tree.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "lab/expectation.h"
#include "lab/node_kind.h"
#include "lab/timeline.h"

namespace bt::lab {

// A /24 of loopback addresses: .1 is the tracker, .254 marks the range as taken.
inline constexpr std::size_t kMaxNodes = 250;
inline constexpr std::size_t kMaxRelayedNodes = 120;  // each has a second address there

// How a node hangs on the others.
struct Link {
    RateLimits rate;
    Duration delay{};        // of every byte to it and from it
    Duration jitter{};       // up to so much more, without reordering
    std::uint32_t loss = 0;  // of TCP segments each way, in parts of kLossWhole (loss.h)

    friend bool operator==(const Link&, const Link&) = default;
};

// When the nodes of a group start, counted from the start of the clients.
struct Arrival {
    std::optional<Duration> start;  // the first; nothing: with its kind
    Duration every{};               // between two
    bool poisson = false;           // `every` is the mean of random gaps
    bool on_demand = false;         // the timeline starts them, or nobody

    [[nodiscard]] bool is_timed() const { return start || every > Duration::zero(); }
};

struct NodeGroup {
    NodeKind kind = NodeKind::Client;
    std::string name;  // nodes are called name-1, name-2, …
    std::uint32_t count = 1;
    std::string program;               // an adapter's name; empty: ours
    std::string persona;               // of a peer
    std::vector<std::string> options;  // as the program takes them: "--max-peers", "4"
    Link link;
    bool shaped_by_relay = false;  // its program keeps no limits
    Arrival arrival;
    bool if_installed = false;  // another program: none of them where it is not on this machine
    bool must_complete = true;  // clients: the run waits for them
    bool magnet = false;        // clients: started with a magnet link
    std::uint32_t line = 0;     // of the file
};

enum class NetworkKind : std::uint8_t {
    Loopback,    // 127.x addresses of this machine
    Namespaces,  // a network of its own for each node (node_networks.h)
};

struct Content {
    std::string recipe;  // path of a recipe, or
    std::string path;    // of something real
    std::optional<std::uint32_t> piece_length;
};

struct Scenario {
    std::string name;
    std::string file;
    std::uint64_t rng_seed = 1;
    NetworkKind network = NetworkKind::Loopback;
    Content content;
    Duration announce_interval = seconds(5);
    std::string tracker_program;  // an adapter's name; empty: ours
    std::uint32_t tracker_line = 0;
    std::uint32_t network_line = 0;
    std::uint32_t relay_line = 0;
    std::vector<std::string> tracker_options;
    std::string tracker_config;  // TOML, behind what the lab writes into our tracker's configuration
    std::vector<NodeGroup> groups;
    std::vector<TimelineEntry> timeline;
    Stop stop;
    Expectations expect;
    bool relay = false;                      // asked for, also where nothing in the scenario needs it
    bool exec_waits_for_completion = false;  // swarm-lab exec: else until every node is ready

    [[nodiscard]] std::size_t count(NodeKind kind) const;  // of nodes
    // Links are cut or delayed, or shaped for a program that does not do it, on loopback: each goes through the lab
    // (relay.h).
    [[nodiscard]] bool needs_relay() const;
    [[nodiscard]] std::vector<std::string> node_names() const;  // with the tracker's
};

// `programs`: names of the adapters that there are, for node and tracker kinds.
[[nodiscard]] Result<Scenario> read_scenario(const app::ConfigFile& file, const std::vector<std::string>& programs);
[[nodiscard]] Result<Scenario> load_scenario(const std::string& path, const std::vector<std::string>& programs = {});
[[nodiscard]] Result<Scenario> parse_scenario(std::string_view text, std::string file_name,
                                              const std::vector<std::string>& programs = {});

// "60s", "1.5 s", "500ms", "2m", "1h".
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

}  // namespace bt::lab
