#pragma once

// The commands that look at one thing and go nowhere: decode, info, magnet_parse. The result alone goes to standard
// output; what is wrong with the thing is one line on standard error, with the byte where it breaks the rule, and exit
// code 3.

#include <string>

#include "client/command_arguments.h"
#include "common/app/exit_code.h"
#include "common/base/result.h"

namespace bt::client {

// What is to be printed. `input`: standard input, for decode "-".
[[nodiscard]] Result<std::string> inspect(const InspectArguments& arguments, std::string input = "");
[[nodiscard]] app::ExitCode run_inspect(const InspectArguments& arguments);

}  // namespace bt::client
