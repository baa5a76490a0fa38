// The part of report.h that compares numbers of nodes, counts of events, bans and file hashes with their bounds.

#include <algorithm>
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

// An expectation of nodes that are not there says nothing: their program may be missing.
bool is_anybody(const std::string& pattern, const RunRecord& run) {
    return std::ranges::any_of(run.nodes, [&](const NodeStatus& node) { return matches_pattern(node.name, pattern); });
}

std::string nobody_text(const std::string& pattern) { return "no node called " + pattern + " is there"; }

// What was not seen may have been there: too few can be told from the rest, not too many.
Verdict judge_count(const EventCount& expect, std::uint64_t count, const RunRecord& run) {
    const std::string& nodes = expect.query.nodes();
    std::uint64_t lost = 0;
    for (const NodeStatus& node : run.nodes) {
        if (matches_pattern(node.name, nodes)) lost += node.dropped_events + node.bad_events;
    }
    Verdict verdict{"events", count >= expect.min.value_or(0) && count <= expect.max.value_or(UINT64_MAX), ""};
    verdict.detail =
        std::to_string(count) + " of \"" + expect.query.text() + "\", wanted " + range_text(expect.min, expect.max);
    if (!is_anybody(nodes, run)) {
        verdict.held = false;
        verdict.detail += "; " + nobody_text(nodes);
    }
    if (expect.max && lost > 0) {
        verdict.held = false;
        verdict.detail += "; " + std::to_string(lost) + " events were lost";
    }
    return verdict;
}

using Total = std::optional<std::uint64_t>;

std::optional<double> number(const Total& total) {
    return total ? std::optional(static_cast<double>(*total)) : std::nullopt;
}

std::optional<double> share(const Total& part, const Total& whole) {
    if (!part || !whole) return std::nullopt;
    return *whole == 0 ? 0 : static_cast<double>(*part) / static_cast<double>(*whole);
}

// Nothing where the node has no such number.
std::optional<double> number_of(const NodeStatus& node, Bound::What what, const RunRecord& run) {
    const Totals& total = node.total;
    switch (what) {
        case Bound::What::Ratio:
            return total.downloaded == 0 ? std::nullopt : share(total.uploaded, total.downloaded);
        case Bound::What::UploadShare:
            return share(total.uploaded, sum_of(run.nodes, &Totals::uploaded));
        case Bound::What::DownloadShare:
            return share(total.downloaded, sum_of(run.nodes, &Totals::downloaded));
        case Bound::What::Uploaded:
            return number(total.uploaded);
        case Bound::What::Downloaded:
            return number(total.downloaded);
        case Bound::What::HashFailures:
            return number(total.hash_failures);
        case Bound::What::Wasted:
            return number(total.wasted);
        case Bound::What::CompletedS:
            return node.completed_at ? std::optional(*node.completed_at - run.clients_started_at) : std::nullopt;
        case Bound::What::Progress:
            return node.progress;
        case Bound::What::ExitCode:
            return node.exit_code ? std::optional<double>(*node.exit_code) : std::nullopt;
    }
    return std::nullopt;
}

std::string none_text(const NodeStatus& node) {
    return node.program.empty() ? "has none" : "has none (" + node.program + " may not say it)";
}

Verdict judge_bound(const Bound& bound, const RunRecord& run) {
    const std::string what(bound_name(bound.what));
    Verdict verdict{"bounds", is_anybody(bound.nodes, run), ""};
    std::string seen = verdict.held ? "" : nobody_text(bound.nodes);
    for (const NodeStatus& node : run.nodes) {
        if (!matches_pattern(node.name, bound.nodes)) continue;
        const std::optional<double> value = number_of(node, bound.what, run);
        const bool held = value && *value >= bound.min.value_or(*value) && *value <= bound.max.value_or(*value);
        verdict.held = verdict.held && held;
        if (!held || seen.size() < 200) {
            seen += (seen.empty() ? "" : ", ") + node.name + ' ' + (value ? number_text(*value) : none_text(node));
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
    Verdict verdict{"files", is_anybody(file.nodes, run), ""};
    if (!verdict.held) verdict.detail = nobody_text(file.nodes);
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
        verdicts.push_back(judge_count(expect.events[i], i < run.event_counts.size() ? run.event_counts[i] : 0, run));
    }
    for (const Bound& bound : expect.bounds) verdicts.push_back(judge_bound(bound, run));
    for (const Ban& ban : expect.bans) verdicts.push_back(judge_ban(ban, run));
    for (const FileHash& file : expect.files) verdicts.push_back(judge_file(file, run));
}

}  // namespace bt::lab
