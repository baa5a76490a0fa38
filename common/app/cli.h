#pragma once

// The command line conventions that all programs share, over CLI11 (its header stays in .cpp files).
//
// A program makes its CLI::App, calls add_common_options(), adds its own options and calls parse_command_line(). Then
// start_program() applies what is common: SIGPIPE, the limit on open files, --die-with-parent, the event file.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "common/app/event_file.h"
#include "common/app/exit_code.h"
#include "common/app/log.h"
#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/telemetry/event.h"

namespace CLI {
class App;
}

namespace bt::app {

[[nodiscard]] const char* program_version();

struct CommonOptions {
    std::optional<Address> bind;        // --bind IP: listen and dial from
    std::optional<std::uint16_t> port;  // --port N: 0 lets the kernel choose
    Severity loglevel = Severity::Info;
    bool log_json = false;
    std::string events;  // PATH or fd:N, empty for none
    std::string node_name;  // `node` of every event; empty: what kind of program it is
    telemetry::Level events_level = telemetry::Level::Decision;
    Duration stats_interval = seconds(1);
    bool die_with_parent = false;
};

// Adds --bind, --port, --loglevel, --log-json, --events, --events-level, --node-name, --stats-interval, --die-with-parent and
// --version. `options` must outlive the parse.
void add_common_options(CLI::App& app, CommonOptions& options);

// Examples come first in --help, exit codes last: put this into the app before parsing.
void set_help(CLI::App& app, std::string description, std::string examples);

// Parses argv. A value means: end the program with this exit code (help and version are printed on standard output, a
// mistake is one line on standard error and gives BadArguments).
[[nodiscard]] std::optional<ExitCode> parse_command_line(CLI::App& app, int argc, char** argv);

// What start_program() made. `events` is null without --events.
struct ProgramStart {
    Log log;
    std::unique_ptr<EventFile> events;

    [[nodiscard]] telemetry::Telemetry telemetry() const { return telemetry::Telemetry(events.get()); }
};
[[nodiscard]] Result<ProgramStart> start_program(const std::string& program, const CommonOptions& options,
                                                 const std::string& default_node_name);

// The last event of a program: exiting {"code":N,"reason":"…"}, then everything is written out.
void finish_program(ProgramStart& program, TimePoint now, ExitCode code, std::string_view reason);

}  // namespace bt::app
