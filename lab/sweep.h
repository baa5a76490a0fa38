#pragma once

// `[sweep]` in a scenario: the same swarm again and again with other values, and a table of what came out.
//
//   [sweep]
//   "client.count" = [0, 2, 4]     # a key of a group by the group's name, or of any table: "content.piece_length"
//   "aria2.count" = [4, 2, 0]      # all lists are of one length: the n-th values belong together
//
// Each variant is a scenario file of its own (JSON) in the sweep's folder, and its run's folder lies beside it, so that
// a single one can be run again. The sweep ends as its worst run did.

#include <string>
#include <utility>
#include <vector>

#include "common/app/config_tree.h"
#include "lab/run.h"

namespace bt::lab {

inline constexpr std::size_t kMaxSweep = 1000;  // runs

struct Variant {
    std::vector<std::pair<std::string, std::string>> values;  // key, as text
    std::string scenario;                                     // JSON
};

// None where the file has no [sweep]. Errors: InvalidConfig, "FILE:LINE: what".
[[nodiscard]] Result<std::vector<Variant>> read_sweep(const app::ConfigFile& file);

[[nodiscard]] LabExit run_or_sweep(const RunOptions& options);

}  // namespace bt::lab
