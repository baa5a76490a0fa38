// The part of plan.h that fills in an adapter's texts.

#include <algorithm>

#include "lab/plan.h"

namespace bt::lab {
namespace {

constexpr std::uint16_t kUsualPort = 6881;

Words words_of(const NodePlan& node, const Plan& plan, std::uint16_t port2) {
    const auto rate = [](const std::optional<std::uint64_t>& limit, std::uint64_t unit) {
        return std::to_string(limit.value_or(0) == 0 ? 0 : std::max<std::uint64_t>(1, *limit / unit));
    };
    const bool limited = node.limits.upload.value_or(0) > 0 || node.limits.download.value_or(0) > 0;
    return {{"name", node.name},
            {"address", node.hidden},
            {"port", std::to_string(node.port)},
            {"port2", std::to_string(port2)},
            {"folder", node.folder.string()},
            {"outdir", node.files.string()},
            {"source", (node.files / plan.content.filename()).string()},
            {"torrent", plan.torrent.string()},
            {"adapters", node.adapter->folder.string()},
            {"drivers", (node.adapter->folder / "drivers").string()},
            {"up", rate(node.limits.upload, 1)},
            {"down", rate(node.limits.download, 1)},
            {"up_kib", rate(node.limits.upload, 1024)},
            {"down_kib", rate(node.limits.download, 1024)},
            {"npm", npm_folder(node.adapter->folder)},
            {"limited", limited ? "true" : "false"}};
}

}  // namespace

void plan_foreign(NodePlan& node, const Plan& plan, const Places& places, std::shared_ptr<const Adapter> adapter,
                  const std::vector<std::string>& arguments) {
    node.adapter = std::move(adapter);
    node.port = places.free_port ? places.free_port(node.hidden) : kUsualPort;
    const std::uint16_t port2 =
        places.free_port ? places.free_port(node.hidden) : static_cast<std::uint16_t>(kUsualPort + 1);
    node.words = words_of(node, plan, port2);
    if (node.kind == NodeKind::Tracker) {  // others see its open address
        Words words = node.words;
        words["address"] = node.address;
        node.words["announce"] = expand(node.adapter->announce, words);
    }
    node.argv.clear();
    if (node.adapter->unprivileged && places.root) {
        // The kernel forgets to end a process with its parent when its user changes: so that is asked for again.
        node.argv = {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--pdeathsig=KILL"};
    }
    for (const std::string& argument : node.adapter->roles.at(node.kind).argv) {
        node.argv.push_back(expand(argument, node.words));
    }
    node.argv.insert(node.argv.end(), arguments.begin(), arguments.end());
    node.environment = {{"HOME", node.folder.string()}};
    for (const auto& [name, text] : node.adapter->environment) {
        node.environment.emplace_back(name, expand(text, node.words));
    }
    node.copy_content = node.kind == NodeKind::Seeder;
}

}  // namespace bt::lab
