#include "common/engine/stats_event.h"

namespace bt::engine {

void emit_stats(const telemetry::Telemetry& telemetry, TimePoint now, const TorrentSnapshot& snapshot) {
    const swarm::TorrentStats& stats = snapshot.stats;
    const std::uint32_t done = snapshot.state == TorrentState::Checking ? snapshot.checked_pieces : stats.have;
    telemetry.emit(now, telemetry::Level::Summary, "stats", std::nullopt,
                   {{"state", snapshot.word},
                    {"progress", stats.pieces == 0 ? 1.0 : double{1} * done / stats.pieces},
                    {"have", stats.have},
                    {"pieces", stats.pieces},
                    {"downloaded", stats.downloaded},
                    {"uploaded", stats.uploaded},
                    {"down_rate", stats.down_rate},
                    {"up_rate", stats.up_rate},
                    {"peers", stats.connected},
                    {"known_peers", stats.known},
                    {"banned", stats.banned},
                    {"hash_failures", stats.hash_failures},
                    {"wasted", stats.wasted},
                    {"tracker", snapshot.tracker_status}});
}

}  // namespace bt::engine
