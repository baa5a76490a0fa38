#pragma once

// When to announce to which tracker of one torrent (BEP 3, 12, 31), as a machine: it is told the time and what came
// back, and says which URL to ask next. It does not speak HTTP itself.
//
// State: tiers of URLs (shuffled within a tier at the start with the rng, BEP 12), one current announce at most.
// Rules:
//  - started goes out at start(), and to every URL that is asked for the first time; on success the URL moves to the
//    front of its tier and stays the one to ask; on failure the next URL of the tier, then the next tier, then those
//    before it. After all have failed: wait 5 s x 2^n with jitter of up to a quarter on top, at most 30 min (jitter
//    included, so that a crowd does not meet there), then from the first tier again. Start-up errors are never fatal.
//  - Regular announces after the interval served (at most a day), never before max(min interval, floor). need_peers()
//    allows an earlier one at that maximum; while the trackers fail it changes nothing.
//  - completed once, when the download finishes in this run, and only to a tracker that took (or was being sent) our
//    started before: one that first hears of us as a seed must not count a download. It is sent again until accepted;
//    one that is still owed at stop() goes out once more, before the stopped.
//  - stopped once to each tracker that had accepted a started, at stop(), the one in use first, behind an announce that
//    is in flight. After the last answer (or failure) is_finished().
//  - A failure reason counts as a failure of that URL; the text is kept for the user, without control bytes. With a
//    `retry in` (BEP 31) the URL is left out of the rounds for so long (at most a day), or for good; when every URL is
//    left out, the next round waits for the first that is not.
//  - A warning message changes nothing; it is kept, as a reason is, until the next reply.

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
    Duration interval_floor = seconds(60);  // lab: 5 s
    Duration default_interval = minutes(30);
    Duration first_retry = seconds(5);
    Duration longest_retry = minutes(30);
    Duration longest_interval = minutes(24 * 60);
};

// What the owner has to send: to `url`, with this event; counters and numwant are the owner's.
struct AnnounceCommand {
    std::string url;
    wire::AnnounceEvent event = wire::AnnounceEvent::None;
    std::string tracker_id;
};

// What a tracker wrote ends on a terminal: no control bytes, no novels.
[[nodiscard]] std::string printable(std::string text);

class TrackerClient {
  public:
    TrackerClient(std::vector<std::vector<std::string>> tiers, TrackerSettings settings, Rng rng);

    void start(TimePoint now);
    void on_completed(TimePoint now);
    void stop(TimePoint now);
    void need_peers(TimePoint now);

    // The announce that is due now, if any; it is then in flight until on_reply or on_failure.
    [[nodiscard]] std::optional<AnnounceCommand> poll_announce(TimePoint now);
    void on_reply(const wire::AnnounceReply& reply, TimePoint now);  // failure_reason is handled too
    void on_failure(const Error& error, TimePoint now);

    [[nodiscard]] TimePoint next_deadline() const;  // when poll_announce may have something; kNever while in flight

    [[nodiscard]] bool has_trackers() const;
    [[nodiscard]] bool is_finished() const;  // stopped and answered (or nothing to say)
    // For the user: "working", "announcing", "failed: connection refused (retry in 10 s)", …
    [[nodiscard]] std::string status_text(TimePoint now) const;
    [[nodiscard]] std::uint32_t failures_in_a_row() const;  // announces, not rounds
    [[nodiscard]] bool has_ever_succeeded() const;
    [[nodiscard]] const std::string& last_error() const;
    [[nodiscard]] const std::string& last_warning() const { return last_warning_; }  // empty: none

    void check_invariants() const;

  private:
    struct Tracker {
        std::string url;
        std::string tracker_id;
        bool accepted_started = false;
        bool knows_us_incomplete = false;  // started was sent to it before the download was complete
        bool owed_stopped = false;
        TimePoint not_before{};  // the tracker's wish; kNever: never again
    };
    struct Position {
        std::size_t tier = 0;
        std::size_t index = 0;  // within the tier
    };
    enum class Phase : std::uint8_t { Idle, Running, Stopping, Finished };

    [[nodiscard]] Tracker& current();
    [[nodiscard]] wire::AnnounceEvent event_for(const Tracker& tracker) const;
    void move_to_front();
    void advance(TimePoint now);
    void begin_stopping(TimePoint now);
    void after_farewell(wire::AnnounceEvent event, TimePoint now);
    void next_stopped(TimePoint now);
    void note_failure(std::string text, TimePoint now);
    void step();
    void end_round(TimePoint now);
    [[nodiscard]] TimePoint first_allowed() const;
    [[nodiscard]] Duration retry_delay();
    [[nodiscard]] bool any_knows_us_incomplete() const;

    std::vector<std::vector<Tracker>> tiers_;
    TrackerSettings settings_;
    Rng rng_;
    Phase phase_ = Phase::Idle;
    std::size_t tracker_count_ = 0;
    Position position_;  // the URL to ask next, or being asked
    std::optional<wire::AnnounceEvent> in_flight_;
    std::size_t failed_this_round_ = 0;  // URLs since the last success or wait
    std::uint32_t failed_rounds_ = 0;
    std::uint32_t failures_in_a_row_ = 0;
    bool ever_succeeded_ = false;
    bool completed_ = false;       // on_completed() was called
    bool owes_completed_ = false;  // and no tracker has accepted it yet
    bool stop_requested_ = false;  // while an announce is in flight
    TimePoint next_announce_ = kNever;
    TimePoint earliest_ = kNever;  // for need_peers(); kNever while trackers fail
    std::string last_error_;
    std::string last_warning_;
};

}  // namespace bt::discovery
