#pragma once

// Downloads one torrent in the real world: sockets, disk, terminal, signals.

#include "client/arguments.h"

namespace bt::client {

[[nodiscard]] app::ExitCode run_download(const DownloadArguments& arguments);

}  // namespace bt::client
