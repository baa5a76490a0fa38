#include "client/download.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "client/ending.h"
#include "client/runner.h"
#include "common/app/progress_bar.h"
#include "common/net/signals.h"

namespace bt::client {
namespace {

constexpr Duration kRedrawInterval = milliseconds(250);
constexpr Duration kPlainLineInterval = seconds(5);

std::string_view word_of(const TorrentView& torrent) {
    switch (torrent.phase) {
        case Phase::Waiting: return "waiting";
        case Phase::Metadata: return "metadata";
        case Phase::Checking: return "checking";
        case Phase::Downloading: return torrent.connected == 0 ? "connecting" : "downloading";
        case Phase::Seeding: return "seeding";
        case Phase::Stopping:
        case Phase::Done: return "stopped";
        case Phase::Failed: return "failed";
    }
    return "";
}

// The progress that a person sees: one line that is redrawn on a terminal, a line now and then elsewhere.
class ProgressView {
  public:
    explicit ProgressView(const app::Log& log)
        : log_(log),
          terminal_(isatty(STDERR_FILENO) == 1),
          color_(app::colors_allowed(terminal_, std::getenv("NO_COLOR"), std::getenv("TERM"))) {}

    void show(const TorrentView& torrent, TimePoint now) {
        if (!log_.wants(app::Severity::Info)) return;
        if (!terminal_ && now < next_plain_) return;
        next_plain_ = now + kPlainLineInterval;
        app::ProgressStats stats;
        stats.name = torrent.name;
        stats.state = word_of(torrent);
        stats.bytes_total = torrent.wanted;
        stats.bytes_done = torrent.phase == Phase::Checking
                               ? static_cast<std::uint64_t>(torrent.checked * static_cast<double>(torrent.wanted))
                               : torrent.have;
        stats.down_rate = static_cast<double>(torrent.down_rate);
        stats.up_rate = static_cast<double>(torrent.up_rate);
        stats.peers = torrent.connected;
        if (torrent.down_rate > 0 && torrent.have < torrent.wanted) {
            stats.eta = seconds((torrent.wanted - torrent.have) / torrent.down_rate);
        }
        if (terminal_) {
            std::fprintf(stderr, "\r%s", app::progress_line(stats, 80, color_).c_str());
            drawn_ = true;
        } else {
            std::string line = app::plain_progress_line(stats);
            if (torrent.connected == 0 && !torrent.tracker_error.empty()) {
                line += " (tracker: " + torrent.tracker_error + ")";
            }
            log_.info(line);
        }
    }

    // Leaves the drawn line where it is, so that what follows starts on a line of its own.
    void settle() {
        if (drawn_) std::fputc('\n', stderr);
        drawn_ = false;
    }

  private:
    const app::Log& log_;
    bool terminal_;
    bool color_;
    bool drawn_ = false;
    TimePoint next_plain_{};
};

ClientOptions options_from(const DownloadArguments& arguments) {
    ClientOptions options = arguments.client;
    options.bind = arguments.common.bind;
    options.port = arguments.common.port.value_or(0);
    options.stats_interval = arguments.common.stats_interval;
    return options;
}

void summarise(const app::Log& log, const TorrentResult& result) {
    const auto& stats = result.snapshot.stats;
    const double elapsed = std::max(to_seconds(result.running), 0.001);
    log.info(std::string(result.end == TorrentEnd::Done ? "complete: " : "stopped: ") + result.name + ", " +
             app::human_bytes(static_cast<double>(result.wanted)) + " in " + app::human_duration(result.running) + " (" +
             app::human_bytes(static_cast<double>(stats.downloaded) / elapsed) + "/s), downloaded " +
             app::human_bytes(static_cast<double>(stats.downloaded)) + ", uploaded " +
             app::human_bytes(static_cast<double>(stats.uploaded)) + ", hash failures " +
             std::to_string(stats.hash_failures));
}

Ending run(SessionPlan plan, const ClientOptions& options, app::ProgramStart& program, TimePoint& ended_at) {
    ProgressView view(program.log);
    RunnerHooks hooks;
    hooks.progress_interval = program.events ? Duration(app::EventFile::kFlushInterval) : kRedrawInterval;
    hooks.on_listening = [&](const Endpoint& endpoint) {
        program.telemetry().emit(TimePoint{}, telemetry::Level::Summary, "ready", std::nullopt,
                                 {{"listen", endpoint.to_string()}});
        program.log.debug("listening on " + endpoint.to_string());
    };
    hooks.on_progress = [&](Session& session, TimePoint now) {
        const SessionView shown = session.view();
        if (!shown.torrents.empty()) view.show(shown.torrents.front(), now);
        if (program.events) program.events->flush();
    };
    hooks.on_message = [&](const std::string& text) { program.log.info(text); };
    Runner runner(std::move(plan), options.outdir, options.on_complete, program.telemetry(), std::move(hooks));
    const net::Signals signals(runner.loop(), [&](int) { runner.interrupt(); });
    const auto result = runner.run();
    ended_at = runner.now();
    view.settle();
    if (!result) return {app::ExitCode::CannotListen, result.error().message()};
    for (const TorrentResult& torrent : result->torrents) summarise(program.log, torrent);
    return ending_of(result->end, result->error);
}

}  // namespace

app::ExitCode run_download(const DownloadArguments& arguments) {
    auto program = app::start_program("swarm-client", arguments.common, "client");
    if (!program) {
        app::Log("swarm-client", app::Severity::Error).error(program.error().message());
        return app::exit_code_for(program.error());
    }
    const ClientOptions options = options_from(arguments);
    TimePoint ended_at{};
    Ending ending;
    auto plan = plan_session(options);
    if (plan) {
        ending = run(std::move(*plan), options, *program, ended_at);
    } else {
        ending = {app::exit_code_for(plan.error()), plan.error().message()};
    }
    if (ending.code != app::ExitCode::Ok) program->log.error(ending.reason);
    app::finish_program(*program, ended_at, ending.code, ending.reason);
    return ending.code;
}

}  // namespace bt::client
