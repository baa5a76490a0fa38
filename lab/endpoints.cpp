#include "lab/endpoints.h"

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "common/base/encoding.h"
#include "lab/torrent_files.h"

namespace bt::lab {
namespace {

using Json = nlohmann::ordered_json;

// The kernel takes no longer one, with its name (MAX_ARG_STRLEN).
constexpr std::size_t kMaxVariable = (128u << 10) - 64;

std::string endpoints_text(const Json& json) {
    return json.dump(-1, ' ', false, nlohmann::detail::error_handler_t::replace);
}

std::string_view phase_name(Phase phase) {
    switch (phase) {
        case Phase::Waiting:
            return "waiting";
        case Phase::Started:
            return "started";
        case Phase::Ready:
            return "ready";
        case Phase::Stopping:
            return "stopping";
        case Phase::Ended:
            return "ended";
    }
    return "unknown";
}

Json list_nodes(const LabRun& run) {
    Json list = Json::array();
    const std::vector<NodeStatus>& nodes = run.director().nodes();
    for (std::size_t i = 0; i < nodes.size(); ++i) {
        const NodeStatus& node = nodes[i];
        const NodePlan& planned = run.plan().nodes[i];
        Json one = {{"name", node.name},     {"kind", kind_name(node.kind)},      {"address", node.address},
                    {"listen", node.listen}, {"folder", planned.folder.string()}, {"phase", phase_name(node.phase)}};
        if (const pid_t pid = run.swarm().pid_of(i); pid > 0) one["pid"] = pid;
        if (node.kind != NodeKind::Tracker) one["progress"] = node.progress;
        if (node.kind == NodeKind::Client) {
            one["files"] = planned.files.string();
            one["complete"] = node.completed_at.has_value();
        }
        if (node.phase == Phase::Ended) one["ended"] = how_it_ended(node);
        list.push_back(std::move(one));
    }
    return list;
}

}  // namespace

std::string tracker_url(const LabRun& run) { return run.director().nodes().front().announce; }

std::string nodes_json(const LabRun& run) { return endpoints_text(list_nodes(run)); }

Result<std::vector<std::pair<std::string, std::string>>> swarm_environment(const LabRun& run) {
    BT_TRY_ASSIGN(const meta::Metainfo metainfo, load_torrent(run.plan().torrent));
    const std::filesystem::path file = run.folder() / "nodes.json";
    const std::string nodes = nodes_json(run);
    BT_TRY(write_text(file, nodes + '\n'));
    std::vector<std::pair<std::string, std::string>> environment = {
        {"SWARMLAB_TRACKER_URL", tracker_url(run)},
        {"SWARMLAB_TORRENT", run.plan().torrent.string()},
        {"SWARMLAB_INFO_HASH", to_hex(metainfo.info_hash())},
        {"SWARMLAB_NODES_FILE", file.string()},
        {kMark, run.folder().string()}};
    if (nodes.size() <= kMaxVariable) environment.emplace_back("SWARMLAB_NODES", nodes);
    return environment;
}

std::string endpoints_json(const LabRun& run) {
    return endpoints_text({{"name", run.scenario().name},
                           {"run", run.folder().string()},
                           {"lab_pid", getpid()},
                           {"tracker_url", tracker_url(run)},
                           {"torrent", run.plan().torrent.string()},
                           {"content", run.plan().content.string()},
                           {"nodes", list_nodes(run)}});
}

}  // namespace bt::lab
