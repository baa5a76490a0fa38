#pragma once

// Many torrents on one engine: the client's node. Each torrent has a policy of its own (torrent_policy.h) and ends by
// itself, with its farewell to the trackers; the session ends when the last one has, or when it is interrupted. Works
// over any env. Setup (client/setup.h) makes it of ClientOptions.
//
// Life: start(), then add() and remove() at any time, also from the observer's calls, until the end. Each torrent ends
// once (on_torrent_ended, when it has stopped and its memory is free again), then on_session_ended once, behind the
// last of them. interrupt() ends all that have not ended: those that are complete as Done, the others as Interrupted.
// From then on it takes kStopPatience at most, however long a disk job or a tracker hangs. The cause told for the whole
// session: Interrupted if any torrent was; else that of the first (in order of adding) that did not end as Done or
// Removed; else Done. Nothing is told from inside start(), add(), remove() or interrupt(). The session may be destroyed
// after on_session_ended, not inside it.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "client/torrent_policy.h"
#include "client/view_model.h"
#include "common/engine/engine.h"
#include "common/transport/rate_limits.h"

namespace bt::client {

inline constexpr Duration kStopPatience = seconds(10);

// In order of adding, from 0; never used again within a session.
using TorrentId = StrongIndex<struct SessionTorrentTag>;

struct SessionSettings {
    engine::EngineSettings engine;
    transport::RateLimits limits;  // of all torrents together
    Duration stats_interval = seconds(1);
    bool ends_with_torrents = true;  // false: runs, even empty, until interrupt()
};

struct SessionTorrent {
    std::string name;  // empty: the metainfo's
    engine::TorrentOptions torrent;
    transport::RateLimits limits;
    TorrentPolicy policy;
};

struct TorrentResult {
    TorrentId id;
    std::string name;
    InfoHash info_hash{};
    TorrentEnd end = TorrentEnd::Done;
    std::optional<Error> error;        // what the disk or the trackers said, where that is why
    engine::TorrentSnapshot snapshot;  // at the decision to end
    std::uint64_t wanted = 0;          // bytes
    Duration running{};                // since it was added
    std::optional<Duration> completed_after;
};

struct SessionResult {
    TorrentEnd end = TorrentEnd::Done;
    std::optional<Error> error;
    std::vector<TorrentResult> torrents;  // in order of adding
};

class SessionObserver {
  public:
    virtual ~SessionObserver() = default;
    // All that was wanted is there, whether it came in this run or lay there already. Once a torrent.
    virtual void on_torrent_complete(TorrentId) {}
    virtual void on_torrent_ended(const TorrentResult&) {}
    virtual void on_session_ended(const SessionResult& result) = 0;
};

class Session final : private engine::EngineObserver {
  public:
    Session(env::Env& env, SessionSettings settings, SessionObserver& observer, telemetry::Telemetry telemetry,
            Rng rng);
    ~Session() override;

    // Listens. Error: the port cannot be had.
    [[nodiscard]] Result<Endpoint> start();
    // Error: InvalidArgument, the session has this info_hash already; Cancelled, it is ending.
    [[nodiscard]] Result<TorrentId> add(SessionTorrent torrent);
    // Ends it as Removed; its files stay. Nothing where it has ended.
    void remove(TorrentId id);
    // Of all torrents together, and of each that runs now.
    void set_limits(const transport::RateLimits& all, const transport::RateLimits& each);
    void interrupt();

    [[nodiscard]] SessionView view(bool with_peers = false) const;
    // Of a torrent that has not ended (nullptr otherwise); valid until the observer hears of its end.
    [[nodiscard]] engine::TorrentNode* find(TorrentId id);
    [[nodiscard]] bool is_ending() const { return ending_; }
    [[nodiscard]] engine::Engine& engine() { return engine_; }

    void check_invariants() const;

  private:
    struct Item {
        TorrentId id;
        std::string name;
        PolicyWatch watch;
        TimePoint added_at;
        engine::TorrentNode* node = nullptr;  // none: it has ended and is forgotten
        std::optional<Error> failure;
        std::optional<TorrentResult> result;  // its end is decided
        bool completion_told = false;
        bool has_own_name = false;  // the caller's; else the metainfo's, once there is one
    };

    void on_torrent_metadata(engine::TorrentNode& torrent) override;
    void on_torrent_running(engine::TorrentNode& torrent) override;
    void on_torrent_completed(engine::TorrentNode& torrent) override;
    void on_torrent_failed(engine::TorrentNode& torrent, const Error& error) override;
    void on_torrent_stopped(engine::TorrentNode&) override;
    void on_engine_stopped() override;

    void on_tick();
    void judge(Item& item, TimePoint now);
    void end(Item& item, TorrentEnd how, std::optional<Error> error);
    void tell_completion(Item& item);
    void collect_ended();
    void finish();
    void wake() { tick_->arm(env_->now()); }
    [[nodiscard]] Item* item_of(const engine::TorrentNode& torrent);
    [[nodiscard]] bool all_decided() const;

    env::Env* env_;
    SessionSettings settings_;
    SessionObserver* observer_;
    telemetry::Telemetry telemetry_;
    engine::Engine engine_;
    std::vector<std::unique_ptr<Item>> items_;
    std::unique_ptr<env::Timer> tick_;
    TimePoint started_at_{};
    TimePoint next_stats_{};
    TimePoint stop_deadline_ = kNever;
    bool ending_ = false;  // the engine is stopping
    bool engine_stopped_ = false;
    bool end_told_ = false;
};

// Bytes of the files that are wanted; 0 while the metainfo is not known.
[[nodiscard]] std::uint64_t wanted_bytes(const engine::TorrentNode& node, const engine::TorrentSnapshot& snapshot);

// What the views show of one torrent of a session.
[[nodiscard]] TorrentView describe(engine::TorrentNode& node, const engine::TorrentSnapshot& snapshot, TimePoint now,
                                   bool with_peers);

}  // namespace bt::client
