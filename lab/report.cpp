#include "lab/report.h"

#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/app/cli.h"
#include "common/app/progress_bar.h"

namespace bt::lab {
namespace {

using Json = nlohmann::ordered_json;

std::string_view verdict_word(LabExit exit) {
    switch (exit) {
        case LabExit::Held:
            return "held";
        case LabExit::Failed:
            return "failed";
        case LabExit::ScenarioWrong:
            return "scenario_wrong";
        case LabExit::Environment:
            return "environment";
        case LabExit::Interrupted:
            return "interrupted";
    }
    return "unknown";
}

template <class T>
Json or_null(const std::optional<T>& value) {
    return value ? Json(*value) : Json(nullptr);
}

Json node_json(const NodeStatus& node, const RunRecord& run) {
    Json out = {{"name", node.name}, {"kind", kind_name(node.kind)}, {"address", node.address}};
    out["host"] = node.host.empty() ? "localhost" : node.host;
    if (!node.program.empty()) out["program"] = node.program;
    out["listen"] = node.listen;
    out["started_at_s"] = or_null(node.started_at);
    out["ready_at_s"] = or_null(node.ready_at);
    if (node.kind == NodeKind::Client) out["completed_at_s"] = or_null(node.completed_at);
    out["ended_at_s"] = or_null(node.ended_at);
    out["exit_code"] = or_null(node.exit_code);
    out["signal"] = or_null(node.signal);
    out["killed"] = node.killed;
    out["starts"] = node.starts;
    out["taken_down"] = node.taken_down;
    out["exit_reason"] = node.exit_reason;
    out["events"] = node.events;
    out["events_dropped"] = node.dropped_events;
    if (node.bad_events > 0) out["events_bad"] = node.bad_events;
    if (node.kind == NodeKind::Tracker) return out;
    out["pieces"] = node.pieces;
    out["have"] = node.have;
    const Totals& total = node.total;
    out["downloaded_bytes"] = or_null(total.downloaded);
    out["uploaded_bytes"] = or_null(total.uploaded);
    out["hash_failures"] = or_null(total.hash_failures);
    out["duplicate_bytes"] = or_null(total.wasted);
    const double downloaded = static_cast<double>(total.downloaded.value_or(0));
    out["ratio"] =
        downloaded > 0 && total.uploaded ? Json(static_cast<double>(*total.uploaded) / downloaded) : Json(nullptr);
    if (downloaded > 0 && node.completed_at && node.started_at && *node.completed_at > *node.started_at) {
        out["mean_down_rate"] = downloaded / (*node.completed_at - *node.started_at);
    }
    out["bans"] = node.banned;
    const auto found = run.comparisons.find(node.name);
    if (found == run.comparisons.end()) return out;
    const Comparison& compared = found->second;
    out["compared"] = {{"files", compared.files},
                       {"bytes", compared.bytes},
                       {"different", compared.different},
                       {"differences", compared.differences}};
    return out;
}

// What the seeders sent, in sizes of the content.
Json seed_amplification(const RunRecord& run) {
    const std::optional<std::uint64_t> sent = sum_of(run.nodes, &Totals::uploaded, NodeKind::Seeder);
    if (!sent) return nullptr;
    return run.content.bytes == 0 ? 0 : static_cast<double>(*sent) / static_cast<double>(run.content.bytes);
}

std::string two_decimals_s(double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.2f s", value);
    return text;
}

}  // namespace

std::string report_json(const Scenario& scenario, const RunRecord& run) {
    const LabExit exit = exit_of(run);
    Json out = {{"format", 1},
                {"scenario", scenario.name},
                {"scenario_file", scenario.file},
                {"rng_seed", scenario.rng_seed},
                {"started_at", run.started_at},
                {"wall_s", run.wall_s},
                {"verdict", verdict_word(exit)},
                {"exit_code", static_cast<int>(exit)},
                {"outcome", outcome_name(run.outcome)},
                {"detail", run.detail}};
    out["completion_s"] = run.completion_time ? Json(to_seconds(*run.completion_time)) : Json(nullptr);
    out["executor"] = run.job.empty() ? "local" : "slurm";
    out["job"] = run.job.empty() ? Json(nullptr) : Json(run.job);
    out["subnet"] = run.subnet.empty() ? Json(nullptr) : Json(run.subnet + ".0/24");
    out["content"] = {{"name", run.content.name},
                      {"files", run.content.files},
                      {"bytes", run.content.bytes},
                      {"pieces", run.content.pieces},
                      {"piece_length", run.content.piece_length},
                      {"info_hash", run.content.info_hash}};
    out["versions"] = Json::object();
    for (const auto& [program, version] : run.versions) out["versions"][program] = version;
    out["expectations"] = Json::array();
    for (const Verdict& verdict : run.verdicts) {
        out["expectations"].push_back(
            {{"name", verdict.expectation}, {"held", verdict.held}, {"detail", verdict.detail}});
    }
    out["clients_started_at_s"] = run.clients_started_at;
    out["timeline"] = Json::array();
    for (const TimelineOutcome& entry : run.timeline) {
        out["timeline"].push_back({{"what", entry.what},
                                   {"fired_at_s", or_null(entry.times.fired_at)},
                                   {"undone_at_s", or_null(entry.times.undone_at)},
                                   {"done", entry.times.done}});
    }
    out["seed_bytes_over_content"] = seed_amplification(run);
    out["nodes"] = Json::array();
    for (const NodeStatus& node : run.nodes) out["nodes"].push_back(node_json(node, run));
    // Paths of the original may be any bytes.
    return out.dump(2, ' ', false, nlohmann::detail::error_handler_t::replace) + "\n";
}

std::string summary_text(const Scenario& scenario, const RunRecord& run) {
    const LabExit exit = exit_of(run);
    std::string out = scenario.name + ": " + std::string(verdict_word(exit)) + " (" + run.detail + ", " +
                      two_decimals_s(run.wall_s) + " in all)\n";
    if (run.content.bytes > 0) {
        out += "  content      " + run.content.name + ", " + std::to_string(run.content.files) + " files, " +
               app::human_bytes(static_cast<double>(run.content.bytes)) + ", " + std::to_string(run.content.pieces) +
               " pieces\n";
    }
    const std::optional<std::uint64_t> from_seeders = sum_of(run.nodes, &Totals::uploaded, NodeKind::Seeder);
    const std::optional<std::uint64_t> from_all = sum_of(run.nodes, &Totals::uploaded);
    if (run.completion_time && from_all.value_or(0) > 0) {
        out += "  moved        " + app::human_bytes(static_cast<double>(*from_seeders)) + " from seeders, " +
               app::human_bytes(static_cast<double>(*from_all - *from_seeders)) + " between clients\n";
    }
    for (const Verdict& verdict : run.verdicts) {
        out += std::string("  ") + (verdict.held ? "held    " : "FAILED  ") + "     " + verdict.expectation + ": " +
               verdict.detail + "\n";
    }
    return out;
}

}  // namespace bt::lab
