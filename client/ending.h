#pragma once

// With which code and words a program ends for what a session came to.

#include <optional>
#include <string>

#include "client/torrent_end.h"
#include "common/app/exit_code.h"

namespace bt::client {

struct Ending {
    app::ExitCode code = app::ExitCode::Internal;
    std::string reason;
};

[[nodiscard]] Ending ending_of(TorrentEnd end, const std::optional<Error>& error);

}  // namespace bt::client
