// swarm-lab: swarms on one machine, from a scenario file.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "common/app/cli.h"
#include "lab/run.h"

namespace {

constexpr const char* kExamples =
    "  swarm-lab run lab/scenarios/first-swarm.toml\n"
    "  swarm-lab run my-scenario.toml --out /tmp/runs --quiet --json > report.json\n";

constexpr const char* kExitCodes =
    "\nExit codes:\n"
    "    0  everything that the scenario expects held\n"
    "    1  an expectation did not hold\n"
    "    2  bad arguments, or the scenario is wrong\n"
    "    3  something on this machine is missing or refused\n"
    "   70  internal error\n"
    "  130  interrupted\n";

// The programs lie beside this one, unless told otherwise.
std::filesystem::path own_folder() { return std::filesystem::read_symlink("/proc/self/exe").parent_path(); }

int run(int argc, char** argv) {
    CLI::App cli("", "swarm-lab");
    bt::lab::RunOptions options;
    cli.description(std::string("Examples:\n") + kExamples + "\nSwarms of real programs on this machine's loopback.");
    cli.footer(kExitCodes);
    cli.set_version_flag("--version", std::string("swarm-lab ") + bt::app::program_version());
    cli.require_subcommand(1);

    CLI::App* sub = cli.add_subcommand("run", "Run a scenario, compare every file, write a report");
    sub->add_option("SCENARIO", options.scenario, "Scenario file, .toml or .json")->required()->type_name("");
    sub->add_option("--out", options.out, "Make the run's folder in here (default: lab-out)")
        ->type_name("DIR")
        ->take_last();
    sub->add_option("--bin-dir", options.bin, "Where swarm-client, swarm-seeder and swarm-tracker lie")
        ->type_name("DIR");
    sub->add_flag("--keep", options.keep, "Keep the content and the downloaded files also when all held");
    sub->add_flag("--quiet", options.quiet, "No progress");
    sub->add_flag("--json", options.json, "Print the report instead of the summary");
    sub->footer(kExitCodes);
    if (const auto ended = bt::app::parse_command_line(cli, argc, argv)) return bt::app::to_int(*ended);

    options.bin = options.bin.empty() ? own_folder() : std::filesystem::absolute(options.bin);
    return static_cast<int>(bt::lab::run_scenario(options));
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
