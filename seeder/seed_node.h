#pragma once

// The seeder's policy: check the original in place, then serve it until told to stop. It never writes, never
// downloads, and dials only the addresses that it was given, to offer its pieces to peers that do not dial.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "common/engine/engine.h"

namespace bt::seeder {

struct SeedSettings {
    engine::EngineSettings engine;
    engine::TorrentOptions torrent;        // access and download are set here
    Duration stats_interval = seconds(1);
};

class SeedNode final : private engine::EngineObserver {
  public:
    // on_ready: the check is passed. on_finished: everything has ended; the error, if that is why.
    SeedNode(env::Env& env, SeedSettings settings, telemetry::Telemetry telemetry, Rng rng,
             std::function<void()> on_ready, std::function<void(std::optional<Error>)> on_finished);

    [[nodiscard]] Result<Endpoint> start();
    void stop();

    [[nodiscard]] engine::TorrentSnapshot snapshot() const { return torrent_->snapshot(); }
    [[nodiscard]] engine::Engine& engine() { return engine_; }

  private:
    void on_torrent_running(engine::TorrentNode& torrent) override;
    void on_torrent_completed(engine::TorrentNode&) override {}
    void on_torrent_failed(engine::TorrentNode& torrent, const Error& error) override;
    void on_torrent_stopped(engine::TorrentNode&) override {}
    void on_engine_stopped() override;

    env::Env* env_;
    SeedSettings settings_;
    telemetry::Telemetry telemetry_;
    std::function<void()> on_ready_;
    std::function<void(std::optional<Error>)> on_finished_;
    engine::Engine engine_;
    engine::TorrentNode* torrent_ = nullptr;
    std::unique_ptr<env::Timer> stats_timer_;
    std::unique_ptr<env::Timer> failure_timer_;
    std::optional<Error> error_;
};

// The paths of the original's files, for a torrent and what the user named: the file of a single-file torrent or a folder that
// holds it; the folder of a multi-file torrent, or the folder above it. `is_folder` looks at the disk.
[[nodiscard]] std::vector<std::string> original_paths(const meta::Metainfo& metainfo, const std::string& original,
                                                      const std::function<bool(const std::string&)>& is_folder);

}  // namespace bt::seeder
