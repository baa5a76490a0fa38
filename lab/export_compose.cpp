// The part of export.h for docker compose: one service a node, two that prepare, one that says the verdict.

#include <algorithm>
#include <nlohmann/json.hpp>

#include "lab/export.h"
#include "lab/yaml.h"

namespace bt::lab {
namespace {

using Json = nlohmann::ordered_json;

// A '$' is compose's own.
Json command_of(const std::vector<std::string>& argv) {
    Json out = Json::array();
    for (const std::string& argument : argv) {
        std::string text;
        for (const char c : argument) text += c == '$' ? std::string("$$") : std::string(1, c);
        out.push_back(text);
    }
    return out;
}

Json volumes_of(const ContainerPlan& plan) {
    Json volumes = {"swarm:/swarm", "./config:/config:ro"};
    if (!plan.content_path.empty()) {
        volumes.push_back(
            {{"type", "bind"}, {"source", plan.content_path}, {"target", plan.content}, {"read_only", true}});
    }
    return volumes;
}

class Services {
  public:
    explicit Services(const ContainerPlan& plan) : volumes_(volumes_of(plan)) {}

    Json& add(const std::string& name, const std::vector<std::string>& argv) {
        services_[name] = {{"image", "${SWARMLAB_IMAGE:-swarmlab}"},
                           {"build", "."},
                           {"command", command_of(argv)},
                           {"volumes", volumes_}};
        return services_[name];
    }
    [[nodiscard]] Json take() { return std::move(services_); }

  private:
    Json volumes_;
    Json services_ = Json::object();
};

Json after(const std::string& condition) { return {{"condition", condition}}; }

std::vector<std::string> verdict_argv(const ContainerPlan& plan) {
    std::string script;
    for (const ContainerNode& node : plan.nodes) {
        if (node.kind != NodeKind::Client || !node.must_complete) continue;
        script += (script.empty() ? "" : " && ") + ("swarm-client verify --quiet " + shell_word(plan.torrent) + ' ') +
                  shell_word(node.outdir);
    }
    return {"sh", "-c", script.empty() ? "true" : script};
}

}  // namespace

Result<ExportedFiles> export_compose(const Prepared& prepared) {
    BT_TRY_ASSIGN(const ContainerPlan plan, container_plan(prepared, "tracker"));
    Services services(plan);
    if (!plan.make_content.empty()) services.add("content", plan.make_content);
    Json& torrent = services.add("torrent", plan.make_torrent);
    if (!plan.make_content.empty()) torrent["depends_on"] = {{"content", after("service_completed_successfully")}};
    Json clients = Json::object();
    for (const ContainerNode& node : plan.nodes) {
        Json& service = services.add(node.name, node.argv);
        if (node.kind == NodeKind::Tracker) continue;
        service["depends_on"] = {{"torrent", after("service_completed_successfully")},
                                 {"tracker", after("service_started")}};
        for (const ContainerNode& seeder : plan.nodes) {
            if (node.kind == NodeKind::Client && seeder.kind == NodeKind::Seeder) {
                service["depends_on"][seeder.name] = after("service_started");
            }
        }
        if (node.kind == NodeKind::Client && node.must_complete) {
            clients[node.name] = after("service_completed_successfully");
        }
    }
    services.add("verdict", verdict_argv(plan))["depends_on"] = clients;
    const Json out = {{"version", "3.9"}, {"services", services.take()}, {"volumes", {{"swarm", Json::object()}}}};
    ExportedFiles files = {{"docker-compose.yml",
                            "# The scenario " + plan.name +
                                " as containers. Beside it: Dockerfile (wants bin/), config/.\n"
                                "#   docker-compose build\n"
                                "#   docker-compose run --rm verdict; docker-compose down --volumes\n"
                                "# The first command's exit code is 0 when every client is complete and verified.\n" +
                                yaml_from_json(out.dump(-1, ' ', true, nlohmann::detail::error_handler_t::replace))},
                           {"Dockerfile", dockerfile()}};
    for (const auto& [name, text] : plan.config) files.emplace_back("config/" + name, text);
    return files;
}

}  // namespace bt::lab
