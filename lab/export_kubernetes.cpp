// The part of export.h for Kubernetes: the tracker a Deployment with a Service, each group of nodes an Indexed Job.

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "lab/export.h"
#include "lab/yaml.h"

namespace bt::lab {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxLabel = 40;  // of 63 that a name has, with room for what is put behind it
constexpr const char* kIndex = "$(JOB_COMPLETION_INDEX)";
constexpr std::uint64_t kMegabyte = 1u << 20;

// Lower-case letters, digits and '-', which do not stand at an end.
std::string label(const std::string& name) {
    std::string out;
    for (const char c : name.substr(0, kMaxLabel)) {
        const bool upper = c >= 'A' && c <= 'Z';
        out += upper ? static_cast<char>(c + 32) : c == '_' ? '-' : c;
    }
    while (out.ends_with('-')) out.pop_back();
    while (out.starts_with('-')) out.erase(0, 1);
    return out.empty() ? "swarm" : out;
}

class Objects {
  public:
    Objects(const ContainerPlan& plan, std::uint64_t bytes) : plan_(plan), name_(label(plan.name)), bytes_(bytes) {}

    [[nodiscard]] std::vector<Json> all() const {
        std::vector<Json> out = {config(), volume(), peers_service(), tracker_service(), tracker()};
        std::vector<std::string> done = {"tracker"};
        for (const ContainerNode& node : plan_.nodes) {
            if (std::ranges::find(done, node.group) != done.end()) continue;
            out.push_back(job(node));
            done.push_back(node.group);
        }
        return out;
    }

  private:
    [[nodiscard]] std::string named(const std::string& part) const { return name_ + '-' + label(part); }

    [[nodiscard]] Json head(const char* version, const char* kind, const std::string& name) const {
        return {{"apiVersion", version}, {"kind", kind}, {"metadata", {{"name", name}, {"labels", {{"app", name_}}}}}};
    }

    [[nodiscard]] Json config() const {
        Json out = head("v1", "ConfigMap", named("config"));
        for (const auto& [file, text] : plan_.config) out["data"][file] = text;
        return out;
    }

    [[nodiscard]] Json volume() const {
        Json out = head("v1", "PersistentVolumeClaim", named("data"));
        const std::uint64_t copies = plan_.nodes.size() + 2;
        out["spec"] = {{"accessModes", {"ReadWriteMany"}},
                       {"resources",
                        {{"requests", {{"storage", std::to_string(copies * (bytes_ / kMegabyte + 1) + 100) + "Mi"}}}}}};
        return out;
    }

    // Gives pods of the jobs the names JOB-INDEX.SCENARIO.
    [[nodiscard]] Json peers_service() const {
        Json out = head("v1", "Service", name_);
        out["spec"] = {{"clusterIP", "None"},
                       {"publishNotReadyAddresses", true},
                       {"selector", {{"app", name_}}},
                       {"ports", {{{"name", "peer"}, {"port", kPeerPort}}}}};
        return out;
    }

    [[nodiscard]] Json tracker_service() const {
        Json out = head("v1", "Service", named("tracker"));
        out["spec"] = {{"selector", {{"app", name_}, {"role", "tracker"}}},
                       {"ports", {{{"name", "announce"}, {"port", kTrackerPort}}}}};
        return out;
    }

    [[nodiscard]] Json container(const std::string& name, const std::vector<std::string>& argv) const {
        return {{"name", name},
                {"image", "swarmlab"},
                {"imagePullPolicy", "IfNotPresent"},
                {"command", argv},
                {"volumeMounts",
                 {{{"name", "data"}, {"mountPath", "/swarm"}},
                  {{"name", "config"}, {"mountPath", "/config"}, {"readOnly", true}}}}};
    }

    [[nodiscard]] Json pod(const std::string& role, Json spec) const {
        spec["volumes"] = {{{"name", "data"}, {"persistentVolumeClaim", {{"claimName", named("data")}}}},
                           {{"name", "config"}, {"configMap", {{"name", named("config")}}}}};
        return {{"metadata", {{"labels", {{"app", name_}, {"role", role}}}}}, {"spec", spec}};
    }

    // Once, also where the pod is started again; the torrent comes last and at once.
    [[nodiscard]] Json prepare() const {
        const auto line = [](const std::vector<std::string>& argv) {
            std::string out;
            for (const std::string& word : argv) out += (out.empty() ? "" : " ") + shell_word(word);
            return out;
        };
        const std::string torrent = shell_word(plan_.torrent);
        std::vector<std::string> make = plan_.make_torrent;
        std::ranges::replace(make, plan_.torrent, plan_.torrent + ".new");
        return container("prepare", {"sh", "-c",
                                     "[ -e " + torrent + " ] || { rm -rf /swarm/content " + torrent + ".new && " +
                                         line(plan_.make_content) + " && " + line(make) + " && mv " + torrent +
                                         ".new " + torrent + "; }"});
    }

    [[nodiscard]] Json tracker() const {
        Json out = head("apps/v1", "Deployment", named("tracker"));
        Json server = container("tracker", plan_.nodes.front().argv);
        server["ports"] = {{{"containerPort", kTrackerPort}}};
        server["readinessProbe"] = {{"tcpSocket", {{"port", kTrackerPort}}}, {"periodSeconds", 1}};
        out["spec"] = {{"replicas", 1},
                       {"selector", {{"matchLabels", {{"app", name_}, {"role", "tracker"}}}}},
                       {"template", pod("tracker", {{"initContainers", {prepare()}}, {"containers", {server}}})}};
        return out;
    }

    // Pods differ by their index, which the cluster counts from 0.
    [[nodiscard]] std::vector<std::string> indexed(const ContainerNode& node) const {
        std::vector<std::string> argv = node.argv;
        for (std::size_t i = 1; i < argv.size(); ++i) {
            if (argv[i - 1] == "--rng-seed") {  // at most 12 digits, and the index behind them
                argv[i] = argv[i].substr(0, 12) + kIndex;
                continue;
            }
            const std::size_t at = argv[i].find(node.name);
            const bool ours = argv[i - 1] == "--node-name" || argv[i - 1] == "--events" || argv[i - 1] == "--outdir";
            if (ours && at != std::string::npos) argv[i].replace(at, node.name.size(), node.group + '-' + kIndex);
        }
        return argv;
    }

    [[nodiscard]] Json job(const ContainerNode& node) const {
        const auto count = std::ranges::count(plan_.nodes, node.group, &ContainerNode::group);
        Json out = head("batch/v1", "Job", named(node.group));
        Json peer = container(label(node.group), indexed(node));
        peer["ports"] = {{{"containerPort", kPeerPort}}};
        const Json wait =
            container("torrent", {"sh", "-c", "until [ -e " + shell_word(plan_.torrent) + " ]; do sleep 1; done"});
        out["spec"] = {{"completionMode", "Indexed"},
                       {"completions", count},
                       {"parallelism", count},
                       {"backoffLimit", 0},
                       {"template", pod(std::string(kind_name(node.kind)), {{"subdomain", name_},
                                                                            {"restartPolicy", "Never"},
                                                                            {"initContainers", {wait}},
                                                                            {"containers", {peer}}})}};
        return out;
    }

    const ContainerPlan& plan_;
    std::string name_;
    std::uint64_t bytes_;
};

}  // namespace

Result<ExportedFiles> export_kubernetes(const Prepared& prepared) {
    if (!prepared.recipe) {
        return fail(local_error(ErrorCode::InvalidConfig,
                                prepared.scenario.file + ": content.path is on this machine; wanted a recipe"));
    }
    const std::string name = label(prepared.scenario.name);
    BT_TRY_ASSIGN(const ContainerPlan plan, container_plan(prepared, name + "-tracker"));
    std::string yaml = "# The scenario " + plan.name +
                       " for Kubernetes 1.24 or later, with the image `swarmlab` (Dockerfile).\n"
                       "#   kubectl apply -k .\n"
                       "# A job of clients is complete when each of them has and has checked every piece.\n";
    for (const Json& object : Objects(plan, prepared.recipe->total_size()).all()) {
        yaml += "---\n" + yaml_from_json(object.dump(-1, ' ', true, nlohmann::detail::error_handler_t::replace));
    }
    const Json kustomization = {
        {"apiVersion", "kustomize.config.k8s.io/v1beta1"}, {"kind", "Kustomization"}, {"resources", {"swarm.yaml"}}};
    return ExportedFiles{{"swarm.yaml", yaml},
                         {"kustomization.yaml", yaml_from_json(kustomization.dump())},
                         {"Dockerfile", dockerfile()}};
}

}  // namespace bt::lab
