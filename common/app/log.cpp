#include "common/app/log.h"

#include <chrono>

#include "common/telemetry/event.h"

namespace bt::app {

std::string_view severity_name(Severity severity) {
    switch (severity) {
        case Severity::Error:
            return "error";
        case Severity::Warning:
            return "warning";
        case Severity::Info:
            return "info";
        case Severity::Debug:
            return "debug";
    }
    return "unknown";
}

Result<Severity> parse_severity(std::string_view text) {
    for (const Severity severity : {Severity::Error, Severity::Warning, Severity::Info, Severity::Debug}) {
        if (text == severity_name(severity)) return severity;
    }
    return fail(local_error(ErrorCode::InvalidArgument,
                            "log level \"" + std::string(text) + "\": error, warning, info or debug"));
}

std::string format_log_line(std::string_view program, Severity severity, std::string_view text) {
    std::string line(program);
    line += ": ";
    if (severity != Severity::Info) {
        line += severity_name(severity);
        line += ": ";
    }
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        line += byte < 0x20 || byte == 0x7f ? '?' : c;
    }
    return line;
}

std::string format_log_json(std::string_view program, Severity severity, std::string_view text, double unix_seconds) {
    char time[40];
    std::snprintf(time, sizeof time, "{\"time\":%.3f,\"severity\":\"", unix_seconds);
    std::string line = time;
    line += severity_name(severity);
    line += "\",\"program\":";
    telemetry::append_json_string(line, program);
    line += ",\"text\":";
    telemetry::append_json_string(line, text);
    line += '}';
    return line;
}

Log::Log(std::string program, Severity threshold, bool json, std::FILE* out)
    : program_(std::move(program)), threshold_(threshold), json_(json), out_(out) {}

void Log::write(Severity severity, std::string_view text) const {
    if (!wants(severity)) return;
    const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
    std::string line =
        json_ ? format_log_json(program_, severity, text, now.count()) : format_log_line(program_, severity, text);
    line += '\n';
    std::fwrite(line.data(), 1, line.size(), out_);
    std::fflush(out_);
}

}  // namespace bt::app
