#pragma once

// `swarm-lab run`: a scenario from start to report. No process outlives the call, however it ends; the kernel kills
// the nodes should this process die in the middle.

#include <filesystem>
#include <string>

#include "lab/report.h"

namespace bt::lab {

struct RunOptions {
    std::string scenario;
    std::filesystem::path out = "lab-out";
    std::filesystem::path bin;  // where swarm-client and the others lie
    bool capture = false;       // own nodes record their connections
    bool keep = false;          // generated content and downloaded files stay, also when all held
    bool quiet = false;         // no progress
    bool json = false;          // the report on standard output instead of the summary
};

[[nodiscard]] LabExit run_scenario(const RunOptions& options);

}  // namespace bt::lab
