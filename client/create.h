#pragma once

// The commands `create` and `verify`: create_torrent.h and verify.h with progress for people, results on standard
// output, and an exit code.

#include "client/command_arguments.h"
#include "common/app/exit_code.h"

namespace bt::client {

[[nodiscard]] app::ExitCode run_create(const CreateArguments& arguments);
// Ok, or VerificationFailed where anything is not as the torrent says.
[[nodiscard]] app::ExitCode run_verify(const VerifyArguments& arguments);

}  // namespace bt::client
