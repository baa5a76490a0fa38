#pragma once

// `swarm-lab check`, `init` and `list`: what is done with scenarios without running them.

#include <filesystem>
#include <string>

#include "lab/report.h"

namespace bt::lab {

// Reads the scenario with all that it names; says what it would start, or what is wrong with it.
[[nodiscard]] LabExit check_scenario(const std::string& scenario, const std::filesystem::path& bin);

// Writes a commented scenario and its content's recipe; never over a file that is there.
[[nodiscard]] LabExit write_starter(const std::filesystem::path& path);

// Scenarios that come with the lab.
[[nodiscard]] LabExit list_all(const std::filesystem::path& bin);

}  // namespace bt::lab
