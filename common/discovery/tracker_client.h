#pragma once

// When to announce to which tracker of one torrent (BEP 3, BEP 12), as a machine: it is told the time and what came
// back, and says which URL to ask next. It does not speak HTTP itself.
//
// State: tiers of URLs (shuffled within a tier at the start with the rng, BEP 12), one current announce at most.
// Rules:
//  - started goes out at start(); on success the URL moves to the front of its tier and stays the one to ask; on failure the next
//    URL of the tier, then the next tier. After all have failed: wait 5 s x 2^n with jitter of up to a quarter, at
//    most 30 min, then from the first tier again. start-up errors are never fatal.
//  - Regular announces after the interval served, never before max(min interval, floor). need_peers() allows an earlier one at
//    min interval.
//  - completed once, when the download finishes in this run and `started` had been accepted; stopped once, at stop(),
//    only to trackers that had accepted a started. After the stopped answer (or failure) is_finished().
//  - A failure reason counts as a failure of that URL; the text is kept for the user.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/error.h"
#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/wire/http_announce.h"

namespace bt::discovery {

struct TrackerSettings {
    Duration interval_floor = seconds(60);       // lab: 5 s
    Duration default_interval = minutes(30);
    Duration first_retry = seconds(5);
    Duration longest_retry = minutes(30);
};

// What the owner has to send: to `url`, with this event; counters and numwant are the owner's.
struct AnnounceCommand {
    std::string url;
    wire::AnnounceEvent event = wire::AnnounceEvent::None;
    std::string tracker_id;
};

class TrackerClient {
  public:
    TrackerClient(std::vector<std::vector<std::string>> tiers, TrackerSettings settings, Rng rng);

    void start(TimePoint now);
    void on_completed(TimePoint now);
    void stop(TimePoint now);
    void need_peers(TimePoint now);

    // The announce that is due now, if any; it is then in flight until on_reply or on_failure.
    [[nodiscard]] std::optional<AnnounceCommand> poll_announce(TimePoint now);
    void on_reply(const wire::AnnounceReply& reply, TimePoint now);   // failure_reason is handled too
    void on_failure(const Error& error, TimePoint now);

    [[nodiscard]] TimePoint next_deadline() const;   // when poll_announce may have something; kNever while in flight

    [[nodiscard]] bool has_trackers() const;
    [[nodiscard]] bool is_finished() const;          // stopped and answered (or nothing to say)
    // For the user: "working", "announcing", "failed: connection refused (retry in 10 s)", …
    [[nodiscard]] std::string status_text(TimePoint now) const;
    [[nodiscard]] std::uint32_t failures_in_a_row() const;
    [[nodiscard]] bool has_ever_succeeded() const;
    [[nodiscard]] const std::string& last_error() const;

    void check_invariants() const;

  private:
    struct Tracker {
        std::string url;
        std::string tracker_id;
        bool accepted_started = false;
    };
    enum class Phase : std::uint8_t { Idle, Running, Stopping, Finished };

    std::vector<std::vector<Tracker>> tiers_;
    TrackerSettings settings_;
    Rng rng_;
    Phase phase_ = Phase::Idle;
    // The implementation adds what it needs here.
};

}  // namespace bt::discovery
