// What a grade is to people and to programs.

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "common/app/terminal_text.h"
#include "lab/grade/grade.h"

namespace bt::grade {
namespace {

constexpr std::size_t kVerdictWidth = 9, kPointsWidth = 7;

std::size_t id_width() {
    std::size_t width = 0;
    for (const Stage& stage : stages()) width = std::max(width, stage.id.size());
    return width + 2;
}

std::string padded(std::string_view text, std::size_t width) {
    std::string out(text);
    out.resize(std::max(width, out.size()), ' ');
    return out;
}

void add_detail(std::string& out, const char* label, const std::string& text) {
    if (text.empty()) return;
    out += std::string(kVerdictWidth, ' ') + padded(label, 10) + app::printable(text) + '\n';
}

}  // namespace

std::string list_text() {
    std::string out;
    for (const Stage& stage : stages()) {
        out += padded(stage.id, id_width()) + padded(std::to_string(stage.points), 4) + std::string(stage.asks) + '\n';
    }
    return out;
}

std::string result_text(const StageResult& result) {
    const Finding& finding = result.finding;
    std::string out =
        padded(finding.passed ? "passed" : "FAILED", kVerdictWidth) + padded(result.stage->id, id_width()) +
        padded(std::to_string(result.points()) + "/" + std::to_string(result.stage->points), kPointsWidth) +
        std::string(result.stage->asks) + '\n';
    if (finding.passed) return out;
    add_detail(out, "command", finding.command);
    add_detail(out, "expected", finding.expected);
    add_detail(out, "came", finding.came);
    for (const std::string& seen : finding.seen) add_detail(out, "seen", seen);
    add_detail(out, "hint", finding.hint);
    return out;
}

std::string summary_text(const GradeReport& report) {
    return "\n" + std::to_string(report.points()) + " of " + std::to_string(report.possible()) + " points, " +
           std::to_string(report.passed()) + " of " + std::to_string(report.results.size()) +
           " stages passed; the same again: --rng-seed " + std::to_string(report.rng_seed) + "\n";
}

std::string report_json(const GradeReport& report) {
    nlohmann::ordered_json all = nlohmann::ordered_json::array();
    for (const StageResult& result : report.results) {
        const Finding& finding = result.finding;
        nlohmann::ordered_json stage = {{"stage", result.stage->id},
                                        {"asks", result.stage->asks},
                                        {"verdict", finding.passed ? "passed" : "failed"},
                                        {"points", result.points()},
                                        {"possible", result.stage->points},
                                        {"time_s", result.time_s},
                                        {"command", finding.command}};
        if (!finding.passed) {
            stage["expected"] = finding.expected;
            stage["came"] = finding.came;
            stage["seen"] = finding.seen;
            stage["hint"] = finding.hint;
        }
        all.push_back(std::move(stage));
    }
    const nlohmann::ordered_json object = {
        {"command", report.command}, {"rng_seed", report.rng_seed},
        {"points", report.points()}, {"possible", report.possible()},
        {"passed", report.passed()}, {"failed", report.results.size() - report.passed()},
        {"stages", std::move(all)}};
    return object.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

}  // namespace bt::grade
