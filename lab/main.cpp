// swarm-lab: swarms on one machine, from a scenario file.

#include <cstdio>
#include <exception>
#include <filesystem>

#include "common/app/cli.h"
#include "common/app/option_setters.h"
#include "lab/exec.h"
#include "lab/peer_command.h"
#include "lab/run.h"
#include "lab/scenario_commands.h"

namespace {

constexpr const char* kExamples =
    "  swarm-lab run lab/scenarios/first-swarm.toml\n"
    "  swarm-lab init my-scenario.toml && swarm-lab run my-scenario.toml\n"
    "  swarm-lab exec lab/scenarios/small.toml -- pytest test_my_client.py\n"
    "  swarm-lab run my-scenario.toml --out /tmp/runs --quiet --json > report.json\n";

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

bt::app::Command run_command(bt::lab::RunOptions& out) {
    using namespace bt::app;
    Command run{"run", "Run a scenario, compare every file, write a report", "", {scenario_of(out)}, run_options(out)};
    run.options.push_back({"quiet", "", "", "No progress", set_flag(out.quiet)});
    run.options.push_back({"json", "", "", "Print the report instead of the summary", set_flag(out.json)});
    return run;
}

bt::app::Command exec_command(bt::lab::ExecOptions& out) {
    using namespace bt::app;
    Command exec{
        "exec",
        "Run a command inside a swarm that is up; end with the command's exit code",
        "The command has SWARMLAB_TRACKER_URL, SWARMLAB_TORRENT, SWARMLAB_NODES (JSON) and SWARMLAB_RUN in its\n"
        "environment. When it ends, everything is gone.",
        {scenario_of(out.run), {"COMMAND", "After --: the command with its arguments", add_text(out.command)}},
        run_options(out.run)};
    exec.positionals.back().repeatable = true;
    return exec;
}

bt::app::Program lab_table(bt::lab::ExecOptions& exec, bt::lab::PeerArguments& peer) {
    bt::app::Program program;
    program.name = "swarm-lab";
    program.examples = kExamples;
    program.main.summary = "Swarms of real programs on this machine's loopback.";
    program.commands = {run_command(exec.run),
                        exec_command(exec),
                        check_command(exec.run),
                        init_command(exec.run),
                        peer_command(peer),
                        {"list", "Scenarios and programs that the lab knows", "", {}, {}}};
    program.exit_codes = kExitCodes;
    program.command_required = true;
    program.reads_config = false;
    return program;
}

int run(int argc, char** argv) {
    bt::lab::ExecOptions exec;
    bt::lab::PeerArguments peer;
    const auto parsed = bt::app::parse_command_line(lab_table(exec, peer), argc, argv);
    if (const auto* code = std::get_if<bt::app::ExitCode>(&parsed)) return bt::app::to_int(*code);

    bt::lab::RunOptions& options = exec.run;
    options.bin = options.bin.empty() ? own_folder() : std::filesystem::absolute(options.bin);
    const auto& command = std::get<std::string>(parsed);
    if (command == "peer") return bt::app::to_int(bt::lab::run_peer(peer));
    if (command == "check") return static_cast<int>(bt::lab::check_scenario(options.scenario, options.bin));
    if (command == "init") return static_cast<int>(bt::lab::write_starter(options.scenario));
    if (command == "list") return static_cast<int>(bt::lab::list_all(options.bin));
    if (command == "run") return static_cast<int>(bt::lab::run_scenario(options));
    options.quiet = true;  // the terminal is the command's
    return bt::lab::exec_in_swarm(exec);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run(argc, argv);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "swarm-lab: error: %s\n", error.what());
        return bt::app::to_int(bt::app::ExitCode::Internal);
    }
}
