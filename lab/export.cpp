#include "lab/export.h"

#include <algorithm>

#include "lab/cluster.h"

namespace bt::lab {
namespace {

// The value behind an option, where the command has it.
std::string* value_of(std::vector<std::string>& argv, std::string_view option) {
    const auto found = std::ranges::find(argv, option);
    return found == argv.end() || found + 1 == argv.end() ? nullptr : &*(found + 1);
}

void remove_option(std::vector<std::string>& argv, std::string_view option) {
    const auto found = std::ranges::find(argv, option);
    if (found != argv.end()) argv.erase(found, found + 2);
}

void replace_start(std::string& text, std::string_view from, std::string_view to) {
    if (text.starts_with(from)) text.replace(0, from.size(), to);
}

std::vector<std::string> in_container(std::vector<std::string> argv) {
    for (std::string& argument : argv) {
        replace_start(argument, "{bin}/", "");
        replace_start(argument, "{run}/tracker.toml", "/config/tracker.toml");
        replace_start(argument, "{run}/recipe.toml", "/config/recipe.toml");
        replace_start(argument, "{run}/", "/swarm/");
    }
    return argv;
}

std::string group_of(const std::string& name) { return name.substr(0, name.rfind('-')); }

ContainerNode container_node(const NodePlan& node, ContainerPlan& plan) {
    ContainerNode out;
    out.name = node.name;
    out.group = group_of(node.name);
    out.kind = node.kind;
    out.must_complete = node.must_complete;
    std::vector<std::string> argv = node.argv;
    remove_option(argv, "--bind");
    *value_of(argv, "--port") = std::to_string(node.kind == NodeKind::Tracker ? kTrackerPort : kPeerPort);
    *value_of(argv, "--events") = "/swarm/" + node.name + ".events.jsonl";
    *value_of(argv, "--stats-interval") = "1";
    if (std::string* time = value_of(argv, "--seed-time")) *time = "0";
    if (std::string* outdir = value_of(argv, "--outdir")) *outdir = out.outdir = "/swarm/" + node.name;
    if (!node.limits_file.empty()) {
        const std::string file = "limits-" + out.group + ".toml";
        *value_of(argv, "--config") = "/config/" + file;
        const std::pair<std::string, std::string> entry(file, limits_text(node.kind, node.limits));
        if (std::ranges::find(plan.config, entry) == plan.config.end()) plan.config.push_back(entry);
    }
    out.argv = in_container(std::move(argv));
    return out;
}

Status check_options(const Scenario& scenario) {
    BT_TRY(check_for_export(scenario));
    for (const NodeGroup& group : scenario.groups) {
        const bool script = std::ranges::find(group.options, "--script") != group.options.end();
        if (!group.magnet && !script) continue;
        const std::string what = group.magnet ? "magnet: the link is known when the torrent is made, by the lab only"
                                              : "script: the file is on this machine only";
        return fail(local_error(ErrorCode::InvalidConfig,
                                scenario.file + ":" + std::to_string(group.line) + ": " + group.name + ": " + what));
    }
    return {};
}

}  // namespace

Result<ContainerPlan> container_plan(const Prepared& prepared, const std::string& tracker) {
    BT_TRY(check_options(prepared.scenario));
    const Plan plan = abstract_plan(prepared);
    BT_TRY_ASSIGN(const PrepareSteps steps, prepare_steps(prepared, plan));
    ContainerPlan out;
    out.name = prepared.scenario.name;
    out.torrent = "/swarm/" + plan.torrent.filename().string();
    for (const auto& [path, text] : steps.files) {
        out.config.emplace_back(std::filesystem::path(path).filename().string(), text);
    }
    if (!prepared.recipe) out.content_path = plan.content.string();
    const std::string content = "/swarm/content/" + plan.content.filename().string();
    out.content = content;
    for (const std::vector<std::string>& command : steps.commands) out.make_content = in_container(command);
    out.make_torrent = in_container(plan.create_argv);
    out.make_torrent.push_back("http://" + tracker + ':' + std::to_string(kTrackerPort) + "/announce");
    for (const NodePlan& node : plan.nodes) out.nodes.push_back(container_node(node, out));
    if (out.content_path.empty()) return out;
    const auto mounted = [&](std::vector<std::string>& argv) { std::ranges::replace(argv, out.content_path, content); };
    mounted(out.make_torrent);
    for (ContainerNode& node : out.nodes) mounted(node.argv);
    return out;
}

std::string dockerfile() {
    return "# The programs of swarmlab as an image. Beside this file: bin/ with swarm-client, swarm-seeder, "
           "swarm-tracker\n"
           "# and swarm-lab, built on Debian 12.\n"
           "FROM debian:bookworm-slim\n"
           "RUN apt-get update && \\\n"
           "    apt-get install -y --no-install-recommends libssl3 libstdc++6 libtomlplusplus3 libuv1 zlib1g && \\\n"
           "    rm -rf /var/lib/apt/lists/*\n"
           "COPY bin/ /usr/local/bin/\n";
}

std::string shell_word(const std::string& text) {
    const bool plain = !text.empty() && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               std::string_view("-_./:").find(c) != std::string_view::npos;
    });
    if (plain) return text;
    std::string out = "'";
    for (const char c : text) out += c == '\'' ? std::string("'\\''") : std::string(1, c);
    return out + '\'';
}

}  // namespace bt::lab
