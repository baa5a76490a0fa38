#pragma once

// `swarm-lab ps`, `down` and `ctl`: the runs of an output folder, and talking to those that are up.

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "lab/timeline.h"

namespace bt::lab {

struct RunsOptions {
    std::filesystem::path out = "lab-out";
    std::string name;  // of a scenario or of a run's folder; empty: the only one that is up
    bool json = false;
};

struct CtlOptions {
    RunsOptions runs;
    std::string node;
    std::string action;
    std::string from;  // partition, heal: the other side
    std::optional<std::uint64_t> upload, download, piece;
};

// One line for each run whose lab lives.
[[nodiscard]] int list_runs(const RunsOptions& options);
// Returns when nothing of it is left; what killed labs left behind in the folder goes too.
[[nodiscard]] int take_down(const RunsOptions& options);
[[nodiscard]] int control_node(const CtlOptions& options);

}  // namespace bt::lab
