#include "common/discovery/tracker_client.h"

#include <algorithm>
#include <set>
#include <span>

#include "common/base/check.h"

namespace bt::discovery {
namespace {

constexpr std::size_t kMaxErrorText = 200;

}  // namespace

std::string printable(std::string text) {
    if (text.size() > kMaxErrorText) text.resize(kMaxErrorText);
    for (char& c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x20 || byte == 0x7f) c = '?';
    }
    return text;
}

TrackerClient::TrackerClient(std::vector<std::vector<std::string>> tiers, TrackerSettings settings, Rng rng)
    : settings_(settings), rng_(rng) {
    std::set<std::string> seen;
    for (std::vector<std::string>& urls : tiers) {
        rng_.shuffle(std::span<std::string>(urls));
        std::vector<Tracker> tier;
        for (std::string& url : urls) {
            if (url.empty() || !seen.insert(url).second) continue;
            Tracker tracker;
            tracker.url = std::move(url);
            tier.push_back(std::move(tracker));
        }
        tracker_count_ += tier.size();
        if (!tier.empty()) tiers_.push_back(std::move(tier));
    }
}

void TrackerClient::start(TimePoint now) {
    if (phase_ != Phase::Idle) return;
    phase_ = Phase::Running;
    if (has_trackers()) next_announce_ = now;
}

void TrackerClient::on_completed(TimePoint now) {
    if (phase_ != Phase::Running || completed_) return;
    completed_ = true;
    owes_completed_ = any_knows_us_incomplete();
    if (!owes_completed_ || in_flight_) return;
    // While the trackers fail, it waits for the next attempt as every announce does.
    if (earliest_ != kNever) next_announce_ = now;
}

void TrackerClient::need_peers(TimePoint now) {
    if (phase_ != Phase::Running || in_flight_ || earliest_ == kNever) return;
    next_announce_ = std::min(next_announce_, std::max(now, earliest_));
}

void TrackerClient::stop(TimePoint now) {
    if (phase_ == Phase::Stopping || phase_ == Phase::Finished || stop_requested_) return;
    if (in_flight_) {
        stop_requested_ = true;
    } else {
        begin_stopping(now);
    }
}

std::optional<AnnounceCommand> TrackerClient::poll_announce(TimePoint now) {
    if (in_flight_ || now < next_announce_) return std::nullopt;
    if (phase_ == Phase::Running) {
        // Behind a wait, or a round: past those that do not want to be asked. One of them can be, else there is no
        // deadline that has passed.
        while (current().not_before > now && failed_this_round_ + 1 < tracker_count_) {
            ++failed_this_round_;
            step();
        }
        if (current().not_before > now) {
            end_round(now);
            return std::nullopt;
        }
    }
    Tracker& tracker = current();
    const wire::AnnounceEvent event = event_for(tracker);
    if (event == wire::AnnounceEvent::Started && !completed_) tracker.knows_us_incomplete = true;
    in_flight_ = event;
    next_announce_ = kNever;
    return AnnounceCommand{tracker.url, event, tracker.tracker_id};
}

void TrackerClient::on_reply(const wire::AnnounceReply& reply, TimePoint now) {
    BT_CHECK(in_flight_.has_value());
    if (reply.failure_reason) {
        const bool silent = reply.failure_reason->empty();
        if (reply.retry_in) {
            const auto& wait = reply.retry_in->minutes;
            const auto most = std::chrono::floor<minutes>(settings_.longest_interval);
            current().not_before = wait ? now + std::min<minutes>(minutes(*wait), most) : kNever;
        }
        return note_failure(silent ? "the tracker refused without a reason" : *reply.failure_reason, now);
    }
    const wire::AnnounceEvent event = *in_flight_;
    in_flight_.reset();
    if (phase_ == Phase::Stopping) return after_farewell(event, now);

    last_warning_ = printable(reply.warning_message);
    Tracker& tracker = current();
    if (!reply.tracker_id.empty()) tracker.tracker_id = reply.tracker_id;
    if (event == wire::AnnounceEvent::Started) tracker.accepted_started = true;
    if (event == wire::AnnounceEvent::Completed) owes_completed_ = false;
    failed_this_round_ = 0;
    failed_rounds_ = 0;
    failures_in_a_row_ = 0;
    ever_succeeded_ = true;

    const auto as_wait = [this](std::uint32_t value) {
        return std::min<Duration>(seconds(value), settings_.longest_interval);
    };
    const Duration least = std::max(as_wait(reply.min_interval_s.value_or(0)), settings_.interval_floor);
    const Duration interval = reply.interval_s ? as_wait(*reply.interval_s) : settings_.default_interval;
    earliest_ = now + least;
    next_announce_ = now + std::max(interval, least);
    if (event_for(tracker) == wire::AnnounceEvent::Completed) next_announce_ = now;
    move_to_front();
    if (stop_requested_) begin_stopping(now);
}

void TrackerClient::on_failure(const Error& error, TimePoint now) {
    BT_CHECK(in_flight_.has_value());
    note_failure(error.message(), now);
}

void TrackerClient::note_failure(std::string text, TimePoint now) {
    const wire::AnnounceEvent event = *in_flight_;
    in_flight_.reset();
    last_error_ = printable(std::move(text));
    if (phase_ == Phase::Stopping) return after_farewell(event, now);

    ++failures_in_a_row_;
    if (event == wire::AnnounceEvent::Started) {
        current().knows_us_incomplete = false;
        owes_completed_ = owes_completed_ && any_knows_us_incomplete();
    }
    if (stop_requested_) return begin_stopping(now);
    advance(now);
}

// To the next URL, at once; behind a whole round of failures to the first, after a wait.
void TrackerClient::advance(TimePoint now) {
    earliest_ = kNever;
    if (++failed_this_round_ >= tracker_count_) return end_round(now);
    next_announce_ = now;
    step();
}

void TrackerClient::step() {
    if (++position_.index < tiers_[position_.tier].size()) return;
    position_.index = 0;
    position_.tier = (position_.tier + 1) % tiers_.size();
}

void TrackerClient::end_round(TimePoint now) {
    failed_this_round_ = 0;
    position_ = {};
    next_announce_ = std::max(now + retry_delay(), first_allowed());
}

TimePoint TrackerClient::first_allowed() const {
    TimePoint first = kNever;
    for (const auto& tier : tiers_) {
        for (const Tracker& tracker : tier) first = std::min(first, tracker.not_before);
    }
    return first;
}

Duration TrackerClient::retry_delay() {
    // The last step stays a fifth under the longest wait: room for the jitter.
    const Duration top = settings_.longest_retry * 4 / 5;
    Duration delay = std::min(settings_.first_retry, top);
    for (std::uint32_t i = 0; i < failed_rounds_ && delay < top; ++i) delay = std::min(delay * 2, top);
    ++failed_rounds_;
    const Duration jitter(rng_.below(static_cast<std::uint64_t>(delay.count() / 4) + 1));
    return delay + jitter;
}

void TrackerClient::begin_stopping(TimePoint now) {
    phase_ = Phase::Stopping;
    for (auto& tier : tiers_) {
        for (Tracker& tracker : tier) tracker.owed_stopped = tracker.accepted_started;
    }
    if (has_trackers() && current().owed_stopped) {
        next_announce_ = now;
        return;
    }
    next_stopped(now);
}

// While stopping, each announce has one try; the stopped follows a completed that was still owed.
void TrackerClient::after_farewell(wire::AnnounceEvent event, TimePoint now) {
    if (event != wire::AnnounceEvent::Completed) return next_stopped(now);
    owes_completed_ = false;
    next_announce_ = now;
}

// Behind a stopped that was answered (or is not owed): to the next tracker that has to hear it.
void TrackerClient::next_stopped(TimePoint now) {
    next_announce_ = kNever;
    if (has_trackers()) current().owed_stopped = false;
    for (std::size_t tier = 0; tier < tiers_.size(); ++tier) {
        for (std::size_t index = 0; index < tiers_[tier].size(); ++index) {
            if (!tiers_[tier][index].owed_stopped) continue;
            position_ = {tier, index};
            next_announce_ = now;
            return;
        }
    }
    phase_ = Phase::Finished;
}

TrackerClient::Tracker& TrackerClient::current() { return tiers_[position_.tier][position_.index]; }

wire::AnnounceEvent TrackerClient::event_for(const Tracker& tracker) const {
    if (!tracker.accepted_started) return wire::AnnounceEvent::Started;
    if (owes_completed_ && tracker.knows_us_incomplete) return wire::AnnounceEvent::Completed;
    return phase_ == Phase::Stopping ? wire::AnnounceEvent::Stopped : wire::AnnounceEvent::None;
}

void TrackerClient::move_to_front() {
    auto& tier = tiers_[position_.tier];
    const auto used = tier.begin() + static_cast<std::ptrdiff_t>(position_.index);
    std::rotate(tier.begin(), used, used + 1);
    position_.index = 0;
}

bool TrackerClient::any_knows_us_incomplete() const {
    return std::any_of(tiers_.begin(), tiers_.end(), [](const std::vector<Tracker>& tier) {
        return std::any_of(tier.begin(), tier.end(), [](const Tracker& t) { return t.knows_us_incomplete; });
    });
}

TimePoint TrackerClient::next_deadline() const { return in_flight_ ? kNever : next_announce_; }

bool TrackerClient::has_trackers() const { return tracker_count_ > 0; }

bool TrackerClient::is_finished() const { return phase_ == Phase::Finished; }

std::uint32_t TrackerClient::failures_in_a_row() const { return failures_in_a_row_; }

bool TrackerClient::has_ever_succeeded() const { return ever_succeeded_; }

const std::string& TrackerClient::last_error() const { return last_error_; }

std::string TrackerClient::status_text(TimePoint now) const {
    if (!has_trackers()) return "no trackers";
    switch (phase_) {
        case Phase::Idle:
            return "not started";
        case Phase::Stopping:
            return "stopping";
        case Phase::Finished:
            return "stopped";
        case Phase::Running:
            break;
    }
    if (in_flight_) return "announcing";
    if (failures_in_a_row_ == 0) {
        if (!ever_succeeded_) return "announcing";
        return last_warning_.empty() ? "working" : "working (it warns: " + last_warning_ + ")";
    }
    if (next_announce_ == kNever) return "failed for good: " + last_error_;
    const Duration wait = next_announce_ > now ? next_announce_ - now : Duration::zero();
    const auto whole = std::chrono::ceil<seconds>(wait);
    return "failed: " + last_error_ + " (retry in " + std::to_string(whole.count()) + " s)";
}

void TrackerClient::check_invariants() const {
    BT_CHECK(tracker_count_ == 0 ||
             (position_.tier < tiers_.size() && position_.index < tiers_[position_.tier].size()));
    BT_CHECK(tracker_count_ == 0 || failed_this_round_ < tracker_count_);
    BT_CHECK(!in_flight_ || phase_ == Phase::Running || phase_ == Phase::Stopping);
    BT_CHECK(!in_flight_ || next_announce_ == kNever);
    BT_CHECK(!stop_requested_ || phase_ != Phase::Running || in_flight_);
    BT_CHECK(!owes_completed_ || (completed_ && any_knows_us_incomplete()));
    if (phase_ == Phase::Idle || phase_ == Phase::Finished) BT_CHECK(!in_flight_ && next_announce_ == kNever);
    if (phase_ == Phase::Running && has_trackers()) {
        BT_CHECK(in_flight_ || next_announce_ != kNever || first_allowed() == kNever);
    }
}

}  // namespace bt::discovery
