#pragma once

// What of a scenario can be done on other machines. Pure. Errors: InvalidConfig, "FILE:LINE: what".

#include "common/base/result.h"
#include "lab/scenario.h"

namespace bt::lab {

// Where the lab starts, signals and hears every node: all but the lab's own relay (delayed, jittered and cut links) and
// other people's programs, which need to be told a free port and looked at on their host.
[[nodiscard]] Status check_for_cluster(const Scenario& scenario);

// Where nobody drives the nodes once they run: also nothing that happens on the way.
[[nodiscard]] Status check_for_export(const Scenario& scenario);

}  // namespace bt::lab
