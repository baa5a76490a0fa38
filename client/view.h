#pragma once

// What a person sees of a session, as text. Pure: values in, lines out; progress_output.h puts them on a terminal.
//
// Live view, two lines a torrent, and a last one for all when there are several:
//   debian-12.iso                                    downloading from 4 of 7 peers
//   [==================>        ]  53.1% ↓ 12.3 MB/s ↑  1.2 MB/s    1:23  7/12  0.12
// that is bar, share of what is wanted, rates, time left, peers connected/known, ratio (uploaded / wanted). With
// details each peer has a row: address, flag letters, share of the pieces, rates, what it calls itself and why it is
// choked or not.
//
// Rules
//  - No line is wider than `width` columns, at any width from 20; narrow views leave out the ratio, then the rate up,
//  the
//    time left, the bar. No more than `height` lines: what does not fit is counted in the last one.
//  - Text from torrents and peers is cleaned and cut (common/app/terminal_text.h).
//  - 100.0% is shown when all is there, not before.
//  - A torrent that does not move says what it is waiting for.

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "client/view_model.h"

namespace bt::client {

struct ViewStyle {
    std::size_t width = 80;
    std::size_t height = 24;
    bool color = false;
    bool details = false;
};

[[nodiscard]] std::vector<std::string> live_view(const SessionView& session, const ViewStyle& style);

// "connecting to 3 peers", "checking 41 %", "no peers: tracker answered 0", …
[[nodiscard]] std::string state_words(const TorrentView& torrent);
// Of "DdUuK?IEXH", those that hold.
[[nodiscard]] std::string peer_flags(const PeerView& peer);

// For pipes and logs: "NAME: downloading from 4 of 7 peers, 53.1% (531 B of 1.0 kB), down 12.3 MB/s, up 0 B/s, 1:23
// left".
[[nodiscard]] std::string plain_line(const TorrentView& torrent);
// One JSON object with a newline (docs/formats.md).
[[nodiscard]] std::string progress_json(const TorrentView& torrent, Duration time, bool details);

[[nodiscard]] double share_done(const TorrentView& torrent);
[[nodiscard]] std::optional<Duration> time_left(const TorrentView& torrent);
// "waiting", "metadata", "checking", "downloading", "seeding", "stopping", "done", "failed"
[[nodiscard]] const char* phase_name(Phase phase);

}  // namespace bt::client
