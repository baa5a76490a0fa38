#pragma once

// The command line of `swarm-lab grade`: the run's folder, its guard and its addresses, and what a person sees of it.
//
// On a terminal a table that is drawn in place, and what went wrong below it; elsewhere a line for each stage when it
// is over. Exit codes: 0 every stage passed, 1 one did not, 2 bad arguments, 3 the program cannot be started or this
// machine refuses something. Nothing is left but the files asked for; with --keep the folder too.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/app/option_table.h"
#include "common/base/time.h"
#include "lab/report.h"

namespace bt::lab {

struct GradeArguments {
    std::vector<std::string> command;
    std::vector<std::string> stages;  // none: all
    bool list = false;
    bool keep = false;
    std::string json, junit;  // files
    std::string out = "lab-out";
    std::optional<std::uint64_t> rng_seed;
    Duration limit = seconds(10);
};

[[nodiscard]] app::Command grade_command(GradeArguments& out);
[[nodiscard]] LabExit run_grade_command(const GradeArguments& arguments);

}  // namespace bt::lab
