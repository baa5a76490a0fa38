#pragma once

// From ClientOptions to what a Session is made of: reads the torrent files, the list of peers, and what the machine
// says (randomness, which running time this is). Level 7; shared by the program and the library.

#include <cstdint>
#include <string>
#include <vector>

#include "client/client_options.h"
#include "client/session.h"

namespace bt::client {

struct SessionPlan {
    std::uint64_t rng_seed = 0;
    SessionSettings settings;
    std::vector<SessionTorrent> torrents;
};

// Error: InvalidArgument (no torrents, one named twice, peers file); InvalidMetainfo or InvalidMagnet for a torrent
// that cannot be had, whatever the reason; FolderInUse (another program downloads it into this folder), or what the
// system says of the folder.
[[nodiscard]] Result<SessionPlan> plan_session(const ClientOptions& options);

// One more torrent for a session of these options; it is not locked.
[[nodiscard]] Result<SessionTorrent> plan_torrent(const ClientOptions& options, const std::string& torrent,
                                                  const std::vector<Endpoint>& peers);

}  // namespace bt::client
