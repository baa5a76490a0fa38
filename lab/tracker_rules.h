#pragma once

// [[tracker.rules]] of a scenario: the tables of our tracker's own configuration (tracker/rules_config.h), checked here
// with the place in the scenario, and written behind the rest of the configuration of the run.

#include "common/app/config_tree.h"
#include "lab/scenario.h"

namespace bt::lab {

// `table` is [tracker]. Adds to scenario.tracker_config. Errors: those of the tracker, with file and line.
[[nodiscard]] Status read_tracker_rules(const app::ConfigFile& file, const app::ConfigTable& table, Scenario& scenario);

// A value as TOML writes it on one line.
[[nodiscard]] std::string toml_value(const app::ConfigNode& node);

}  // namespace bt::lab
