#pragma once

// Lines for people: severity, program, text, on standard error; or the same as JSON lines (--log-json). What a machine
// should read goes through events instead. One thread.

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace bt::app {

enum class Severity : std::uint8_t { Error, Warning, Info, Debug };

[[nodiscard]] std::string_view severity_name(Severity severity);
// "error", "warning", "info", "debug". Error: InvalidArgument.
[[nodiscard]] Result<Severity> parse_severity(std::string_view text);

// One line without the newline. Control characters in text become '?': what a peer sends must not drive a terminal.
[[nodiscard]] std::string format_log_line(std::string_view program, Severity severity, std::string_view text);
[[nodiscard]] std::string format_log_json(std::string_view program, Severity severity, std::string_view text,
                                          double unix_seconds);

class Log {
  public:
    Log(std::string program, Severity threshold, bool json = false, std::FILE* out = stderr);

    [[nodiscard]] bool wants(Severity severity) const { return severity <= threshold_; }
    void write(Severity severity, std::string_view text) const;

    void error(std::string_view text) const { write(Severity::Error, text); }
    void warning(std::string_view text) const { write(Severity::Warning, text); }
    void info(std::string_view text) const { write(Severity::Info, text); }
    void debug(std::string_view text) const { write(Severity::Debug, text); }

  private:
    std::string program_;
    Severity threshold_;
    bool json_;
    std::FILE* out_;
};

}  // namespace bt::app
