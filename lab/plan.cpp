#include "lab/plan.h"

#include <algorithm>
#include <chrono>

#include "common/base/rng.h"
#include "lab/arrivals.h"

namespace bt::lab {
namespace {

std::string whole_seconds(Duration duration) {
    return std::to_string(std::chrono::duration_cast<seconds>(duration).count());
}

// Programs ban addresses: where there are hosts enough, the last one is for scripted peers alone.
const Host& host_of(const Scenario& scenario, const Places& places, NodeKind kind, std::size_t index) {
    const std::vector<Host>& hosts = places.hosts;
    if (hosts.size() == 1 || scenario.count(NodeKind::Peer) == 0) return hosts[index % hosts.size()];
    return kind == NodeKind::Peer ? hosts.back() : hosts[index % (hosts.size() - 1)];
}

NodePlan make_node(const Scenario& scenario, const Places& places, NodeKind kind, std::string name, std::size_t index,
                   bool relay) {
    NodePlan node;
    node.kind = kind;
    node.address = places.subnet + '.' + std::to_string(index + 1);
    if (!places.hosts.empty()) {
        const Host& host = host_of(scenario, places, kind, index);
        node.host = host.name;
        node.address = host.address;
    }
    node.hidden = relay ? places.subnet + '.' + std::to_string(index + 1 + kMaxRelayedNodes) : node.address;
    node.folder = places.run / "nodes" / name;
    node.files = node.folder / "files";
    node.argv = {(places.bin / program_of(kind)).string()};
    node.name = std::move(name);
    return node;
}

void add_common(NodePlan& node, const std::vector<std::string>& options) {
    node.argv.insert(node.argv.end(), {"--bind", node.hidden, "--port", "0", "--node-name", node.name, "--events",
                                       "fd:" + std::to_string(kEventsDescriptor), "--stats-interval", "0.2"});
    node.argv.insert(node.argv.end(), options.begin(), options.end());
}

void add_seeder(NodePlan& node, const Plan& plan) {
    node.argv.insert(node.argv.end(), {"-t", plan.torrent.string(), "-s", plan.content.string()});
}

// A script's path is seen from the scenario.
std::vector<std::string> with_script(std::vector<std::string> options, const std::string& scenario_file) {
    for (std::size_t i = 1; i < options.size(); ++i) {
        if (options[i - 1] != "--script") continue;
        options[i] = (std::filesystem::path(scenario_file).parent_path() / options[i]).string();
    }
    return options;
}

// The program's name is followed by its command.
void add_peer(NodePlan& node, const Plan& plan, const Scenario& scenario, const NodeGroup& group) {
    node.scripted = group.persona == "scripted";
    node.argv.insert(node.argv.begin() + 1, "peer");
    node.argv.insert(node.argv.end(),
                     {"--persona", group.persona, "-t", plan.torrent.string(), "-s", plan.content.string(),
                      "--interval-floor", whole_seconds(scenario.announce_interval)});
}

bool is_limited(const Scenario& scenario, const NodeGroup& group, const std::string& name) {
    if (group.link.rate != RateLimits{}) return true;
    return std::ranges::any_of(scenario.timeline, [&name](const TimelineEntry& entry) {
        return entry.deed == Deed::Limit && matches_pattern(name, entry.nodes);
    });
}

void add_limits(NodePlan& node, const Scenario& scenario, const NodeGroup& group) {
    if (scenario.network != NetworkKind::Loopback) return;  // the kernel keeps them
    node.limits = group.link.rate;
    if (!is_limited(scenario, group, node.name)) return;
    node.limits_file = node.folder / "limits.toml";
    node.argv.insert(node.argv.end(), {"--config", node.limits_file.string()});
}

// Each node its own, all from the scenario's. Programs take up to 63 bits.
std::string rng_seed_for(const Scenario& scenario, std::size_t index) {
    return std::to_string(Rng(scenario.rng_seed).fork(index).next() >> 1);
}

// A client of a lab goes on seeding until the lab ends it: nobody's download may hang on who finishes first.
void add_client(NodePlan& node, const Plan& plan, const Scenario& scenario, bool magnet) {
    node.argv.insert(node.argv.end(),
                     {"-t", magnet ? "{magnet}" : plan.torrent.string(), "--outdir", node.files.string(), "--seed-time",
                      "-1", "--interval-floor", whole_seconds(scenario.announce_interval)});
}

void add_group(Plan& plan, const Scenario& scenario, const NodeGroup& group, const Places& places,
               const Adapters& adapters) {
    const std::vector<Duration> starts =
        start_times(group.arrival, group.count, Rng(scenario.rng_seed).fork(plan.nodes.size() ^ 0x57a7));
    for (std::uint32_t i = 1; i <= group.count; ++i) {
        NodePlan node = make_node(scenario, places, group.kind, group.name + '-' + std::to_string(i), plan.nodes.size(),
                                  plan.relay);
        node.must_complete = group.must_complete;
        node.link = group.link;
        if (scenario.network == NetworkKind::Loopback && !group.shaped_by_relay) node.link.rate = {};
        node.on_demand = group.arrival.on_demand;
        if (group.arrival.is_timed()) node.start_after = starts[i - 1];
        if (!group.program.empty()) {
            if (scenario.network == NetworkKind::Loopback) node.limits = group.link.rate;
            plan_foreign(node, plan, places, adapters.at(group.program), group.options);
            plan.nodes.push_back(std::move(node));
            continue;
        }
        node.argv.insert(node.argv.end(), {"--rng-seed", rng_seed_for(scenario, plan.nodes.size())});
        if (group.kind == NodeKind::Seeder) add_seeder(node, plan);
        if (group.kind == NodeKind::Client) add_client(node, plan, scenario, group.magnet);
        if (group.kind == NodeKind::Peer) add_peer(node, plan, scenario, group);
        add_limits(node, scenario, group);
        add_common(node, group.kind == NodeKind::Peer ? with_script(group.options, scenario.file) : group.options);
        plan.nodes.push_back(std::move(node));
    }
}

}  // namespace

std::string limits_text(NodeKind kind, const RateLimits& limits) {
    std::string text = "upload-limit = " + std::to_string(limits.upload.value_or(0)) + "\n";
    if (kind == NodeKind::Client) text += "download-limit = " + std::to_string(limits.download.value_or(0)) + "\n";
    return text;
}

std::string_view program_of(NodeKind kind) {
    switch (kind) {
        case NodeKind::Tracker:
            return "swarm-tracker";
        case NodeKind::Seeder:
            return "swarm-seeder";
        case NodeKind::Client:
            return "swarm-client";
        case NodeKind::Peer:
            return "swarm-lab";
    }
    return {};
}

Plan make_plan(const Scenario& scenario, const Places& places, const Adapters& adapters) {
    Plan plan;
    plan.relay = scenario.needs_relay();
    plan.namespaces = scenario.network == NetworkKind::Namespaces;
    plan.torrent = places.run / (scenario.name + ".torrent");
    plan.content = places.content;
    plan.tracker_config = places.run / "tracker.toml";
    plan.tracker_config_text = "port = 0\ninterval = " + whole_seconds(scenario.announce_interval) +
                               "\nrngSeed = " + rng_seed_for(scenario, 0) + "\n" + scenario.tracker_config;

    NodePlan tracker = make_node(scenario, places, NodeKind::Tracker, "tracker", 0, plan.relay);
    if (scenario.tracker_program.empty()) {
        tracker.argv.push_back(plan.tracker_config.string());
        add_common(tracker, scenario.tracker_options);
    } else {
        plan_foreign(tracker, plan, places, adapters.at(scenario.tracker_program), {});
    }
    plan.nodes.push_back(std::move(tracker));

    for (const NodeKind kind : {NodeKind::Seeder, NodeKind::Client, NodeKind::Peer}) {
        for (const NodeGroup& group : scenario.groups) {
            if (group.kind == kind) add_group(plan, scenario, group, places, adapters);
        }
    }

    plan.create_argv = {(places.bin / "swarm-client").string(), "create", plan.content.string(), "-o",
                        plan.torrent.string()};
    if (scenario.content.piece_length) {
        plan.create_argv.insert(plan.create_argv.end(),
                                {"--piece-length", std::to_string(*scenario.content.piece_length)});
    }
    plan.create_argv.push_back("--tracker");
    return plan;
}

}  // namespace bt::lab
