#include "lab/scenario.h"

#include <algorithm>

#include "lab/scenario_parts.h"
#include "lab/scenario_values.h"
#include "lab/tracker_rules.h"

namespace bt::lab {
namespace {

using app::ConfigFile;
using app::ConfigTable;

Result<Content> read_content(const ConfigFile& file, const ConfigTable& root) {
    BT_TRY_ASSIGN(const ConfigTable table, root.need<ConfigTable>("content", root.table("content")));
    BT_TRY(table.allow_only({"recipe", "path", "piece_length"}));
    Content content;
    BT_TRY_ASSIGN(const std::optional<std::string> recipe, table.string("recipe"));
    BT_TRY_ASSIGN(const std::optional<std::string> path, table.string("path"));
    if (recipe.has_value() == path.has_value()) {
        return fail(table.error_here("wanted either recipe (generated content) or path (a real file or folder)"));
    }
    if (recipe) content.recipe = file.resolve_path(*recipe);
    if (path) content.path = file.resolve_path(*path);
    BT_TRY_ASSIGN(const std::optional<std::uint64_t> length, read_size(table, "piece_length", 1u << 29));
    if (length && (*length < 16384 || (*length & (*length - 1)) != 0)) {
        return fail(table.error_at("piece_length", "wanted a power of two from 16 KiB on"));
    }
    if (length) content.piece_length = static_cast<std::uint32_t>(*length);
    return content;
}

Status read_tracker(const ConfigFile& file, const ConfigTable& root, const std::vector<std::string>& programs,
                    Scenario& scenario) {
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, root.table("tracker"));
    if (!table) return {};
    BT_TRY(table->allow_only({"kind", "interval", "options", "config", "rules"}));
    scenario.tracker_line = table->node().line;
    if (table->has("kind")) {
        BT_TRY_ASSIGN(const std::string kind, read_kind(*table, "kind", {"tracker"}, programs));
        if (kind != "tracker") scenario.tracker_program = kind;
    }
    BT_TRY_ASSIGN(const std::optional<std::string> config, table->string("config"));
    scenario.tracker_config = config.value_or("");
    if (!scenario.tracker_program.empty() && config) return fail(table->error_at("config", "is our own tracker's"));
    if (!scenario.tracker_program.empty() && table->has("options")) {
        return fail(table->error_at("options", "are for our own tracker"));
    }
    BT_TRY_ASSIGN(const std::optional<Duration> interval, read_duration(*table, "interval"));
    if (interval && (*interval < seconds(1) || *interval % seconds(1) != Duration::zero())) {
        return fail(table->error_at("interval", "wanted whole seconds, 1 or more"));
    }
    scenario.announce_interval = interval.value_or(scenario.announce_interval);
    BT_TRY_ASSIGN(scenario.tracker_options, read_options(*table, kOwnOptions));
    return read_tracker_rules(file, *table, scenario);
}

Status read_exec(const ConfigTable& root, Scenario& scenario) {
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, root.table("exec"));
    if (!table) return {};
    BT_TRY(table->allow_only({"wait_for"}));
    BT_TRY_ASSIGN(const std::optional<std::string> wait_for, table->string("wait_for"));
    if (wait_for && *wait_for != "ready" && *wait_for != "complete") {
        return fail(table->error_at("wait_for", "wanted \"ready\" or \"complete\""));
    }
    scenario.exec_waits_for_completion = wait_for == "complete";
    return {};
}

}  // namespace

std::string_view kind_name(NodeKind kind) {
    switch (kind) {
        case NodeKind::Tracker:
            return "tracker";
        case NodeKind::Seeder:
            return "seeder";
        case NodeKind::Client:
            return "client";
        case NodeKind::Peer:
            return "peer";
    }
    return "node";
}

std::size_t Scenario::count(NodeKind kind) const {
    std::size_t total = kind == NodeKind::Tracker ? 1 : 0;
    for (const NodeGroup& group : groups) total += group.kind == kind ? group.count : 0;
    return total;
}

bool Scenario::needs_relay() const {
    if (network != NetworkKind::Loopback) return false;
    if (relay) return true;
    for (const NodeGroup& group : groups) {
        if (group.link.delay > Duration::zero() || group.link.jitter > Duration::zero() || group.link.loss > 0 ||
            group.shaped_by_relay) {
            return true;
        }
    }
    return std::ranges::any_of(
        timeline, [](const TimelineEntry& entry) { return entry.deed == Deed::Partition || entry.deed == Deed::Heal; });
}

std::vector<std::string> Scenario::node_names() const {
    std::vector<std::string> names = {"tracker"};
    for (const NodeGroup& group : groups) {
        for (std::uint32_t i = 1; i <= group.count; ++i) names.push_back(group.name + '-' + std::to_string(i));
    }
    return names;
}

Result<Scenario> read_scenario(const ConfigFile& file, const std::vector<std::string>& programs) {
    const ConfigTable root = file.root();
    if (root.has("sweep")) return fail(root.error_at("sweep", "is many runs: only `swarm-lab run` does that"));
    BT_TRY(root.allow_only(
        {"name", "rng_seed", "content", "network", "relay", "tracker", "nodes", "timeline", "stop", "expect", "exec"}));
    Scenario scenario;
    scenario.file = file.file_name();
    BT_TRY_ASSIGN(scenario.name, read_name(root, "name", std::nullopt));
    BT_TRY_ASSIGN(const std::optional<std::int64_t> rng_seed, root.integer("rng_seed", 0, INT64_MAX));
    scenario.rng_seed = static_cast<std::uint64_t>(rng_seed.value_or(1));
    BT_TRY_ASSIGN(const std::optional<bool> relay, root.boolean("relay"));
    scenario.relay = relay.value_or(false);
    if (relay) scenario.relay_line = root.node().find("relay")->key_line;
    BT_TRY_ASSIGN(const std::optional<std::string> network, root.string("network"));
    if (network && *network != "loopback" && *network != "netns") {
        return fail(root.error_at("network", "wanted \"loopback\" or \"netns\""));
    }
    if (network == "netns") scenario.network = NetworkKind::Namespaces;
    if (scenario.relay && scenario.network != NetworkKind::Loopback) {
        return fail(root.error_at("relay", "has no meaning with network = \"netns\": links can be cut there"));
    }
    if (network) scenario.network_line = root.node().find("network")->key_line;
    BT_TRY_ASSIGN(scenario.content, read_content(file, root));
    BT_TRY(read_tracker(file, root, programs, scenario));
    BT_TRY(read_groups(root, programs, scenario));
    BT_TRY(read_timeline(root, scenario));
    BT_TRY(read_stop(root, scenario));
    BT_TRY(read_expectations(root, scenario));
    BT_TRY(read_exec(root, scenario));
    return scenario;
}

Result<Scenario> load_scenario(const std::string& path, const std::vector<std::string>& programs) {
    BT_TRY_ASSIGN(const ConfigFile file, ConfigFile::load(path));
    return read_scenario(file, programs);
}

Result<Scenario> parse_scenario(std::string_view text, std::string file_name,
                                const std::vector<std::string>& programs) {
    BT_TRY_ASSIGN(const ConfigFile file, ConfigFile::parse(text, app::ConfigFormat::Toml, std::move(file_name)));
    return read_scenario(file, programs);
}

}  // namespace bt::lab
