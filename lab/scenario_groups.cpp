// The part of scenario_parts.h that reads [[nodes]].

#include <set>

#include "lab/loss.h"
#include "lab/personas/persona.h"
#include "lab/scenario_parts.h"
#include "lab/scenario_values.h"

namespace bt::lab {
namespace {

using app::ConfigTable;

Status read_persona(const ConfigTable& table, NodeGroup& group) {
    group.kind = NodeKind::Peer;
    BT_TRY_ASSIGN(group.persona, table.need<std::string>("persona", table.string("persona")));
    if (persona::find_persona(group.persona) != nullptr) return {};
    std::vector<std::string_view> known;
    for (const persona::PersonaInfo& info : persona::personas()) known.push_back(info.name);
    std::string all;
    for (const std::string_view name : known) all += (all.empty() ? "" : ", ") + std::string(name);
    const std::optional<std::string_view> nearest = app::nearest_word(group.persona, known);
    return fail(table.error_at(
        "persona", "wanted one of " + all + (nearest ? "; did you mean " + std::string(*nearest) + "?" : "")));
}

Status read_node_kind(const ConfigTable& table, const std::vector<std::string>& programs, NodeGroup& group,
                      std::string& kind) {
    BT_TRY_ASSIGN(kind, read_kind(table, "kind", {"client", "seeder", "peer"}, programs));
    if (kind == "peer") return read_persona(table, group);
    if (table.has("persona")) return fail(table.error_at("persona", "is for kind = \"peer\""));
    const bool ours = kind == "client" || kind == "seeder";
    if (!ours) group.program = kind;
    BT_TRY_ASSIGN(const std::optional<std::string> role, table.string("role"));
    if (role && ours) return fail(table.error_at("role", "is for other people's programs"));
    if (role && *role != "client" && *role != "seeder") {
        return fail(table.error_at("role", "wanted \"client\" or \"seeder\""));
    }
    group.kind = role.value_or(kind) == "seeder" ? NodeKind::Seeder : NodeKind::Client;
    return {};
}

// Other people's options are taken as they are written.
Status read_arguments(const ConfigTable& table, NodeGroup& group) {
    BT_TRY_ASSIGN(const std::optional<std::vector<std::string>> arguments, table.strings("arguments"));
    if (arguments && group.program.empty()) {
        return fail(table.error_at("arguments", "are for other people's programs; wanted options"));
    }
    if (table.has("options") && !group.program.empty()) {
        return fail(table.error_at("options", "are for our own programs; wanted arguments = [\"--as=written\"]"));
    }
    if (arguments) group.options = *arguments;
    if (!group.program.empty()) return {};
    BT_TRY_ASSIGN(group.options, read_options(table, kOwnOptions));
    return {};
}

Status read_link(const ConfigTable& owner, Link& link) {
    BT_TRY_ASSIGN(const std::optional<ConfigTable> table, owner.table("link"));
    if (!table) return {};
    BT_TRY(table->allow_only({"up", "down", "delay", "jitter", "loss"}));
    BT_TRY_ASSIGN(const std::optional<Duration> delay, read_duration(*table, "delay"));
    BT_TRY_ASSIGN(const std::optional<Duration> jitter, read_duration(*table, "jitter"));
    link.delay = delay.value_or(Duration::zero());
    link.jitter = jitter.value_or(Duration::zero());
    BT_TRY_ASSIGN(link.rate.upload, read_rate(*table, "up"));
    BT_TRY_ASSIGN(link.rate.download, read_rate(*table, "down"));
    BT_TRY_ASSIGN(const std::optional<std::uint32_t> loss, read_share(*table, "loss", kLossWhole));
    link.loss = loss.value_or(0);
    if (link.loss > kMostLoss) return fail(table->error_at("loss", "of more than 50% is a link that is cut"));
    return {};
}

// start = "2s" | "on demand"; every = "500ms"; poisson = true
Status read_arrival(const ConfigTable& table, Arrival& arrival) {
    const app::ConfigNode* start = table.node().find("start");
    const auto* text = start == nullptr ? nullptr : std::get_if<std::string>(&start->value);
    arrival.on_demand = text != nullptr && *text == "on demand";
    if (!arrival.on_demand) {
        BT_TRY_ASSIGN(arrival.start, read_duration(table, "start", true));
    }
    BT_TRY_ASSIGN(const std::optional<Duration> every, read_duration(table, "every"));
    BT_TRY_ASSIGN(const std::optional<bool> poisson, table.boolean("poisson"));
    arrival.every = every.value_or(Duration::zero());
    arrival.poisson = poisson.value_or(false);
    if (arrival.on_demand && every) return fail(table.error_at("every", "has no meaning for nodes on demand"));
    if (arrival.poisson && !every) return fail(table.error_at("poisson", "wanted every = the mean gap"));
    return {};
}

Result<NodeGroup> read_group(const ConfigTable& table, const std::vector<std::string>& programs) {
    BT_TRY(table.allow_only({"kind", "role", "persona", "name", "count", "options", "arguments", "link", "start",
                             "every", "poisson", "must_complete", "magnet", "if_installed"}));
    NodeGroup group;
    group.line = table.node().line;
    std::string kind;
    BT_TRY(read_node_kind(table, programs, group, kind));
    BT_TRY_ASSIGN(group.name, read_name(table, "name", group.persona.empty() ? kind : group.persona));
    if (group.kind == NodeKind::Peer && table.has("link")) {
        return fail(table.error_at("link", "has no meaning for scripted peers; some have a rate of their own"));
    }
    BT_TRY_ASSIGN(const std::optional<std::int64_t> count, table.integer("count", 0, kMaxNodes));
    group.count = static_cast<std::uint32_t>(count.value_or(1));
    BT_TRY(read_arguments(table, group));
    BT_TRY(read_link(table, group.link));
    BT_TRY(read_arrival(table, group.arrival));
    BT_TRY_ASSIGN(const std::optional<bool> must, table.boolean("must_complete"));
    BT_TRY_ASSIGN(const std::optional<bool> magnet, table.boolean("magnet"));
    group.must_complete = must.value_or(!group.arrival.on_demand);
    group.magnet = magnet.value_or(false);
    BT_TRY_ASSIGN(const std::optional<bool> if_installed, table.boolean("if_installed"));
    group.if_installed = if_installed.value_or(false);
    if (group.if_installed && group.program.empty()) {
        return fail(table.error_at("if_installed", "is for other people's programs"));
    }
    for (const char* key : {"must_complete", "magnet"}) {
        if (group.kind != NodeKind::Client && table.has(key)) return fail(table.error_at(key, "is for clients only"));
    }
    return group;
}

}  // namespace

Result<std::string> read_kind(const ConfigTable& table, std::string_view key, std::vector<std::string_view> own,
                              const std::vector<std::string>& programs) {
    BT_TRY_ASSIGN(const std::string kind, table.need<std::string>(key, table.string(key)));
    own.insert(own.end(), programs.begin(), programs.end());
    std::string all;
    for (const std::string_view name : own) {
        if (name == kind) return kind;
        all += (all.empty() ? "\"" : ", \"") + std::string(name) + '"';
    }
    const std::optional<std::string_view> nearest = app::nearest_word(kind, own);
    return fail(table.error_at(
        key, "wanted one of " + all + (nearest ? "; did you mean \"" + std::string(*nearest) + "\"?" : "")));
}

Status read_groups(const ConfigTable& root, const std::vector<std::string>& programs, Scenario& scenario) {
    BT_TRY_ASSIGN(const std::vector<ConfigTable> tables, root.tables("nodes"));
    std::set<std::string> names = {"tracker"};
    std::size_t total = 0;
    for (const ConfigTable& table : tables) {
        BT_TRY_ASSIGN(NodeGroup group, read_group(table, programs));
        if (!names.insert(group.name).second) {
            return fail(table.error_here("the name " + group.name + " is taken: give each group its own"));
        }
        total += group.count;
        if (total > kMaxNodes) return fail(table.error_here("more than 250 nodes in all"));
        scenario.groups.push_back(std::move(group));
    }
    for (const NodeKind kind : {NodeKind::Seeder, NodeKind::Client}) {
        if (scenario.count(kind) > 0) continue;
        return fail(root.error_here("wanted [[nodes]] with kind = \"" + std::string(kind_name(kind)) + "\""));
    }
    return {};
}

Result<std::string> read_nodes(const ConfigTable& table, std::string_view key, const Scenario& scenario) {
    BT_TRY_ASSIGN(std::string pattern, table.need<std::string>(key, table.string(key)));
    BT_TRY(check_nodes(table, key, pattern, scenario));
    return pattern;
}

Status check_nodes(const ConfigTable& table, std::string_view key, const std::string& pattern,
                   const Scenario& scenario) {
    const std::vector<std::string> names = scenario.node_names();
    for (const std::string& name : names) {
        if (matches_pattern(name, pattern)) return {};
    }
    const std::vector<std::string_view> candidates(names.begin(), names.end());
    const std::optional<std::string_view> nearest = app::nearest_word(pattern, candidates);
    return fail(table.error_at(
        key, "no node is called " + pattern + (nearest ? "; did you mean " + std::string(*nearest) + "?" : "")));
}

}  // namespace bt::lab
