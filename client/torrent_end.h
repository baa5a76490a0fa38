#pragma once

// How a torrent of a session, or a whole session, came to its end. torrent_policy.h says when.

#include <cstdint>
#include <string_view>

namespace bt::client {

enum class TorrentEnd : std::uint8_t {
    Done,
    TrackersFailed,
    NoProgress,
    DiskTrouble,
    BadMetadata,  // what a magnet's peers sent is no torrent that we accept
    Interrupted,
    Removed,
};
[[nodiscard]] std::string_view torrent_end_name(TorrentEnd end);

}  // namespace bt::client
