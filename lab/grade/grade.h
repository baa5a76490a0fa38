#pragma once

// `swarm-lab grade -- COMMAND`: every stage that was asked for, one after the other, on a student's program. What is
// asked follows from the rng_seed alone (and from addresses and ports, which are this run's own). Blocks; needs a
// folder and a range of loopback addresses that nobody else uses.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "lab/grade/stage.h"

namespace bt::grade {

struct GradeSettings {
    StudentSettings student;
    std::filesystem::path folder;  // absolute, there already
    std::string prefix;            // "127.33.7"
    std::uint64_t rng_seed = 0;
    std::vector<const Stage*> stages;
};

struct StageResult {
    const Stage* stage = nullptr;
    Finding finding;
    double time_s = 0;

    [[nodiscard]] int points() const { return finding.passed ? stage->points : 0; }
};

struct GradeReport {
    std::vector<std::string> command;
    std::uint64_t rng_seed = 0;
    std::vector<StageResult> results;

    [[nodiscard]] int points() const;
    [[nodiscard]] int possible() const;
    [[nodiscard]] std::size_t passed() const;
};

// Told before each stage (result null) and after it.
using Progress = std::function<void(const Stage&, const StageResult*)>;

// Error: the program cannot be started, this machine refuses something, or Cancelled by a signal.
[[nodiscard]] Result<GradeReport> grade(const GradeSettings& settings, const Progress& progress);

// `only` in the order of stages(); all where it is empty. Error: InvalidArgument for an unknown id, with the nearest.
[[nodiscard]] Result<std::vector<const Stage*>> select_stages(const std::vector<std::string>& only);

[[nodiscard]] std::string list_text();
// One stage as a line, and below it, where it failed, what to know.
[[nodiscard]] std::string result_text(const StageResult& result);
[[nodiscard]] std::string summary_text(const GradeReport& report);
// One object, documented in docs/formats.md.
[[nodiscard]] std::string report_json(const GradeReport& report);

}  // namespace bt::grade
