#pragma once

// What a run was and whether it held what its scenario expects; as JSON (docs/formats.md) and as text. Pure.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "lab/compare.h"
#include "lab/director.h"
#include "lab/node_status.h"
#include "lab/scenario.h"

namespace bt::lab {

struct Verdict {
    std::string expectation;  // "all_complete_within", …
    bool held = false;
    std::string detail;
};

struct ContentFacts {
    std::string name;
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t pieces = 0;
    std::uint64_t piece_length = 0;
    std::string info_hash;
};

// What became of an entry of the timeline.
struct TimelineOutcome {
    std::string what;
    bool optional = false;
    TimelineRecord times;
};

struct RunRecord {
    std::string started_at;  // "2026-01-31T12:00:00Z"
    double wall_s = 0;
    std::string folder;
    std::string subnet;  // empty: on a cluster
    std::string job;     // of Slurm; empty: here
    Outcome outcome = Outcome::Complete;
    std::string detail;
    bool held = false;  // somebody worked with the swarm and ended it; nothing is judged that did not come about
    std::optional<Duration> completion_time;
    ContentFacts content;
    std::map<std::string, std::string> versions;  // program -> version
    std::vector<NodeStatus> nodes;
    std::map<std::string, Comparison> comparisons;  // client -> its files against the original
    double clients_started_at = 0;                  // seconds since the run began
    std::vector<std::uint64_t> event_counts;        // for each query of the expectations
    std::vector<TimelineOutcome> timeline;
    std::map<std::string, std::string> file_hashes;  // "node:path" -> SHA-1, or why there is none
    std::vector<Verdict> verdicts;
};

enum class LabExit : int { Held = 0, Failed = 1, ScenarioWrong = 2, Environment = 3, Interrupted = 130 };

// One verdict for each expectation of the scenario. Where the run was interrupted or never began there is nothing to
// judge, and the list is empty.
[[nodiscard]] std::vector<Verdict> judge(const Expectations& expect, const RunRecord& run);
// Those that name nodes, events or files (judge_numbers.cpp).
void judge_numbers(const Expectations& expect, const RunRecord& run, std::vector<Verdict>& verdicts);
[[nodiscard]] LabExit exit_of(const RunRecord& run);

[[nodiscard]] std::string report_json(const Scenario& scenario, const RunRecord& run);
// A few lines for people.
[[nodiscard]] std::string summary_text(const Scenario& scenario, const RunRecord& run);

}  // namespace bt::lab
