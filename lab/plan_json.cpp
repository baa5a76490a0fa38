#include "lab/plan_json.h"

#include <nlohmann/json.hpp>

#include "common/app/text_file.h"

namespace bt::lab {
namespace {

using Json = nlohmann::ordered_json;

// "after": what must have come about before.
Json start_of(const NodePlan& node) {
    if (node.on_demand) return {{"on_demand", true}};
    if (node.start_after) return {{"after", "clients begin"}, {"delay_s", to_seconds(*node.start_after)}};
    switch (node.kind) {
        case NodeKind::Tracker:
            return {{"after", "prepared"}};
        case NodeKind::Seeder:
        case NodeKind::Peer:
            return {{"after", "torrent made"}};
        case NodeKind::Client:
            return {{"after", "clients begin"}};
    }
    return {};
}

Json end_of(const NodePlan& node, const Scenario& scenario) {
    const bool complete = node.kind == NodeKind::Client && node.must_complete;
    return {{"complete", complete},
            {"stop_signal", node.adapter ? node.adapter->stop_signal : 15},
            {"exit_codes", node.adapter ? node.adapter->exit_codes : scenario.expect.exit_codes}};
}

Json ready_of(const NodePlan& node) {
    if (!node.adapter || node.adapter->events) return {{"event", "ready"}};
    if (!node.adapter->ready_line.empty()) return {{"output_line", node.adapter->ready_line}};
    return {{"listens", "{address}:" + std::to_string(node.port)}};
}

Json environment_of(const NodePlan& node) {
    Json out = Json::object();
    for (const auto& [name, value] : node.environment) out[name] = value;
    return out;
}

Json link_of(const NodePlan& node) {
    const auto rate = [](const std::optional<std::uint64_t>& limit) { return limit ? Json(*limit) : Json(nullptr); };
    return {{"up", rate(node.limits.upload)},
            {"down", rate(node.limits.download)},
            {"delay_s", to_seconds(node.link.delay)},
            {"jitter_s", to_seconds(node.link.jitter)}};
}

Json files_of(const NodePlan& node) {
    Json out = Json::array();
    if (!node.limits_file.empty()) {
        out.push_back({{"path", node.limits_file.string()}, {"text", limits_text(node.kind, node.limits)}});
    }
    if (!node.adapter) return out;
    for (const auto& [name, text] : node.adapter->files) {
        out.push_back({{"path", (node.folder / name).string()}, {"text", expand(text, node.words)}});
    }
    for (const auto& [name, from] : node.adapter->copies) {
        out.push_back({{"path", (node.folder / name).string()}, {"copy_of", expand(from, node.words)}});
    }
    return out;
}

Json node_json(const NodePlan& node, const Scenario& scenario) {
    Json out = {{"name", node.name}, {"role", kind_name(node.kind)}};
    if (node.adapter) out["program"] = node.adapter->name;
    out["address"] = node.hidden;
    out["port"] = node.port;
    out["folder"] = node.folder.string();
    if (node.kind == NodeKind::Client || node.copy_content) out["downloads"] = node.files.string();
    if (node.copy_content) out["copy_content"] = true;
    out["files"] = files_of(node);
    out["argv"] = node.argv;
    out["environment"] = environment_of(node);
    out["events_fd"] = !node.adapter || node.adapter->events ? Json(kEventsDescriptor) : Json(nullptr);
    out["link"] = link_of(node);
    out["start"] = start_of(node);
    out["ready"] = ready_of(node);
    if (node.adapter && !node.adapter->roles.at(node.kind).after_ready.empty()) {
        Json command = Json::array();
        for (const std::string& argument : node.adapter->roles.at(node.kind).after_ready) {
            command.push_back(expand(argument, node.words));
        }
        out["after_ready"] = std::move(command);
    }
    out["end"] = end_of(node, scenario);
    return out;
}

Json timeline_json(const Scenario& scenario) {
    Json out = Json::array();
    for (const TimelineEntry& entry : scenario.timeline) {
        Json one = Json::object();
        if (entry.at) one["at_s"] = to_seconds(*entry.at);
        if (entry.when) one["when"] = entry.when->text;
        one["do"] = deed_name(entry.deed);
        one["nodes"] = entry.nodes;
        if (!entry.others.empty()) one["from"] = entry.others;
        if (entry.lasts) one["for_s"] = to_seconds(*entry.lasts);
        if (entry.limits.upload) one["upload"] = *entry.limits.upload;
        if (entry.limits.download) one["download"] = *entry.limits.download;
        if (entry.piece) one["piece"] = *entry.piece;
        out.push_back(std::move(one));
    }
    return out;
}

Json stop_json(const Scenario& scenario) {
    Json out = {{"when", scenario.stop.when ? scenario.stop.when->text : "all complete"},
                {"linger_s", to_seconds(scenario.stop.linger)}};
    if (scenario.stop.at) out["at_s"] = to_seconds(*scenario.stop.at);
    out["limit_s"] = to_seconds(scenario.expect.nobody_completes_for.value_or(scenario.expect.all_complete_within));
    return out;
}

}  // namespace

Plan abstract_plan(const Prepared& prepared) {
    Places places;
    places.bin = "{bin}";
    places.run = "{run}";
    places.content = prepared.recipe ? places.run / "content" / prepared.recipe->name
                                     : std::filesystem::path(prepared.scenario.content.path);
    places.hosts = {{"", "{address}"}};
    return make_plan(prepared.scenario, places, prepared.adapters);
}

Result<PrepareSteps> prepare_steps(const Prepared& prepared, const Plan& plan) {
    PrepareSteps steps;
    steps.files.emplace_back(plan.tracker_config.string(), plan.tracker_config_text);
    if (!prepared.recipe) return steps;
    BT_TRY_ASSIGN(std::string recipe, app::read_text_file(prepared.scenario.content.recipe, app::kMaxConfigSize));
    steps.files.emplace_back("{run}/recipe.toml", std::move(recipe));
    steps.commands.push_back({"{bin}/swarm-lab", "content", "{run}/recipe.toml", "{run}/content", "--rng-seed",
                              std::to_string(prepared.scenario.rng_seed)});
    return steps;
}

Result<std::string> plan_json(const Prepared& prepared) {
    const Scenario& scenario = prepared.scenario;
    const Plan plan = abstract_plan(prepared);
    BT_TRY_ASSIGN(const PrepareSteps steps, prepare_steps(prepared, plan));
    Json out = {{"format", 1}, {"scenario", scenario.name}, {"rng_seed", scenario.rng_seed}};
    out["content"] = plan.content.string();
    out["torrent"] = plan.torrent.string();
    Json files = Json::array();
    for (const auto& [path, text] : steps.files) files.push_back({{"path", path}, {"text", text}});
    std::vector<std::string> create = plan.create_argv;
    create.emplace_back("{announce}");
    out["prepare"] = {{"files", files}, {"commands", steps.commands}};
    out["make_torrent"] = {{"after", "tracker ready"}, {"argv", create}};
    out["clients_begin"] = {{"after", "seeders and peers ready"}};
    out["through_relay"] = plan.relay;
    out["nodes"] = Json::array();
    for (const NodePlan& node : plan.nodes) out["nodes"].push_back(node_json(node, scenario));
    out["timeline"] = timeline_json(scenario);
    out["stop"] = stop_json(scenario);
    return out.dump(2, ' ', false, nlohmann::detail::error_handler_t::replace) + "\n";
}

}  // namespace bt::lab
