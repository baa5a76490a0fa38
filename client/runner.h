#pragma once

// Runs a session in the real world, on the thread that calls run(): sockets, disk, time, and the command of
// --on-complete. Level 7; the program and bt::client::Client are both built of it.
//
// The hooks are called on that thread; they may call interrupt() and session(). cancel() may come from any thread, and
// before run(): nothing is begun then, or it ends as when interrupted.
// The end waits for commands that still run; a second interrupt() ends them.

#include <functional>
#include <memory>
#include <string>

#include "client/setup.h"
#include "common/net/uv_env.h"
#include "common/net/uv_loop.h"

namespace bt::client {

class CompletionCommands;

struct RunnerHooks {
    std::function<void(const Endpoint&)> on_listening;
    // At once, every progress_interval, and once more at the end.
    std::function<void(Session&, TimePoint)> on_progress;
    Duration progress_interval = milliseconds(250);
    std::function<void(const TorrentResult&)> on_torrent_ended;
    std::function<void(const std::string&)> on_message;  // what the command did; for people
};

class Runner final : private SessionObserver {
  public:
    // on_complete: for /bin/sh -c, or empty.
    Runner(SessionPlan plan, std::string outdir, std::string on_complete, telemetry::Telemetry telemetry,
           RunnerHooks hooks);
    ~Runner() override;

    // Returns when the session has ended. Error: the port cannot be had, or a torrent not be added. Once.
    [[nodiscard]] Result<SessionResult> run();
    void interrupt();
    void cancel() { wakeup_.signal(); }

    [[nodiscard]] net::UvLoop& loop() { return loop_; }
    [[nodiscard]] TimePoint now() const { return loop_.now(); }
    [[nodiscard]] Session& session() { return session_; }

  private:
    void on_torrent_complete(TorrentId id) override;
    void on_torrent_ended(const TorrentResult& result) override;
    void on_session_ended(const SessionResult& result) override;
    void on_tick();
    void stop_if_done();

    net::UvLoop loop_;
    net::UvEnv env_;
    net::Wakeup wakeup_;
    std::vector<SessionTorrent> torrents_;
    Session session_;
    RunnerHooks hooks_;
    std::string outdir_;
    std::unique_ptr<CompletionCommands> commands_;
    std::unique_ptr<env::Timer> tick_;
    std::optional<SessionResult> result_;
    bool interrupted_ = false;
};

}  // namespace bt::client
