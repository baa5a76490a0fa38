#include "common/app/cli.h"

#include <CLI/CLI.hpp>
#include <cstdio>

#include "common/app/process.h"

namespace bt::app {
namespace {

// CLI11 callbacks tell a mistake by throwing CLI::ValidationError; it ends in parse_command_line.
template <class T>
T value_or_throw(const std::string& option, Result<T> parsed) {
    if (!parsed) throw CLI::ValidationError(option, parsed.error().message());
    return std::move(*parsed);
}

}  // namespace

const char* program_version() { return BT_VERSION; }

void add_common_options(CLI::App& app, CommonOptions& options) {
    app.add_option_function<std::string>(
           "--bind",
           [&options](const std::string& text) {
               options.bind = Address::parse(text);
               if (!options.bind) throw CLI::ValidationError("--bind", "\"" + text + "\" is no IP address");
           },
           "Listen on this address, and dial from it")
        ->type_name("IP");
    app.add_option_function<std::int64_t>(
           "--port",
           [&options](std::int64_t value) {
               if (value < 0 || value > 65535) throw CLI::ValidationError("--port", "must be 0 to 65535");
               options.port = static_cast<std::uint16_t>(value);
           },
           "Listen on this port; 0: the kernel chooses")
        ->type_name("N");
    app.add_option_function<std::string>(
           "--loglevel",
           [&options](const std::string& text) {
               options.loglevel = value_or_throw("--loglevel", parse_severity(text));
           },
           "error, warning, info or debug (default: info)")
        ->type_name("LEVEL");
    app.add_flag("--log-json", options.log_json, "Log lines as JSON");
    app.add_option("--events", options.events, "Write events as JSON lines to a file, or to an open descriptor (fd:3)")
        ->type_name("PATH|fd:N");
    app.add_option_function<std::string>(
           "--events-level",
           [&options](const std::string& text) {
               options.events_level = value_or_throw("--events-level", parse_event_level(text));
           },
           "summary, decision or wire (default: decision)")
        ->type_name("LEVEL");
    app.add_option("--node-name", options.node_name, "What this node is called in its events")->type_name("NAME");
    app.add_option_function<double>(
           "--stats-interval",
           [&options](double value) {
               if (!(value >= 0.01 && value <= 86400)) {
                   throw CLI::ValidationError("--stats-interval", "must be 0.01 to 86400 seconds");
               }
               options.stats_interval = from_seconds(value);
           },
           "Seconds between two `stats` events (default: 1)")
        ->type_name("SECONDS");
    app.add_flag("--die-with-parent", options.die_with_parent, "End when the process that started this one ends");
    app.set_version_flag("--version", app.get_name() + " " + program_version());
}

void set_help(CLI::App& app, std::string description, std::string examples) {
    app.description("Examples:\n" + examples + "\n" + description);
    app.footer("\n" + exit_codes_help());
}

std::optional<ExitCode> parse_command_line(CLI::App& app, int argc, char** argv) {
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& success) {  // --help, --version
        app.exit(success);
        return ExitCode::Ok;
    } catch (const CLI::ParseError& error) {
        const std::string line = std::string(error.what()) + " (see " + app.get_name() + " --help)";
        std::fprintf(stderr, "%s\n", format_log_line(app.get_name(), Severity::Error, line).c_str());
        return ExitCode::BadArguments;
    }
    return std::nullopt;
}

Result<ProgramStart> start_program(const std::string& program, const CommonOptions& options,
                                   const std::string& default_node_name) {
    ignore_sigpipe();
    raise_open_file_limit();
    if (options.die_with_parent) BT_TRY(die_with_parent());
    ProgramStart start{Log(program, options.loglevel, options.log_json), nullptr};
    if (!options.events.empty()) {
        const std::string& name = options.node_name.empty() ? default_node_name : options.node_name;
        BT_TRY_ASSIGN(start.events, EventFile::open(options.events, name, options.events_level));
    }
    return start;
}

void finish_program(ProgramStart& program, TimePoint now, ExitCode code, std::string_view reason) {
    program.telemetry().emit(now, telemetry::Level::Summary, "exiting", std::nullopt,
                             {{"code", to_int(code)}, {"reason", reason}});
    if (program.events) program.events->close();
}

}  // namespace bt::app
