#pragma once

// `swarm-lab control` and `swarm-lab up`: a swarm that others drive, by the requests of control_request.h, over our
// standard input and output or over the socket `control.sock` in the run's folder. The end of standard input ends
// `control` and its swarm.

#include <string>

#include "lab/run.h"

namespace bt::lab {

[[nodiscard]] int control_swarms(const RunOptions& options);

// Stays until it is told to stop, by `down` or a signal; prints one JSON line when the swarm is up. Detached: returns
// after that line, and a process of its own stays. Its errors then are in the run's folder (`lab.log`).
[[nodiscard]] int keep_swarm_up(const RunOptions& options, bool detach);

}  // namespace bt::lab
