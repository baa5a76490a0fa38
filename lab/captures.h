#pragma once

// `swarm-lab run --capture`: every node of ours records its connections (nodes/NODE/capture-N.pcapng, one for each time
// it was started); when the run is over they become one capture.pcapng in the run's folder (capture_merge.h).

#include <filesystem>

#include "common/base/result.h"
#include "lab/plan.h"

namespace bt::lab {

// In a command line: the file of this start.
inline constexpr std::string_view kCapturePlace = "{capture}";

// Own clients and seeders; other programs are seen from the other end of their connections.
void add_captures(Plan& plan);
[[nodiscard]] std::filesystem::path next_capture(const NodePlan& node);
// Error: the system's. The nodes' captures are gone then.
[[nodiscard]] Status collect_captures(const Plan& plan, const std::filesystem::path& run);

}  // namespace bt::lab
