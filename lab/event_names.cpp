#include "lab/event_names.h"

#include <algorithm>
#include <iterator>
#include <vector>

#include "common/app/config_tree.h"
#include "lab/query.h"

namespace bt::lab {
namespace {

constexpr std::string_view kEvents[] = {
    // of every program
    "ready", "stats", "exiting", "events_dropped",
    // clients, seeders, peers
    "announce_answered", "announce_failed", "announce_sent", "became_interested", "checked", "choked", "completed",
    "dialing", "disk_failed", "failed", "fetching_metadata", "file_completed", "lost_interest", "message_received",
    "message_sent", "metadata_received", "metadata_requested", "peer_banned", "peer_connected", "peer_disconnected",
    "peer_extensions", "pex_received", "pex_sent", "piece_abandoned", "piece_begun", "piece_failed", "piece_verified",
    "request_cancelled", "request_expired", "resume_failed", "resume_saved", "script_done", "script_failed",
    "script_matched", "tracker_warning", "unchoked", "way_refused",
    // trackers
    "announce_refused", "announced", "answer_seen", "connection_closed", "connection_opened", "misbehaved",
    "peers_expired", "reload_refused", "reloaded", "request_refused", "request_seen", "scrape_refused", "scraped"};

}  // namespace

bool is_known_event(std::string_view pattern) {
    return std::ranges::any_of(kEvents, [pattern](std::string_view name) { return matches_pattern(name, pattern); });
}

std::optional<std::string_view> nearest_event(std::string_view name) {
    return app::nearest_word(name, {std::begin(kEvents), std::end(kEvents)});
}

}  // namespace bt::lab
