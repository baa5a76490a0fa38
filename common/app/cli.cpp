#include "common/app/cli.h"

#include "common/app/option_setters.h"
#include "common/app/process.h"

namespace bt::app {
const char* program_version() { return BT_VERSION; }

std::vector<Option> common_options(CommonOptions& out) {
    const std::string net = "Address";
    const std::string log = "Logs and events";
    return {
        {"bind", "", "IP", "Listen on this address, and dial from it", set_address(out.bind), "", "127.0.0.1", net},
        {"port", "", "N", "Listen on this port; 0: the kernel chooses", set_number<std::uint16_t>(out.port), "0", "",
         net},
        {"loglevel",
         "",
         "LEVEL",
         "error, warning, info or debug",
         set_parsed(out.loglevel, parse_severity),
         "info",
         "",
         log,
         ArgumentKind::Words,
         {"error", "warning", "info", "debug"}},
        {"log-json", "", "", "Log lines as JSON", set_flag(out.log_json), "", "", log},
        {"events", "", "PATH|fd:N", "Write events as JSON lines to a file, or to an open descriptor (fd:3)",
         set_text(out.events), "", "fd:3", log, ArgumentKind::Text},
        {"events-level",
         "",
         "LEVEL",
         "summary, decision or wire",
         set_parsed(out.events_level, parse_event_level),
         "decision",
         "",
         log,
         ArgumentKind::Words,
         {"summary", "decision", "wire"}},
        {"node-name", "", "NAME", "What this node is called in its events", set_text(out.node_name), "", "client-1",
         log},
        {"stats-interval", "", "TIME", "Time between two `stats` events",
         set_duration(out.stats_interval, milliseconds(10), std::chrono::hours(24)), "1", "", log},
        {"die-with-parent", "", "", "End when the process that started this one ends", set_flag(out.die_with_parent),
         "", "", log},
    };
}

Result<ProgramStart> start_program(const std::string& program, const CommonOptions& options,
                                   const std::string& default_node_name, const CaptureOptions& capture) {
    ignore_sigpipe();
    raise_open_file_limit();
    if (options.die_with_parent) BT_TRY(die_with_parent());
    ProgramStart start{Log(program, options.loglevel, options.log_json), nullptr, nullptr};
    const std::string& name = options.node_name.empty() ? default_node_name : options.node_name;
    if (!options.events.empty()) {
        BT_TRY_ASSIGN(start.events, EventFile::open(options.events, name, options.events_level));
    }
    if (!capture.path.empty()) {
        BT_TRY_ASSIGN(start.capture, CaptureFile::open(capture, name, start.events.get()));
    }
    return start;
}

void ProgramStart::flush() {
    if (events) events->flush();
    if (!capture) return;
    capture->flush();
    if (const auto error = capture->take_error()) log.warning(error->message());
}

void finish_program(ProgramStart& program, TimePoint now, ExitCode code, std::string_view reason) {
    program.telemetry().emit(now, telemetry::Level::Summary, "exiting", std::nullopt,
                             {{"code", to_int(code)}, {"reason", reason}});
    program.flush();
    if (program.events) program.events->close();
}

}  // namespace bt::app
