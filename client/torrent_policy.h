#pragma once

// When one torrent of a session has come to its end: a pure machine that is shown snapshots and the time.
//
// Ends, in the order in which they are looked for
//   Done            complete, and uploaded or stayed as agreed: seed_ratio or seed_time reached, whichever is first;
//                   where neither is set, at once. kForEver as seed_time counts as never.
//   TrackersFailed  no tracker has ever answered and no peer is known, for tracker_patience (or timeout, if shorter)
//   NoProgress      no block (nor metadata, nor a checked piece) for `timeout` while incomplete; where the trackers
//   have
//                   failed and nobody is connected, it is TrackersFailed that is told
// The session itself adds DiskTrouble and BadMetadata (the torrent failed), Interrupted and Removed.

#include <cstdint>
#include <optional>

#include "client/client_options.h"
#include "client/torrent_end.h"
#include "common/base/time.h"
#include "common/engine/torrent_node.h"

namespace bt::client {

struct TorrentPolicy {
    std::optional<double> seed_ratio;  // uploaded in this run / bytes wanted
    std::optional<Duration> seed_time;
    std::optional<Duration> timeout;
    Duration tracker_patience = seconds(30);
};

// What the policy looks at.
struct PolicyInput {
    const engine::TorrentSnapshot* snapshot = nullptr;
    bool is_complete = false;
    std::uint64_t wanted = 0;  // bytes
};

// Bytes of the files that are wanted; of all, as long as the content has not been checked.
[[nodiscard]] inline std::uint64_t wanted_bytes(const engine::TorrentNode& node) {
    const auto wanted = node.snapshot().stats.wanted;
    return wanted > 0 ? wanted : node.metainfo().layout().total_length();
}

class PolicyWatch {
  public:
    PolicyWatch(TorrentPolicy policy, TimePoint now) : policy_(policy), progress_at_(now), hopeful_at_(now) {}

    [[nodiscard]] std::optional<TorrentEnd> judge(const PolicyInput& input, TimePoint now);
    // When judge() should be asked again at the latest for what time alone brings; kNever: nothing.
    [[nodiscard]] TimePoint next_deadline() const;
    [[nodiscard]] TimePoint progress_at() const { return progress_at_; }
    // Since when it has been complete.
    [[nodiscard]] const std::optional<TimePoint>& completed_at() const { return completed_at_; }

  private:
    [[nodiscard]] bool has_seeded_enough(const PolicyInput& input, TimePoint now) const;

    TorrentPolicy policy_;
    std::uint64_t progress_mark_ = 0;
    TimePoint progress_at_;
    TimePoint hopeful_at_;  // when a tracker or a peer last gave hope
    std::optional<TimePoint> completed_at_;
};

}  // namespace bt::client
