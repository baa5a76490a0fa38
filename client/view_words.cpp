// In words: what a torrent does or waits for, and the letters of a peer.

#include <algorithm>
#include <cmath>

#include "client/view.h"
#include "common/app/progress_bar.h"

namespace bt::client {
namespace {

// Without a block for so long, a download says that it waits.
constexpr Duration kStill = seconds(10);

std::string peers(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " peer" : " peers"); }

std::string whole_percent(double share) {
    return std::to_string(static_cast<int>(std::floor(std::clamp(share, 0.0, 1.0) * 100))) + " %";
}

std::string asks_again(const TorrentView& torrent) {
    if (!torrent.next_announce) return "";
    return ", asks again in " + app::human_duration(*torrent.next_announce);
}

// Nobody is connected: on what that hangs.
std::string lonely_words(const TorrentView& torrent) {
    if (torrent.connecting > 0) return "connecting to " + peers(torrent.connecting);
    if (torrent.tracker_asked) return "asking the tracker for peers";
    if (torrent.known > 0) return "no answer from " + peers(torrent.known) + ", trying again";
    if (!torrent.tracker_error.empty()) return "no peers: " + torrent.tracker_error + asks_again(torrent);
    if (torrent.tracker_peers) {
        return "no peers: tracker answered " + std::to_string(*torrent.tracker_peers) + asks_again(torrent);
    }
    if (!torrent.has_trackers) return "no peers: no tracker, waiting for one to come";
    return "no peers yet" + asks_again(torrent);
}

std::string download_words(const TorrentView& torrent) {
    if (torrent.connected == 0) return lonely_words(torrent);
    if (torrent.interesting == 0) return peers(torrent.connected) + ", none has what is missing";
    if (torrent.unchoking == 0) return "choked by " + peers(torrent.interesting);
    const std::string from = std::to_string(torrent.unchoking) + " of " + peers(torrent.connected);
    if (torrent.since_block >= kStill) {
        return "nothing from " + from + " for " + app::human_duration(torrent.since_block);
    }
    return "downloading from " + from;
}

}  // namespace

const char* phase_name(Phase phase) {
    switch (phase) {
        case Phase::Waiting:
            return "waiting";
        case Phase::Metadata:
            return "metadata";
        case Phase::Checking:
            return "checking";
        case Phase::Downloading:
            return "downloading";
        case Phase::Seeding:
            return "seeding";
        case Phase::Stopping:
            return "stopping";
        case Phase::Done:
            return "done";
        case Phase::Failed:
            return "failed";
    }
    return "unknown";
}

std::string state_words(const TorrentView& torrent) {
    switch (torrent.phase) {
        case Phase::Metadata:
            if (torrent.connected == 0) return lonely_words(torrent);
            return "asking " + peers(torrent.connected) + " what this is" +
                   (torrent.metadata > 0 ? ", " + whole_percent(torrent.metadata) : "");
        case Phase::Checking:
            return "checking " + whole_percent(torrent.checked);
        case Phase::Downloading:
            return download_words(torrent);
        case Phase::Seeding:
            if (torrent.connected == 0) return "seeding, nobody asks";
            return torrent.up_rate > 0 ? "seeding to " + peers(torrent.connected)
                                       : "seeding, " + peers(torrent.connected) + " idle";
        case Phase::Failed:
            return torrent.problem.empty() ? "failed" : "failed: " + torrent.problem;
        case Phase::Waiting:
        case Phase::Stopping:
        case Phase::Done:
            break;
    }
    return phase_name(torrent.phase);
}

std::string peer_flags(const PeerView& peer) {
    std::string flags;
    if (peer.am_interested) flags += peer.peer_choking ? 'd' : 'D';
    if (peer.peer_interested) flags += peer.am_choking ? 'u' : 'U';
    if (!peer.peer_choking && !peer.am_interested) flags += 'K';
    if (!peer.am_choking && !peer.peer_interested) flags += '?';
    if (peer.incoming) flags += 'I';
    if (peer.encrypted) flags += 'E';
    if (peer.from_pex) flags += 'X';
    if (peer.from_dht) flags += 'H';
    return flags;
}

double share_done(const TorrentView& torrent) {
    if (torrent.phase == Phase::Checking) return std::clamp(torrent.checked, 0.0, 1.0);
    if (torrent.phase == Phase::Metadata) return 0;
    if (torrent.wanted == 0) return torrent.has_metadata ? 1 : 0;
    return std::min(1.0, static_cast<double>(torrent.have) / static_cast<double>(torrent.wanted));
}

std::optional<Duration> time_left(const TorrentView& torrent) {
    if (torrent.phase != Phase::Downloading || torrent.down_rate == 0 || torrent.have >= torrent.wanted) return {};
    const std::uint64_t left = (torrent.wanted - torrent.have) / torrent.down_rate;
    return seconds(std::min<std::uint64_t>(left, 1u << 30));
}

}  // namespace bt::client
