#pragma once

// The start times of a group's nodes as entries of the timeline. Pure.

#include <vector>

#include "common/base/rng.h"
#include "lab/plan.h"
#include "lab/timeline.h"

namespace bt::lab {

// When the nodes of a group start, counted from the start of the clients; the gaps of a Poisson process are drawn.
[[nodiscard]] std::vector<Duration> start_times(const Arrival& arrival, std::uint32_t count, Rng rng);

// The scenario's entries, and behind them one for each node with a start time.
[[nodiscard]] std::vector<TimelineEntry> with_arrivals(std::vector<TimelineEntry> entries, const Plan& plan);

}  // namespace bt::lab
