#pragma once

// The tables of a scenario file, each read on its own; scenario.cpp puts them together.

#include <vector>

#include "common/app/config_tree.h"
#include "common/base/result.h"
#include "lab/scenario.h"

namespace bt::lab {

// [[nodes]] (scenario_groups.cpp)
[[nodiscard]] Status read_groups(const app::ConfigTable& root, const std::vector<std::string>& programs,
                                 Scenario& scenario);
// One of `own` or of the programs. Error: which there are, and the nearest.
[[nodiscard]] Result<std::string> read_kind(const app::ConfigTable& table, std::string_view key,
                                            std::vector<std::string_view> own,
                                            const std::vector<std::string>& programs);
// [[timeline]] (scenario_timeline.cpp); the groups are read
[[nodiscard]] Status read_timeline(const app::ConfigTable& root, Scenario& scenario);
// [expect] and [stop] (scenario_expect.cpp); the groups are read
[[nodiscard]] Status read_expectations(const app::ConfigTable& root, Scenario& scenario);
[[nodiscard]] Status read_stop(const app::ConfigTable& root, Scenario& scenario);

// A pattern that fits at least one node of the scenario.
[[nodiscard]] Result<std::string> read_nodes(const app::ConfigTable& table, std::string_view key,
                                             const Scenario& scenario);

// The same of a pattern that is read.
[[nodiscard]] Status check_nodes(const app::ConfigTable& table, std::string_view key, const std::string& pattern,
                                 const Scenario& scenario);
// A query that names nodes and events that there are. What other people's drivers write is not known.
[[nodiscard]] Status check_query(const app::ConfigTable& table, std::string_view key, const Query& query,
                                 const Scenario& scenario);

inline constexpr std::string_view kOwnOptions[] = {
    "bind",     "port", "events",  "stats-interval", "node-name",    "t",
    "torrent",  "s",    "source",  "outdir",         "seed-time",    "interval-floor",
    "rng-seed", "help", "version", "config",         "print-config", "die-with-parent"};

}  // namespace bt::lab
