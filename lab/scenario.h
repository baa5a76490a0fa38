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

namespace bt::lab {

// A /24 of loopback addresses: .1 is the tracker, .254 marks the range as taken.
inline constexpr std::size_t kMaxNodes = 250;

enum class NodeKind : std::uint8_t { Tracker, Seeder, Client };
[[nodiscard]] std::string_view kind_name(NodeKind kind);

struct NodeGroup {
    NodeKind kind = NodeKind::Client;
    std::string name;  // nodes are called name-1, name-2, …
    std::uint32_t count = 1;
    std::vector<std::string> options;  // as the program takes them: "--max-peers", "4"
};

struct Content {
    std::string recipe;  // path of a recipe, or
    std::string path;    // of something real
    std::optional<std::uint32_t> piece_length;
};

struct Expectations {
    Duration all_complete_within = seconds(120);
    bool files_identical = true;
    std::uint64_t max_hash_failures = 0;
    std::vector<int> exit_codes = {0, 130};  // with which a node may end when it is told to
};

struct Scenario {
    std::string name;
    std::string file;
    std::uint64_t rng_seed = 1;
    Content content;
    Duration announce_interval = seconds(5);
    std::vector<std::string> tracker_options;
    std::vector<NodeGroup> groups;
    Expectations expect;

    [[nodiscard]] std::size_t count(NodeKind kind) const;  // of nodes
};

[[nodiscard]] Result<Scenario> load_scenario(const std::string& path);
[[nodiscard]] Result<Scenario> parse_scenario(std::string_view text, std::string file_name);

// "60s", "1.5 s", "500ms", "2m", "1h".
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

}  // namespace bt::lab
