#pragma once

// The client's policy around one torrent: download, then stop or seed for a while; give up when told to; end in order.
// Works over any env; main.cpp gives it the real one.
//
// Ends, each told once through on_finished after the farewell to the trackers:
//   Done            complete, and seeded for seed_time
//   TrackersFailed  no tracker has ever answered and no peer is known, for tracker_patience
//   NoProgress      no block for `timeout` while incomplete (only where a timeout is set)
//   DiskTrouble     the disk refused (error tells: full, permission, …)
//   Interrupted     interrupt() was called before the end

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "common/engine/engine.h"

namespace bt::client {

struct DownloadSettings {
    engine::EngineSettings engine;
    engine::TorrentOptions torrent;
    std::optional<Duration> seed_time = Duration(0);   // nothing: for ever
    std::optional<Duration> timeout;
    Duration tracker_patience = seconds(30);
    Duration stats_interval = seconds(1);
};

enum class DownloadEnd : std::uint8_t { Done, TrackersFailed, NoProgress, DiskTrouble, Interrupted };

struct DownloadResult {
    DownloadEnd end = DownloadEnd::Done;
    std::optional<Error> error;
    engine::TorrentSnapshot snapshot;   // at the decision to end
};

class DownloadNode final : private engine::EngineObserver {
  public:
    DownloadNode(env::Env& env, DownloadSettings settings, telemetry::Telemetry telemetry, Rng rng,
                 std::function<void(DownloadResult)> on_finished);

    // Listens and begins. Error: the port cannot be had.
    [[nodiscard]] Result<Endpoint> start();
    void interrupt();

    [[nodiscard]] engine::TorrentSnapshot snapshot() const { return torrent_->snapshot(); }
    [[nodiscard]] bool is_complete() const { return torrent_ != nullptr && torrent_->is_complete(); }
    [[nodiscard]] engine::Engine& engine() { return engine_; }
    // Called at each completion, before seeding or stopping; for messages to the user.
    std::function<void()> on_completed;

  private:
    void on_torrent_running(engine::TorrentNode& torrent) override;
    void on_torrent_completed(engine::TorrentNode& torrent) override;
    void on_torrent_failed(engine::TorrentNode& torrent, const Error& error) override;
    void on_torrent_stopped(engine::TorrentNode&) override {}
    void on_engine_stopped() override;
    void on_tick();
    void complete();
    void end(DownloadEnd how, std::optional<Error> error);

    env::Env* env_;
    DownloadSettings settings_;
    telemetry::Telemetry telemetry_;
    std::function<void(DownloadResult)> on_finished_;
    engine::Engine engine_;
    engine::TorrentNode* torrent_ = nullptr;
    std::unique_ptr<env::Timer> tick_;
    std::unique_ptr<env::Timer> seed_timer_;
    TimePoint next_stats_;
    std::uint64_t progress_bytes_ = 0;
    TimePoint progress_at_;
    TimePoint hopeful_at_;              // when a tracker or a peer last gave hope
    std::optional<DownloadResult> result_;
};

}  // namespace bt::client
