#pragma once

// `swarm-lab plan`, `swarm-lab export` and `swarm-lab content`: a scenario for those who carry it out without the lab.

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "common/app/option_table.h"
#include "lab/report.h"

namespace bt::lab {

struct PlanArguments {
    std::string scenario;
    std::string recipe;
    std::string folder;
    std::optional<std::uint64_t> rng_seed;
    std::string target;
};

[[nodiscard]] app::Command plan_command(PlanArguments& out);
// The plan on standard output.
[[nodiscard]] LabExit print_plan(const PlanArguments& arguments, const std::filesystem::path& bin);

[[nodiscard]] app::Command export_command(PlanArguments& out);
// Files for the target into a folder that is new or empty.
[[nodiscard]] LabExit export_scenario(const PlanArguments& arguments, const std::filesystem::path& bin);

[[nodiscard]] app::Command content_command(PlanArguments& out);
// Makes what a recipe describes, below a folder.
[[nodiscard]] LabExit make_content(const PlanArguments& arguments);

}  // namespace bt::lab
