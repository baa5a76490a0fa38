#pragma once

// Makes a .torrent of a file or folder: hashes with every core, writes canonical bencode. Symbolic links, sockets and
// the like are left out with a warning; files are in the order of their paths, so the same tree gives the same torrent.

#include "client/arguments.h"

namespace bt::client {

[[nodiscard]] app::ExitCode run_create(const CreateArguments& arguments);

}  // namespace bt::client
