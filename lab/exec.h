#pragma once

// `swarm-lab exec SCENARIO -- COMMAND…`: a command inside a swarm.
//
//  - The command starts when the swarm is up (or complete, where the scenario's [exec] says so), with our standard
//  input and
//    outputs, in our process group, and with what endpoints.h names in its environment.
//  - Its end ends the swarm; how it ended is how we end (128 + the signal). Where it was never started, as `run` ends.
//  - Ctrl-C on a terminal reaches the command by itself; any other SIGINT or SIGTERM is passed on to it. It then has
//    Director::kStopWithin; a second signal kills at once.
//  - What the command has started and left running ends with the swarm.

#include <string>
#include <vector>

#include "lab/run.h"

namespace bt::lab {

struct ExecOptions {
    RunOptions run;
    std::vector<std::string> command;
};

// The exit code for our process.
[[nodiscard]] int exec_in_swarm(const ExecOptions& options);

}  // namespace bt::lab
