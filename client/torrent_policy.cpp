#include "client/torrent_policy.h"

#include <algorithm>

namespace bt::client {

std::string_view torrent_end_name(TorrentEnd end) {
    switch (end) {
        case TorrentEnd::Done:
            return "done";
        case TorrentEnd::TrackersFailed:
            return "trackers failed";
        case TorrentEnd::NoProgress:
            return "no progress";
        case TorrentEnd::DiskTrouble:
            return "disk trouble";
        case TorrentEnd::BadMetadata:
            return "bad metadata";
        case TorrentEnd::Interrupted:
            return "interrupted";
        case TorrentEnd::Removed:
            return "removed";
    }
    return "unknown";
}

std::optional<TorrentEnd> PolicyWatch::judge(const PolicyInput& input, TimePoint now) {
    const engine::TorrentSnapshot& snapshot = *input.snapshot;
    if (input.is_complete) {
        if (!completed_at_) completed_at_ = now;
        progress_at_ = hopeful_at_ = now;
        if (has_seeded_enough(input, now)) return TorrentEnd::Done;
        return std::nullopt;
    }
    // Metadata is progress as blocks are; the two never come at the same time.
    const bool fetching = snapshot.state == engine::TorrentState::FetchingMetadata;
    const std::uint64_t mark = fetching ? snapshot.metadata.received : snapshot.stats.downloaded;
    if (snapshot.state == engine::TorrentState::Checking || mark != progress_mark_) {
        progress_mark_ = mark;
        progress_at_ = hopeful_at_ = now;
    }
    if (!snapshot.trackers_failed || snapshot.stats.connected > 0 || snapshot.stats.known > 0) hopeful_at_ = now;
    const Duration patience = std::min(policy_.tracker_patience, policy_.timeout.value_or(Duration::max()));
    if (now - hopeful_at_ >= patience) return TorrentEnd::TrackersFailed;
    if (policy_.timeout && now - progress_at_ >= *policy_.timeout) {
        // A swarm that was never reached because no tracker answers is told apart from one that stands still.
        const bool no_one = snapshot.trackers_failed && snapshot.stats.connected == 0;
        return no_one ? TorrentEnd::TrackersFailed : TorrentEnd::NoProgress;
    }
    return std::nullopt;
}

bool PolicyWatch::has_seeded_enough(const PolicyInput& input, TimePoint now) const {
    if (!policy_.seed_ratio && !policy_.seed_time) return true;
    if (policy_.seed_time && now >= next_deadline()) return true;
    return policy_.seed_ratio && static_cast<double>(input.snapshot->stats.uploaded) >=
                                     *policy_.seed_ratio * static_cast<double>(input.wanted);
}

TimePoint PolicyWatch::next_deadline() const {
    if (!completed_at_ || !policy_.seed_time || *policy_.seed_time == kForEver) return kNever;
    return *policy_.seed_time < kNever - *completed_at_ ? *completed_at_ + *policy_.seed_time : kNever;
}

}  // namespace bt::client
