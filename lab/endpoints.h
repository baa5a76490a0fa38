#pragma once

// What others need to know of a swarm that is up, to work with it: where the tracker is, the torrent, the nodes. The
// same words for a command that runs inside (its environment), for `up` and for the control channel (docs/formats.md).

#include <string>
#include <utility>
#include <vector>

#include "lab/director.h"
#include "lab/run.h"

namespace bt::lab {

// "http://127.33.7.1:4711/announce"; empty before the tracker is ready.
[[nodiscard]] std::string tracker_url(const LabRun& run);

// A JSON list: name, kind, address, listen, folder, files (clients), phase, progress, pid, complete.
[[nodiscard]] std::string nodes_json(const LabRun& run);

// SWARMLAB_TRACKER_URL, SWARMLAB_TORRENT, SWARMLAB_INFO_HASH, SWARMLAB_NODES, SWARMLAB_RUN; and SWARMLAB_NODES_FILE,
// which has what SWARMLAB_NODES has, also where that is too long for an environment and left out. Writes that file.
[[nodiscard]] Result<std::vector<std::pair<std::string, std::string>>> swarm_environment(const LabRun& run);

// One JSON object: name, run, lab_pid, tracker_url, torrent, content, nodes.
[[nodiscard]] std::string endpoints_json(const LabRun& run);

}  // namespace bt::lab
