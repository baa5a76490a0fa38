#include "lab/grade_command.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "common/app/node_setup.h"
#include "common/app/option_setters.h"
#include "common/app/process.h"
#include "common/app/progress_bar.h"
#include "common/app/terminal_text.h"
#include "lab/grade/grade.h"
#include "lab/guard.h"
#include "lab/junit.h"
#include "lab/left_behind.h"
#include "lab/run_folder.h"
#include "lab/subnet.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

LabExit refuse_grade(LabExit exit, const std::string& why) {
    std::fprintf(stderr, "swarm-lab: error: %s\n", why.c_str());
    return exit;
}

// On standard output, which a person looks at; the table where it is a terminal that has room for it.
class Show {
  public:
    explicit Show(const std::vector<const grade::Stage*>& stages) : stages_(stages) {
        winsize size{};
        const char* term = std::getenv("TERM");
        const bool terminal = isatty(STDOUT_FILENO) == 1 && term != nullptr && std::string_view(term) != "dumb";
        live_ = terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > stages.size() + 1;
        color_ = app::colors_allowed(terminal, std::getenv("NO_COLOR"), term);
        width_ = size.ws_col;
    }

    void on_stage(const grade::Stage& stage, const grade::StageResult* result) {
        running_ = &stage;
        if (result != nullptr) results_.push_back(*result);
        if (live_) return draw();
        if (result != nullptr) std::fputs(grade::result_text(*result).c_str(), stdout);
        std::fflush(stdout);
    }

    // Behind the table: what went wrong.
    void finish() {
        if (!live_) return;
        for (const grade::StageResult& result : results_) {
            if (!result.finding.passed) std::fputs(("\n" + grade::result_text(result)).c_str(), stdout);
        }
    }

  private:
    void draw() {
        std::string text = drawn_ ? "\x1b[" + std::to_string(stages_.size()) + "A\x1b[J" : "";
        drawn_ = true;
        for (std::size_t i = 0; i < stages_.size(); ++i) text += line(i) + '\n';
        std::fputs(text.c_str(), stdout);
        std::fflush(stdout);
    }
    std::string line(std::size_t i) const {
        if (i >= results_.size()) {
            const bool runs = i == results_.size() && running_ == stages_[i];
            return app::cut(std::string(runs ? "running  " : "         ") + std::string(stages_[i]->id), width_ - 1);
        }
        const std::string all = grade::result_text(results_[i]);
        const std::string first = app::cut(all.substr(0, all.find('\n')), width_ - 1);
        if (!color_) return first;
        return (results_[i].finding.passed ? "\x1b[32m" : "\x1b[31m") + first + "\x1b[0m";
    }

    const std::vector<const grade::Stage*>& stages_;
    std::vector<grade::StageResult> results_;
    const grade::Stage* running_ = nullptr;
    bool live_ = false, color_ = false, drawn_ = false;
    std::size_t width_ = 80;
};

// One testcase a stage.
std::string junit_of(const grade::GradeReport& report, const std::string& started_at) {
    double total = 0;
    std::string cases;
    const auto in_seconds = [](double value) {
        char text[32];
        std::snprintf(text, sizeof text, "%.3f", value);
        return std::string(text);
    };
    for (const grade::StageResult& result : report.results) {
        total += result.time_s;
        cases += "    <testcase classname=\"swarmlab.grade\" name=\"" + xml_escaped(result.stage->id) + "\" time=\"" +
                 in_seconds(result.time_s) + "\"";
        const grade::Finding& finding = result.finding;
        cases += finding.passed ? "/>\n"
                                : ">\n      <failure message=\"" + xml_escaped(finding.hint) + "\">" +
                                      xml_escaped(grade::result_text(result)) + "</failure>\n    </testcase>\n";
    }
    const std::string counts = "tests=\"" + std::to_string(report.results.size()) + "\" failures=\"" +
                               std::to_string(report.results.size() - report.passed()) + "\" errors=\"0\" time=\"" +
                               in_seconds(total) + "\"";
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites " + counts +
           ">\n  <testsuite name=\"swarm-lab grade\" timestamp=\"" + started_at.substr(0, 19) + "\" " + counts + ">\n" +
           cases + "  </testsuite>\n</testsuites>\n";
}

// A folder that goes away with this object, as the lab's own do when a lab is killed.
class GradeFolder {
  public:
    [[nodiscard]] static Result<std::unique_ptr<GradeFolder>> make(const GradeArguments& arguments, Guard& guard,
                                                                   const Stamp& stamp) {
        clean_all_left_behind(arguments.out);
        BT_TRY_ASSIGN(fs::path path, make_run_folder(arguments.out, "grade", stamp.for_files));
        guard.watch(path);
        BT_TRY_ASSIGN(RunLock lock, RunLock::take(path, arguments.keep));
        return std::unique_ptr<GradeFolder>(new GradeFolder(std::move(path), std::move(lock), guard, arguments.keep));
    }
    ~GradeFolder() {
        end_marked_processes(path_);
        std::error_code ignored;
        if (!keep_) fs::remove_all(path_, ignored);
        lock_.reset();
        guard_.forget(path_);
        if (!keep_) fs::remove(path_.parent_path(), ignored);  // where it is empty
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

  private:
    GradeFolder(fs::path path, RunLock lock, Guard& guard, bool keep)
        : path_(std::move(path)), lock_(std::move(lock)), guard_(guard), keep_(keep) {}

    fs::path path_;
    std::optional<RunLock> lock_;
    Guard& guard_;
    bool keep_;
};

Result<grade::GradeReport> run_stages(const GradeArguments& arguments, const std::vector<const grade::Stage*>& stages,
                                      Guard& guard, const Stamp& stamp) {
    Rng places(app::entropy_seed());
    BT_TRY_ASSIGN(const Subnet subnet, Subnet::claim(places));
    BT_TRY_ASSIGN(const auto folder, GradeFolder::make(arguments, guard, stamp));
    grade::GradeSettings settings;
    settings.student = {arguments.command, folder->path(), arguments.limit, {{kMark, folder->path().string()}}};
    settings.folder = folder->path();
    settings.prefix = subnet.prefix();
    settings.rng_seed = arguments.rng_seed.value_or(app::entropy_seed() % 1'000'000);
    settings.stages = stages;
    Show show(stages);
    auto report = grade::grade(settings, [&show](const grade::Stage& stage, const grade::StageResult* result) {
        show.on_stage(stage, result);
    });
    if (!report) return report;
    show.finish();
    std::fputs(grade::summary_text(*report).c_str(), stdout);
    if (arguments.keep) std::fprintf(stdout, "kept: %s\n", folder->path().c_str());
    return report;
}

}  // namespace

app::Command grade_command(GradeArguments& out) {
    using namespace app;
    Command command{
        "grade",
        "Score a student's client: its commands against an offline swarm and peers with manners",
        "COMMAND is started as COMMAND decode …, COMMAND info FILE and so on; docs/grade.md tells the stages.",
        {{"COMMAND", "After --: the program, with its first arguments if it needs some", add_text(out.command)}},
        {}};
    command.positionals.back().repeatable = true;
    command.positionals.back().required = false;
    command.options = {
        {"stage", "", "ID", "Only this one; for several, again", add_text(out.stages), "", "info.hash"},
        {"list", "", "", "Print the stages, their points and what each asks", set_flag(out.list)},
        {"time-limit", "", "TIME", "For each command (downloads of whole files: twice that)",
         set_duration(out.limit, milliseconds(100), minutes(10)), "10"},
        {"rng-seed", "", "N", "Ask the same again (chosen and printed, if not given)",
         set_number<std::uint64_t>(out.rng_seed), "", "1"},
        {"json", "", "FILE", "Write the result there as a JSON object", set_text(out.json), "", "grade.json", "",
         ArgumentKind::Path},
        {"junit", "", "FILE", "Write the result there for a CI", set_text(out.junit), "", "grade.xml", "",
         ArgumentKind::Path},
        {"out", "", "DIR", "Make the run's folder in here", set_text(out.out), "lab-out", "", "", ArgumentKind::Folder},
        {"keep", "", "", "Keep that folder: the torrents, and what the program wrote", set_flag(out.keep)}};
    command.options.front().repeatable = true;
    return command;
}

LabExit run_grade_command(const GradeArguments& arguments) {
    app::ignore_sigpipe();
    if (arguments.list) {
        std::fputs(grade::list_text().c_str(), stdout);
        return LabExit::Held;
    }
    const auto stages = grade::select_stages(arguments.stages);
    if (!stages) return refuse_grade(LabExit::ScenarioWrong, stages.error().message());
    if (arguments.command.empty())
        return refuse_grade(LabExit::ScenarioWrong, "which program? As in: swarm-lab grade -- ./your_program.sh");
    Result<Guard> guard = Guard::start();
    if (!guard) return refuse_grade(LabExit::Environment, guard.error().message());
    const Stamp stamp = stamp_now();
    const auto report = run_stages(arguments, *stages, *guard, stamp);
    if (!report) {
        const bool interrupted = report.error().code == ErrorCode::Cancelled;
        return refuse_grade(interrupted ? LabExit::Interrupted : LabExit::Environment, report.error().message());
    }
    Status written;
    if (!arguments.json.empty()) written = write_text(arguments.json, report_json(*report));
    if (written && !arguments.junit.empty()) written = write_text(arguments.junit, junit_of(*report, stamp.for_report));
    if (!written) return refuse_grade(LabExit::Environment, written.error().message());
    return report->passed() == report->results.size() ? LabExit::Held : LabExit::Failed;
}

}  // namespace bt::lab
