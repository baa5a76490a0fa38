#pragma once

// A plan as JSON, for others to carry out (docs/formats.md "Plan"): what to write and to run first, then every node
// with its command, when it starts and how it ends. Pure.
//
// What only the executor knows stands there as {words}: {run} the run's folder, which all nodes see; {bin} where the
// programs lie; {address} of the node's host; {announce} what the tracker's `ready` event says; {magnet} the torrent's
// link. Ports are 0: the kernel gives them, and the `ready` event says which.

#include <string>
#include <vector>

#include "lab/prepare.h"

namespace bt::lab {

// The plan with these words in place of what is known on one machine only.
[[nodiscard]] Plan abstract_plan(const Prepared& prepared);

// What makes the content: files to write (path, text), then commands. Both below {run}.
struct PrepareSteps {
    std::vector<std::pair<std::string, std::string>> files;
    std::vector<std::vector<std::string>> commands;
};
// Error: the recipe cannot be read.
[[nodiscard]] Result<PrepareSteps> prepare_steps(const Prepared& prepared, const Plan& plan);

[[nodiscard]] Result<std::string> plan_json(const Prepared& prepared);

}  // namespace bt::lab
