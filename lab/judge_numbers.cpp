// The part of report.h that compares numbers of nodes, counts of events, bans and file hashes with their bounds.

#include <cstdio>

#include "lab/report.h"

namespace bt::lab {
namespace {

std::string number_text(double value) {
    char text[40];
    std::snprintf(text, sizeof text, "%.6g", value);
    return text;
}

template <class Number>
std::string range_text(const std::optional<Number>& min, const std::optional<Number>& max) {
    std::string text;
    if (min) text += "at least " + number_text(static_cast<double>(*min));
    if (max) text += (text.empty() ? "" : ", ") + ("at most " + number_text(static_cast<double>(*max)));
    return text;
}

Verdict judge_count(const EventCount& expect, std::uint64_t count) {
    const bool held = count >= expect.min.value_or(0) && count <= expect.max.value_or(UINT64_MAX);
    return {
        "events", held,
        std::to_string(count) + " of \"" + expect.query.text() + "\", wanted " + range_text(expect.min, expect.max)};
}

double share(std::uint64_t part, std::uint64_t whole) {
    return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole);
}

// Nothing where the node has no such number.
std::optional<double> number_of(const NodeStatus& node, Bound::What what, const RunRecord& run) {
    std::uint64_t all_up = 0, all_down = 0;
    for (const NodeStatus& other : run.nodes) {
        if (other.kind == NodeKind::Tracker) continue;
        all_up += other.uploaded;
        all_down += other.downloaded;
    }
    switch (what) {
        case Bound::What::Ratio:
            return node.downloaded == 0 ? std::nullopt : std::optional(share(node.uploaded, node.downloaded));
        case Bound::What::UploadShare:
            return share(node.uploaded, all_up);
        case Bound::What::DownloadShare:
            return share(node.downloaded, all_down);
        case Bound::What::Uploaded:
            return static_cast<double>(node.uploaded);
        case Bound::What::Downloaded:
            return static_cast<double>(node.downloaded);
        case Bound::What::HashFailures:
            return static_cast<double>(node.hash_failures);
        case Bound::What::Wasted:
            return static_cast<double>(node.wasted);
        case Bound::What::CompletedS:
            return node.completed_at ? std::optional(*node.completed_at - run.clients_started_at) : std::nullopt;
        case Bound::What::Progress:
            return node.progress;
        case Bound::What::ExitCode:
            return node.exit_code ? std::optional<double>(*node.exit_code) : std::nullopt;
    }
    return std::nullopt;
}

Verdict judge_bound(const Bound& bound, const RunRecord& run) {
    const std::string what(bound_name(bound.what));
    Verdict verdict{"bounds", true, ""};
    std::string seen;
    for (const NodeStatus& node : run.nodes) {
        if (!matches_pattern(node.name, bound.nodes)) continue;
        const std::optional<double> value = number_of(node, bound.what, run);
        const bool held = value && *value >= bound.min.value_or(*value) && *value <= bound.max.value_or(*value);
        verdict.held = verdict.held && held;
        if (!held || seen.size() < 200) {
            seen += (seen.empty() ? "" : ", ") + node.name + ' ' + (value ? number_text(*value) : "has none");
        }
    }
    verdict.detail = what + " of " + bound.nodes + ' ' + range_text(bound.min, bound.max) + ": " + seen;
    return verdict;
}

Verdict judge_ban(const Ban& ban, const RunRecord& run) {
    std::uint64_t by = 0;
    for (const NodeStatus& node : run.nodes) {
        if (!matches_pattern(node.name, ban.by)) continue;
        bool found = false;
        for (const NodeStatus& other : run.nodes) {
            if (!matches_pattern(other.name, ban.node)) continue;
            for (const std::string& address : node.banned) {
                found = found || address.substr(0, address.rfind(':')) == other.address;
            }
        }
        by += found ? 1 : 0;
    }
    return {"banned", by >= ban.at_least,
            ban.node + " was banned by " + std::to_string(by) + " nodes, wanted " + std::to_string(ban.at_least)};
}

Verdict judge_file(const FileHash& file, const RunRecord& run) {
    Verdict verdict{"files", true, ""};
    for (const NodeStatus& node : run.nodes) {
        if (!matches_pattern(node.name, file.nodes)) continue;
        const auto found = run.file_hashes.find(node.name + ':' + file.path);
        const std::string hash = found == run.file_hashes.end() ? "not there" : found->second;
        verdict.held = verdict.held && hash == file.sha1;
        verdict.detail += (verdict.detail.empty() ? "" : ", ") + node.name + ": " + hash;
    }
    verdict.detail = file.path + " should be " + file.sha1 + "; " + verdict.detail;
    return verdict;
}

}  // namespace

void judge_numbers(const Expectations& expect, const RunRecord& run, std::vector<Verdict>& verdicts) {
    for (std::size_t i = 0; i < expect.events.size(); ++i) {
        verdicts.push_back(judge_count(expect.events[i], i < run.event_counts.size() ? run.event_counts[i] : 0));
    }
    for (const Bound& bound : expect.bounds) verdicts.push_back(judge_bound(bound, run));
    for (const Ban& ban : expect.bans) verdicts.push_back(judge_ban(ban, run));
    for (const FileHash& file : expect.files) verdicts.push_back(judge_file(file, run));
}

}  // namespace bt::lab
