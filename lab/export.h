#pragma once

// A scenario for those who run containers: files for `docker compose` and for Kubernetes. Pure.
//
// What differs from a run of the lab, on both: nobody drives or judges the nodes. Ports are fixed (each container has
// its own address), the tracker is found by its name, clients end when they are complete, events go into files on the
// volume that all share. So what the lab does while nodes run (timeline, start times), other people's programs, magnet
// links and scripted peers with a script are refused: InvalidConfig, "FILE:LINE: what".

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "lab/plan_json.h"

namespace bt::lab {

inline constexpr std::uint16_t kTrackerPort = 6969;
inline constexpr std::uint16_t kPeerPort = 6881;

struct ContainerNode {
    std::string name;   // client-1
    std::string group;  // client
    NodeKind kind = NodeKind::Client;
    bool must_complete = true;
    std::vector<std::string> argv;  // programs by their names
    std::string outdir;             // of a client
};

// Paths are those in a container: /swarm is the volume that all share, /config has `config`.
struct ContainerPlan {
    std::string name;
    std::string torrent;                                      // /swarm/NAME.torrent
    std::string content_path;                                 // of something real on this machine; empty: a recipe
    std::vector<std::pair<std::string, std::string>> config;  // file name, text
    std::vector<std::string> make_content;                    // empty: it is mounted at `content`
    std::string content;                                      // in a container
    std::vector<std::string> make_torrent;
    std::vector<ContainerNode> nodes;  // tracker first
};

// `tracker`: its name on the network.
[[nodiscard]] Result<ContainerPlan> container_plan(const Prepared& prepared, const std::string& tracker);

using ExportedFiles = std::vector<std::pair<std::string, std::string>>;  // path, text
[[nodiscard]] Result<ExportedFiles> export_compose(const Prepared& prepared);
[[nodiscard]] Result<ExportedFiles> export_kubernetes(const Prepared& prepared);

// The image that both name, from the folder that has it beside `bin/` with the programs.
[[nodiscard]] std::string dockerfile();

// One argument of a shell's command line.
[[nodiscard]] std::string shell_word(const std::string& text);

}  // namespace bt::lab
