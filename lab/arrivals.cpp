#include "lab/arrivals.h"

#include <cmath>

namespace bt::lab {

std::vector<Duration> start_times(const Arrival& arrival, std::uint32_t count, Rng rng) {
    std::vector<Duration> times;
    Duration next = arrival.start.value_or(Duration::zero());
    for (std::uint32_t i = 0; i < count; ++i) {
        times.push_back(next);
        const double u = (static_cast<double>(rng.next() >> 11) + 1) / 9007199254740993.0;  // (0, 1]
        const Duration gap = arrival.poisson ? from_seconds(-std::log(u) * to_seconds(arrival.every)) : arrival.every;
        next += gap;
    }
    return times;
}

std::vector<TimelineEntry> with_arrivals(std::vector<TimelineEntry> entries, const Plan& plan) {
    for (const NodePlan& node : plan.nodes) {
        if (!node.start_after) continue;
        TimelineEntry entry;
        entry.at = node.start_after;
        entry.nodes = node.name;
        entry.arrival = true;
        entries.push_back(std::move(entry));
    }
    return entries;
}

}  // namespace bt::lab
