// swarm-lab: swarms on one machine, from a scenario file.

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <iterator>

#include "common/app/cli.h"
#include "common/app/option_setters.h"
#include "common/app/process.h"
#include "common/app/units.h"
#include "lab/control.h"
#include "lab/exec.h"
#include "lab/grade_command.h"
#include "lab/node_agent.h"
#include "lab/peer_command.h"
#include "lab/plan_command.h"
#include "lab/probe_command.h"
#include "lab/run.h"
#include "lab/runs.h"
#include "lab/scenario_commands.h"
#include "lab/sweep.h"

namespace {

constexpr const char* kExamples =
    "  swarm-lab run lab/scenarios/first-swarm.toml\n"
    "  swarm-lab init my-scenario.toml && swarm-lab run my-scenario.toml\n"
    "  swarm-lab exec lab/scenarios/small.toml -- pytest test_my_client.py\n"
    "  swarm-lab up my-scenario.toml --detach; swarm-lab ctl client-1 kill; swarm-lab down\n"
    "  swarm-lab run my-scenario.toml --out /tmp/runs --quiet --json > report.json\n"
    "  swarm-lab grade -- ./your_program.sh\n";

constexpr const char* kExitCodes =
    "Exit codes:\n"
    "    0  everything that the scenario expects held\n"
    "    1  an expectation did not hold\n"
    "    2  bad arguments, or the scenario is wrong\n"
    "    3  something on this machine is missing or refused\n"
    "   70  internal error\n"
    "  130  interrupted\n"
    "exec ends as its command does.\n";

// The programs lie beside this one, unless told otherwise.
std::filesystem::path own_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

bt::Result<std::filesystem::path> as_path(const std::string& text) { return text; }

bt::app::Positional scenario_of(bt::lab::RunOptions& out) {
    return {"SCENARIO", "Scenario file, .toml or .json, or the name of one of `list`", bt::app::set_text(out.scenario),
            bt::app::ArgumentKind::Path};
}

bt::app::Command check_command(bt::lab::RunOptions& out) {
    using namespace bt::app;
    return {
        "check", "Read a scenario and say what is wrong with it, or what it would start", "", {scenario_of(out)}, {}};
}

bt::app::Command init_command(bt::lab::RunOptions& out) {
    using namespace bt::app;
    Command init{"init", "Write a commented scenario to start from", "", {}, {}};
    init.positionals = {
        {"FILE", "To be made, .toml; beside it the recipe of its content", set_text(out.scenario), ArgumentKind::Path}};
    return init;
}

// What every command has that starts a swarm.
std::vector<bt::app::Option> run_options(bt::lab::RunOptions& out) {
    using namespace bt::app;
    return {
        {"out", "", "DIR", "Make the run's folder in here", set_parsed(out.out, as_path), "lab-out", "", "",
         ArgumentKind::Folder},
        {"bin-dir", "", "DIR",
         "Where swarm-client, swarm-seeder and swarm-tracker lie (beside this program, if not given)",
         set_parsed(out.bin, as_path), "", "build/release/bin", "", ArgumentKind::Folder},
        {"capture", "", "",
         "Record what the nodes say to each other, for Wireshark: capture.pcapng in the run's folder",
         set_flag(out.capture)},
        {"keep", "", "", "Keep the content and the downloaded files also when all held", set_flag(out.keep)},
    };
}

std::vector<bt::app::Option> slurm_options(bt::lab::RunOptions& out) {
    using namespace bt::app;
    const auto add = [&out](const std::string& text) -> bt::Status {
        out.job_options.push_back(text);
        return {};
    };
    return {{"executor", "", "WHERE", "Where the nodes run: local, or slurm: in a job of Slurm on its hosts",
             set_word(out.slurm, {{"local", false}, {"slurm", true}}), "local", "slurm"},
            {"hosts", "", "N", "slurm: take so many hosts, no more than there are nodes",
             set_number<std::uint32_t>(out.hosts, 1, 250), "4"},
            {"sbatch", "", "OPTION", "slurm: an option for sbatch, as in --sbatch=--partition=short; repeatable", add,
             "", "--partition=short"}};
}

bt::app::Command run_command(bt::lab::RunOptions& out) {
    using namespace bt::app;
    Command run{"run", "Run a scenario, compare every file, write a report", "", {scenario_of(out)}, run_options(out)};
    run.options.push_back({"quiet", "", "", "No progress", set_flag(out.quiet)});
    std::ranges::move(slurm_options(out), std::back_inserter(run.options));
    run.options.push_back({"json", "", "", "Print the report instead of the summary", set_flag(out.json)});
    return run;
}

bt::app::Command exec_command(bt::lab::ExecOptions& out) {
    using namespace bt::app;
    Command exec{
        "exec",
        "Run a command inside a swarm that is up; end with the command's exit code",
        "The command has SWARMLAB_TRACKER_URL, SWARMLAB_TORRENT, SWARMLAB_INFO_HASH, SWARMLAB_NODES (JSON; also in\n"
        "SWARMLAB_NODES_FILE) and SWARMLAB_RUN in its environment. When it ends, everything is gone.",
        {scenario_of(out.run), {"COMMAND", "After --: the command with its arguments", add_text(out.command)}},
        run_options(out.run)};
    exec.positionals.back().repeatable = true;
    return exec;
}

struct Arguments {
    bt::lab::ExecOptions exec;  // run too
    bool detach = false;
    bt::lab::CtlOptions ctl;  // ps and down too
    bt::lab::PeerArguments peer;
    bt::lab::ProbeArguments probe;
    bt::lab::PlanArguments plan;
    bt::lab::NodeArguments node;
    bt::lab::GradeArguments grade;
};

bt::app::Command up_command(Arguments& out) {
    using namespace bt::app;
    Command up{"up",
               "Keep a swarm up; print one JSON line with every endpoint when it is",
               "Ends with Ctrl-C, or by `down`.",
               {scenario_of(out.exec.run)},
               run_options(out.exec.run)};
    up.options.push_back(
        {"detach", "d", "", "Return when it is up, and leave it in the background", set_flag(out.detach)});
    return up;
}

bt::app::Command control_command(Arguments& out) {
    return {"control",
            "Start and drive a swarm by JSON lines on standard input and output",
            "docs/formats.md lists the requests. The end of standard input ends everything.",
            {},
            run_options(out.exec.run)};
}

// What ps, down and ctl have to find a run.
std::vector<bt::app::Option> runs_options(bt::lab::RunsOptions& out) {
    using namespace bt::app;
    return {{"out", "", "DIR", "Where the runs' folders are", set_parsed(out.out, as_path), "lab-out", "", "",
             ArgumentKind::Folder}};
}

bt::app::Command ps_command(bt::lab::RunsOptions& out) {
    bt::app::Command ps{"ps", "List the runs that live", "", {}, runs_options(out)};
    ps.options.push_back({"json", "", "", "As a JSON list", bt::app::set_flag(out.json)});
    return ps;
}

bt::app::Command down_command(bt::lab::RunsOptions& out) {
    using namespace bt::app;
    Command down{
        "down", "End a swarm that `up` keeps, and clean what killed labs left behind", "", {}, runs_options(out)};
    down.positionals = {{"NAME", "Of the scenario or of the run's folder; may be left out where one is up",
                         set_text(out.name), ArgumentKind::Text, false}};
    down.options.push_back({"json", "", "", "Print the answer, with the report", set_flag(out.json)});
    return down;
}

bt::app::Command ctl_command(bt::lab::CtlOptions& out) {
    using namespace bt::app;
    const auto add = [](const char* name, const char* argument, const char* help, Setter set) {
        Option option;
        option.name = name;
        option.argument = argument;
        option.help = help;
        option.set = std::move(set);
        return option;
    };
    Command ctl{"ctl", "Do by hand to nodes of a swarm what a timeline does", "", {}, runs_options(out.runs)};
    ctl.positionals = {{"NODE", "Name, or a pattern with '*'", set_text(out.node)},
                       {"ACTION", "start, stop, kill, restart, pause, resume, partition, heal, limit or corrupt",
                        set_text(out.action)}};
    ctl.options.push_back(add("name", "NAME", "Which swarm, where several are up", set_text(out.runs.name)));
    ctl.options.push_back(
        add("from", "NODES", "partition, heal: the other side (everybody else, if not given)", set_text(out.from)));
    ctl.options.push_back(
        add("upload", "RATE", "limit: as in 500k or 8MiB/s; 0: none", set_parsed(out.upload, parse_rate)));
    ctl.options.push_back(add("download", "RATE", "limit: the same", set_parsed(out.download, parse_rate)));
    ctl.options.push_back(
        add("piece", "N", "corrupt: this piece, not the first that is there", set_number<std::uint64_t>(out.piece)));
    return ctl;
}

bt::app::Program lab_table(Arguments& out) {
    bt::app::Program program;
    program.name = "swarm-lab";
    program.examples = kExamples;
    program.main.summary = "Swarms of real programs on this machine's loopback.";
    program.commands = {run_command(out.exec.run),
                        exec_command(out.exec),
                        up_command(out),
                        down_command(out.ctl.runs),
                        ps_command(out.ctl.runs),
                        ctl_command(out.ctl),
                        control_command(out),
                        check_command(out.exec.run),
                        init_command(out.exec.run),
                        peer_command(out.peer),
                        probe_command(out.probe),
                        plan_command(out.plan),
                        export_command(out.plan),
                        content_command(out.plan),
                        node_command(out.node),
                        grade_command(out.grade),
                        {"list", "Scenarios and programs that the lab knows", "", {}, {}}};
    program.exit_codes = kExitCodes;
    program.command_required = true;
    program.reads_config = false;
    return program;
}

int run(int argc, char** argv) {
    Arguments arguments;
    const auto parsed = bt::app::parse_command_line(lab_table(arguments), argc, argv);
    if (const auto* code = std::get_if<bt::app::ExitCode>(&parsed)) return bt::app::to_int(*code);

    bt::lab::RunOptions& options = arguments.exec.run;
    options.bin = options.bin.empty() ? own_folder() : std::filesystem::absolute(options.bin);
    const auto& command = std::get<std::string>(parsed);
    if (command == "peer") return bt::app::to_int(bt::lab::run_peer(arguments.peer));
    if (command == "probe") return static_cast<int>(bt::lab::run_probe_command(arguments.probe));
    if (command == "plan") return static_cast<int>(bt::lab::print_plan(arguments.plan, options.bin));
    if (command == "export") return static_cast<int>(bt::lab::export_scenario(arguments.plan, options.bin));
    if (command == "content") return static_cast<int>(bt::lab::make_content(arguments.plan));
    if (command == "node") return bt::lab::run_node(arguments.node);
    if (command == "grade") return static_cast<int>(bt::lab::run_grade_command(arguments.grade));
    if (command == "check") return static_cast<int>(bt::lab::check_scenario(options.scenario, options.bin));
    if (command == "init") return static_cast<int>(bt::lab::write_starter(options.scenario));
    if (command == "list") return static_cast<int>(bt::lab::list_all(options.bin));
    if (command != "ps" && command != "down" && command != "ctl") options.open_files = bt::app::raise_open_file_limit();
    if (command == "run") return static_cast<int>(bt::lab::run_or_sweep(options));
    if (command == "control") return bt::lab::control_swarms(options);
    if (command == "up") return bt::lab::keep_swarm_up(options, arguments.detach);
    if (command == "ps") return bt::lab::list_runs(arguments.ctl.runs);
    if (command == "down") return bt::lab::take_down(arguments.ctl.runs);
    if (command == "ctl") return bt::lab::control_node(arguments.ctl);
    options.quiet = true;  // the terminal is the command's
    return bt::lab::exec_in_swarm(arguments.exec);
}

// An answer that could not be written is none.
int with_output_written(int code) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) return code;
    std::fprintf(stderr, "swarm-lab: error: standard output: what was to be written there is lost\n");
    return code != 0 ? code : static_cast<int>(bt::lab::LabExit::Environment);
}

}  // namespace

int main(int argc, char** argv) {
    bt::app::open_standard_descriptors();
    try {
        return with_output_written(run(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "swarm-lab: error: %s\n", error.what());
        return bt::app::to_int(bt::app::ExitCode::Internal);
    }
}
