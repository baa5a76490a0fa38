#pragma once

// With what a program ends, by cause. The numbers are a contract with scripts and never change their meaning.

#include <string>
#include <string_view>

#include "common/base/error.h"

namespace bt::app {

enum class ExitCode : int {
    Ok = 0,
    BadArguments = 2,
    BadTorrent = 3,
    TrackersFailed = 4,
    NoProgress = 5,
    DiskFull = 6,
    DiskError = 7,
    VerificationFailed = 8,
    CannotListen = 9,
    BadConfig = 10,
    FolderInUse = 11,
    Internal = 70,
    Interrupted = 130,
};

[[nodiscard]] constexpr int to_int(ExitCode code) { return static_cast<int>(code); }
// "done", "bad arguments", …
[[nodiscard]] std::string_view exit_code_text(ExitCode code);
// For --help: "Exit codes:" and one line for each.
[[nodiscard]] std::string exit_codes_help();
// The code an error ends a program with when nobody knows better. A failed listen() is always CannotListen: its
// errors (permission, no such address) mean something else elsewhere, so the caller says so.
[[nodiscard]] ExitCode exit_code_for(const Error& error);

}  // namespace bt::app
