#pragma once

// Downloads torrents in the real world: sockets, disk, terminal, signals. SIGHUP has the arguments read again: the limits
// in them hold from then on, everything else stays; a mistake in them changes nothing.

#include <functional>
#include <optional>

#include "client/arguments.h"

namespace bt::client {

// Reads command line and --config again. Nothing: there is a mistake, and the user knows.
using RereadArguments = std::function<std::optional<DownloadArguments>()>;

[[nodiscard]] app::ExitCode run_download(const DownloadArguments& arguments, const RereadArguments& reread);

}  // namespace bt::client
