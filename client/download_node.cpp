#include "client/download_node.h"

#include <algorithm>

#include "common/engine/stats_event.h"

namespace bt::client {

DownloadNode::DownloadNode(env::Env& env, DownloadSettings settings, telemetry::Telemetry telemetry, Rng rng,
                           std::function<void(DownloadResult)> on_finished)
    : env_(&env),
      settings_(std::move(settings)),
      telemetry_(telemetry),
      on_finished_(std::move(on_finished)),
      engine_(env, settings_.engine, *this, telemetry, rng),
      tick_(env.make_timer([this] { on_tick(); })) {}

Result<Endpoint> DownloadNode::start() {
    BT_TRY_ASSIGN(const Endpoint endpoint, engine_.start());
    const TimePoint now = env_->now();
    progress_at_ = now;
    hopeful_at_ = now;
    next_stats_ = now;
    torrent_ = &engine_.add_torrent(settings_.torrent);
    tick_->arm(now);
    return endpoint;
}

void DownloadNode::on_torrent_running(engine::TorrentNode& torrent) {
    progress_at_ = hopeful_at_ = env_->now();
    if (torrent.is_complete()) complete();
}

void DownloadNode::on_torrent_completed(engine::TorrentNode&) { complete(); }

void DownloadNode::complete() {
    engine::emit_stats(telemetry_, env_->now(), snapshot());
    if (on_completed) on_completed();
    if (!settings_.seed_time) return;
    // From a callback of its own: ending inside the turn that completed the torrent would cut that turn short.
    seed_timer_ = env_->make_timer([this] { end(DownloadEnd::Done, std::nullopt); });
    seed_timer_->arm(env_->now() + *settings_.seed_time);
}

void DownloadNode::on_torrent_failed(engine::TorrentNode&, const Error& error) {
    const Error copy = error;
    seed_timer_ = env_->make_timer([this, copy] { end(DownloadEnd::DiskTrouble, copy); });
    seed_timer_->arm(env_->now());
}

void DownloadNode::on_tick() {
    const TimePoint now = env_->now();
    const auto snapshot = torrent_->snapshot();
    if (now >= next_stats_) {
        engine::emit_stats(telemetry_, now, snapshot);
        next_stats_ = now + settings_.stats_interval;
    }
    if (result_ || torrent_->state() == engine::TorrentState::Stopped) return;
    if (snapshot.state == engine::TorrentState::Checking || snapshot.stats.downloaded != progress_bytes_ ||
        torrent_->is_complete()) {
        progress_bytes_ = snapshot.stats.downloaded;
        progress_at_ = hopeful_at_ = now;
    }
    if (!snapshot.trackers_failed || snapshot.stats.connected > 0 || snapshot.stats.known > 0) hopeful_at_ = now;
    const Duration patience = std::min(settings_.tracker_patience, settings_.timeout.value_or(Duration::max()));
    if (now - hopeful_at_ >= patience) return end(DownloadEnd::TrackersFailed, torrent_->tracker_error());
    if (settings_.timeout && now - progress_at_ >= *settings_.timeout) {
        // A swarm that was never reached because no tracker answers is told apart from one that stands still.
        const bool no_one = snapshot.trackers_failed && snapshot.stats.connected == 0;
        return end(no_one ? DownloadEnd::TrackersFailed : DownloadEnd::NoProgress, torrent_->tracker_error());
    }
    tick_->arm(std::min(next_stats_, now + milliseconds(250)));
}

void DownloadNode::interrupt() { end(DownloadEnd::Interrupted, std::nullopt); }

void DownloadNode::end(DownloadEnd how, std::optional<Error> error) {
    if (result_) return;
    result_ = DownloadResult{how, std::move(error), torrent_->snapshot()};
    if (how == DownloadEnd::Interrupted && torrent_->is_complete()) result_->end = DownloadEnd::Done;
    engine_.stop();
}

void DownloadNode::on_engine_stopped() {
    tick_->cancel();
    engine::emit_stats(telemetry_, env_->now(), torrent_->snapshot());   // the last totals
    on_finished_(std::move(*result_));
}

}  // namespace bt::client
