// The part of report.h that compares a run with its expectations.

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "lab/report.h"

namespace bt::lab {
namespace {

std::string in_seconds(Duration duration) {
    char text[40];
    std::snprintf(text, sizeof text, "%.4g s", to_seconds(duration));
    return text;
}

Verdict judge_completion(const Expectations& expect, const RunRecord& run) {
    std::size_t clients = 0, complete = 0;
    for (const NodeStatus& node : run.nodes) {
        if (node.kind != NodeKind::Client || !node.must_complete) continue;
        ++clients;
        complete += node.completed_at ? 1 : 0;
    }
    Verdict verdict{"all_complete_within",
                    run.completion_time && *run.completion_time <= expect.all_complete_within &&
                        run.outcome != Outcome::NodeLost && run.outcome != Outcome::TimedOut,
                    ""};
    verdict.detail = std::to_string(complete) + " of " + std::to_string(clients) + " clients complete";
    if (run.completion_time) verdict.detail += " after " + in_seconds(*run.completion_time);
    verdict.detail += ", limit " + in_seconds(expect.all_complete_within);
    if (!verdict.held) verdict.detail += "; " + run.detail;
    return verdict;
}

Verdict judge_nobody(const RunRecord& run) {
    Verdict verdict{"nobody_completes_for", run.outcome == Outcome::Stopped, run.detail};
    for (const NodeStatus& node : run.nodes) {
        if (node.kind != NodeKind::Client || !node.completed_at) continue;
        verdict.held = false;
        verdict.detail = node.name + " is complete";
    }
    return verdict;
}

// A scenario whose trigger never came has tested nothing.
Verdict judge_timeline(const RunRecord& run) {
    Verdict verdict{"timeline", true, std::to_string(run.timeline.size()) + " entries, each came"};
    std::string missing;
    for (const TimelineOutcome& entry : run.timeline) {
        if (entry.optional || (entry.times.fired_at && entry.times.done > 0)) continue;
        missing += (missing.empty() ? "" : "; ") + entry.what;
        if (entry.times.fired_at) missing += " (there was nothing to do it to)";
    }
    if (!missing.empty()) verdict = {"timeline", false, "did not come: " + missing};
    return verdict;
}

Verdict judge_files(const RunRecord& run) {
    Verdict verdict{"files_identical", true, ""};
    std::uint64_t files = 0, bytes = 0;
    for (const NodeStatus& node : run.nodes) {
        if (node.kind != NodeKind::Client || (!node.must_complete && !node.completed_at)) continue;
        const auto found = run.comparisons.find(node.name);
        if (found != run.comparisons.end() && found->second.identical()) {
            files += found->second.files;
            bytes += found->second.bytes;
            continue;
        }
        verdict.held = false;
        verdict.detail += (verdict.detail.empty() ? "" : "; ") + node.name + ": ";
        if (found == run.comparisons.end()) {
            verdict.detail += "nothing to compare";
        } else {
            verdict.detail += std::to_string(found->second.different) + " of " + std::to_string(found->second.files) +
                              " files differ";
            if (!found->second.differences.empty()) verdict.detail += " (" + found->second.differences[0] + ")";
        }
    }
    if (verdict.held) verdict.detail = std::to_string(files) + " files, " + std::to_string(bytes) + " bytes compared";
    return verdict;
}

Verdict judge_hash_failures(const Expectations& expect, const RunRecord& run) {
    std::uint64_t failures = 0;
    for (const NodeStatus& node : run.nodes) {
        failures += node.kind == NodeKind::Peer ? 0 : node.total.hash_failures.value_or(0);
    }
    return {"max_hash_failures", failures <= expect.max_hash_failures,
            std::to_string(failures) + " hash failures, limit " + std::to_string(expect.max_hash_failures)};
}

// What is wrong with the ends of a node; empty where nothing is.
std::string wrong_ends(const NodeStatus& node, const Expectations& expect) {
    const std::vector<int>& allowed = node.allowed_exits.empty() ? expect.exit_codes : node.allowed_exits;
    const auto is_allowed = [&allowed](int end) { return std::ranges::find(allowed, end) != allowed.end(); };
    std::string wrong;
    for (const NodeStatus::End& end : node.earlier_ends) {
        if (!end.signal && is_allowed(end.exit_code.value_or(-1))) continue;
        const std::string how = end.signal ? "signal " + std::to_string(*end.signal)
                                           : "exit code " + std::to_string(end.exit_code.value_or(-1));
        wrong += (wrong.empty() ? "" : ", ") + how + " before it was started again";
    }
    if (node.killed && !is_allowed(-SIGKILL))
        wrong += (wrong.empty() ? "" : ", ") + std::string("did not stop in time");
    if (node.taken_down && !is_crash(node.signal)) return wrong;
    // Ours hold the signal until they can hear it (net/signals.h); of other programs that cannot be asked.
    const bool by_our_signal = node.signal == SIGTERM || node.signal == SIGINT;
    const bool excused = !node.program.empty() && node.stopped_early && by_our_signal;
    if (excused || is_allowed(node.signal ? -*node.signal : node.exit_code.value_or(-1))) return wrong;
    return wrong + (wrong.empty() ? "" : ", ") + how_it_ended(node);
}

Verdict judge_exit_codes(const Expectations& expect, const RunRecord& run) {
    Verdict verdict{"exit_codes", true, ""};
    for (const NodeStatus& node : run.nodes) {
        if (node.phase == Phase::Waiting) continue;
        const std::string wrong = wrong_ends(node, expect);
        if (wrong.empty()) continue;
        verdict.held = false;
        verdict.detail += (verdict.detail.empty() ? "" : "; ") + node.name + ": " + wrong;
    }
    if (verdict.held) verdict.detail = "every node ended as allowed";
    return verdict;
}

bool is_script(const NodeStatus& node) { return node.scripted && node.phase != Phase::Waiting; }

// A script that was never done to its end has tested as little as one that failed.
Verdict judge_scripts(const RunRecord& run) {
    Verdict verdict{"scripts_done", true, ""};
    for (const NodeStatus& node : run.nodes) {
        if (!is_script(node)) continue;
        verdict.held = verdict.held && node.scripts_failed == 0 && node.scripts_done > 0;
        verdict.detail += (verdict.detail.empty() ? "" : "; ") + node.name + ": done " +
                          std::to_string(node.scripts_done) + ", failed " + std::to_string(node.scripts_failed);
    }
    return verdict;
}

}  // namespace

std::vector<Verdict> judge(const Expectations& expect, const RunRecord& run) {
    if (run.held && run.outcome == Outcome::Stopped) return {};
    if (run.outcome == Outcome::Interrupted || run.outcome == Outcome::Environment ||
        run.outcome == Outcome::ScenarioWrong) {
        return {};
    }
    const bool nobody = expect.nobody_completes_for.has_value();
    std::vector<Verdict> verdicts = {nobody ? judge_nobody(run) : judge_completion(expect, run)};
    if (const Verdict timeline = judge_timeline(run); !run.timeline.empty()) verdicts.push_back(timeline);
    if (expect.files_identical && !nobody) verdicts.push_back(judge_files(run));
    verdicts.push_back(judge_hash_failures(expect, run));
    verdicts.push_back(judge_exit_codes(expect, run));
    if (expect.scripts_done && std::ranges::any_of(run.nodes, is_script)) verdicts.push_back(judge_scripts(run));
    judge_numbers(expect, run, verdicts);
    return verdicts;
}

LabExit exit_of(const RunRecord& run) {
    switch (run.outcome) {
        case Outcome::Interrupted:
            return LabExit::Interrupted;
        case Outcome::Environment:
            return LabExit::Environment;
        case Outcome::ScenarioWrong:
            return LabExit::ScenarioWrong;
        case Outcome::Complete:
        case Outcome::Stopped:
        case Outcome::TimedOut:
        case Outcome::NodeLost:
            break;
    }
    const bool held = std::ranges::all_of(run.verdicts, &Verdict::held) && (run.held || !run.verdicts.empty());
    return held ? LabExit::Held : LabExit::Failed;
}

}  // namespace bt::lab
