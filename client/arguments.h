#pragma once

// The command line of swarm-client as values, from one table (common/app/option_table.h) that also makes --help,
// --config, completions and the man page. Downloading is the program itself; everything else is a command.

#include <string>
#include <variant>
#include <vector>

#include "client/client_options.h"
#include "client/command_arguments.h"
#include "common/app/cli.h"
#include "common/app/option_table.h"

namespace bt::client {

struct ViewOptions {
    bool details = false;  // a row per peer
    bool json = false;     // progress as JSON objects on standard output
    bool quiet = false;    // neither progress nor summary
};

struct DownloadArguments {
    app::CommonOptions common;
    ClientOptions client;
    ViewOptions view;
    app::CaptureOptions capture;
};

// Where the table's setters write to.
struct AllArguments {
    DownloadArguments download;
    CreateArguments create;
    VerifyArguments verify;
    InspectArguments inspect;
    ScrapeArguments scrape;
    WireArguments wire;
};

using Arguments =
    std::variant<DownloadArguments, CreateArguments, VerifyArguments, InspectArguments, ScrapeArguments, WireArguments>;

// `out` must outlive the table.
[[nodiscard]] app::Program client_table(AllArguments& out);
[[nodiscard]] std::vector<app::Option> download_options(DownloadArguments& out);
[[nodiscard]] std::vector<app::Command> client_commands(AllArguments& out);
[[nodiscard]] std::vector<app::Command> wire_commands(WireArguments& out);

// What was chosen, checked as far as it can be without looking at the world. Error: InvalidArgument.
[[nodiscard]] Result<Arguments> chosen_arguments(const std::string& command, AllArguments all);

// The arguments, or the code to end with at once (help, version, a mistake).
[[nodiscard]] std::variant<Arguments, app::ExitCode> parse_arguments(int argc, char** argv);

}  // namespace bt::client
