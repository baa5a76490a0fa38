#include "lab/cluster.h"

#include <string>

namespace bt::lab {
namespace {

std::unexpected<Error> refuse(const Scenario& scenario, std::uint32_t line, const std::string& what) {
    return fail(local_error(ErrorCode::InvalidConfig, scenario.file + ":" + std::to_string(line) + ": " + what));
}

}  // namespace

Status check_for_cluster(const Scenario& scenario) {
    if (scenario.relay) {
        return refuse(scenario, scenario.relay_line, "relay: links are relayed on this machine only");
    }
    if (scenario.network != NetworkKind::Loopback) {
        return refuse(scenario, scenario.network_line, "network: namespaces are made on this machine only");
    }
    if (!scenario.tracker_program.empty()) {
        return refuse(scenario, scenario.tracker_line,
                      "kind: " + scenario.tracker_program + " is another program, which runs on this machine only");
    }
    for (const NodeGroup& group : scenario.groups) {
        if (!group.program.empty()) {
            return refuse(scenario, group.line,
                          group.name + ": " + group.program + " is another program, which runs on this machine only");
        }
        if (group.link.delay > Duration::zero() || group.link.jitter > Duration::zero() || group.link.loss > 0) {
            return refuse(scenario, group.line,
                          group.name + ": link.delay, link.jitter and link.loss are made on this machine only");
        }
    }
    for (const TimelineEntry& entry : scenario.timeline) {
        if (entry.deed != Deed::Partition && entry.deed != Deed::Heal) continue;
        return refuse(scenario, entry.line,
                      std::string(deed_name(entry.deed)) + ": links are cut on this machine only");
    }
    return {};
}

Status check_for_export(const Scenario& scenario) {
    if (const Status can = check_for_cluster(scenario); !can) return can;
    if (!scenario.timeline.empty()) {
        return refuse(scenario, scenario.timeline.front().line,
                      "timeline: nobody does that where the lab does not run");
    }
    for (const NodeGroup& group : scenario.groups) {
        if (group.arrival.is_timed() || group.arrival.on_demand) {
            return refuse(scenario, group.line,
                          group.name + ": start and every are the lab's, which does not run there");
        }
    }
    return {};
}

}  // namespace bt::lab
