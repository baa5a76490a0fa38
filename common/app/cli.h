#pragma once

// What all programs share from the command line to the last event.
//
// A program puts common_options() into its table (option_table.h) beside its own and parses. Then start_program()
// applies what is common: SIGPIPE, the limit on open files, --die-with-parent, the event file.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/app/capture_file.h"
#include "common/app/event_file.h"
#include "common/app/exit_code.h"
#include "common/app/log.h"
#include "common/app/option_table.h"
#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/time.h"
#include "common/telemetry/event.h"

namespace bt::app {

[[nodiscard]] const char* program_version();

struct CommonOptions {
    std::optional<Address> bind;        // --bind IP: listen and dial from
    std::optional<std::uint16_t> port;  // --port N: 0 lets the kernel choose
    Severity loglevel = Severity::Info;
    bool log_json = false;
    std::string events;     // PATH or fd:N, empty for none
    std::string node_name;  // `node` of every event; empty: what kind of program it is
    telemetry::Level events_level = telemetry::Level::Decision;
    Duration stats_interval = seconds(1);
    bool die_with_parent = false;
};

// --bind, --port, --loglevel, --log-json, --events, --events-level, --node-name, --stats-interval, --die-with-parent.
// `out` must outlive the table.
[[nodiscard]] std::vector<Option> common_options(CommonOptions& out);

// What start_program() made. `events` is null without --events, `capture` without --capture.
struct ProgramStart {
    Log log;
    std::unique_ptr<EventFile> events;
    std::unique_ptr<CaptureFile> capture;  // hands events on to `events`

    [[nodiscard]] telemetry::Telemetry telemetry() const {
        return capture ? telemetry::Telemetry(capture.get()) : telemetry::Telemetry(events.get());
    }
    [[nodiscard]] telemetry::LinkTap* tap() const { return capture ? &capture->tap() : nullptr; }
    // To be called every EventFile::kFlushInterval where is_recording().
    [[nodiscard]] bool is_recording() const { return events || capture; }
    void flush();
};
[[nodiscard]] Result<ProgramStart> start_program(const std::string& program, const CommonOptions& options,
                                                 const std::string& default_node_name,
                                                 const CaptureOptions& capture = {});

// The last event of a program: exiting {"code":N,"reason":"…"}, then everything is written out.
void finish_program(ProgramStart& program, TimePoint now, ExitCode code, std::string_view reason);

}  // namespace bt::app
