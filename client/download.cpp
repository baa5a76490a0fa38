#include "client/download.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "client/download_node.h"
#include "common/app/node_setup.h"
#include "common/app/progress_bar.h"
#include "common/net/signals.h"
#include "common/net/uv_env.h"
#include "common/net/uv_loop.h"

namespace bt::client {
namespace {

constexpr Duration kRedrawInterval = milliseconds(250);
constexpr Duration kPlainLineInterval = seconds(5);

// The progress that a person sees: one line that is redrawn on a terminal, a line now and then elsewhere.
class ProgressView {
  public:
    ProgressView(const meta::Metainfo& metainfo, const app::Log& log)
        : metainfo_(metainfo),
          log_(log),
          terminal_(isatty(STDERR_FILENO) == 1),
          color_(app::colors_allowed(terminal_, std::getenv("NO_COLOR"), std::getenv("TERM"))) {}

    void show(const engine::TorrentSnapshot& snapshot, TimePoint now) {
        if (!log_.wants(app::Severity::Info)) return;
        if (!terminal_ && now < next_plain_) return;
        next_plain_ = now + kPlainLineInterval;
        app::ProgressStats stats;
        stats.name = metainfo_.name();
        stats.state = snapshot.word;
        stats.bytes_total = metainfo_.layout().total_length();
        if (snapshot.state == engine::TorrentState::Checking) {
            stats.bytes_done =
                std::min(stats.bytes_total, std::uint64_t{snapshot.checked_pieces} * metainfo_.layout().piece_length());
        } else {
            stats.bytes_done = stats.bytes_total - snapshot.stats.left;
        }
        stats.down_rate = static_cast<double>(snapshot.stats.down_rate);
        stats.up_rate = static_cast<double>(snapshot.stats.up_rate);
        stats.peers = snapshot.stats.connected;
        if (snapshot.stats.down_rate > 0 && snapshot.stats.left > 0) {
            stats.eta = seconds(snapshot.stats.left / snapshot.stats.down_rate);
        }
        if (terminal_) {
            std::fprintf(stderr, "\r%s", app::progress_line(stats, 80, color_).c_str());
            drawn_ = true;
        } else {
            std::string line = app::plain_progress_line(stats);
            if (snapshot.stats.connected == 0 && !snapshot.tracker_status.empty()) {
                line += " (tracker: " + snapshot.tracker_status + ")";
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
    const meta::Metainfo& metainfo_;
    const app::Log& log_;
    bool terminal_;
    bool color_;
    bool drawn_ = false;
    TimePoint next_plain_{};
};

DownloadSettings settings_from(const DownloadArguments& arguments, std::shared_ptr<const meta::Metainfo> metainfo,
                               std::vector<Endpoint> peers, Rng& rng) {
    DownloadSettings settings;
    settings.engine.listen = {arguments.common.bind.value_or(Address()), arguments.common.port.value_or(0)};
    settings.engine.source = arguments.common.bind;
    settings.engine.peer_id = engine::make_peer_id(rng);
    settings.torrent.paths = storage::paths_in(*metainfo, arguments.client.outdir);
    settings.torrent.resume_path = arguments.client.outdir + "/." + metainfo->name() + ".swarm-resume";
    settings.torrent.boot_id = app::boot_id();
    settings.torrent.manual_peers = std::move(peers);
    settings.torrent.tracker_tiers = metainfo->tracker_tiers();
    settings.torrent.max_connections = arguments.client.max_peers;
    if (arguments.client.interval_floor) settings.torrent.tracker.interval_floor = *arguments.client.interval_floor;
    settings.torrent.metainfo = std::move(metainfo);
    const Duration seed_time = arguments.client.seed_time.value_or(Duration(0));
    if (seed_time == kForEver) {
        settings.seed_time.reset();
    } else {
        settings.seed_time = seed_time;
    }
    settings.timeout = arguments.client.timeout;
    settings.stats_interval = arguments.common.stats_interval;
    return settings;
}

struct Ending {
    app::ExitCode code = app::ExitCode::Internal;
    std::string reason;
};

Ending ending_of(const DownloadResult& result) {
    const std::string why = result.error ? ": " + result.error->message() : "";
    switch (result.end) {
        case DownloadEnd::Done:
            return {app::ExitCode::Ok, "complete"};
        case DownloadEnd::TrackersFailed:
            return {app::ExitCode::TrackersFailed, "no tracker answers and no peer is known" + why};
        case DownloadEnd::NoProgress:
            return {app::ExitCode::NoProgress, "nothing came within --timeout" + why};
        case DownloadEnd::Interrupted:
            return {app::ExitCode::Interrupted, "interrupted"};
        case DownloadEnd::DiskTrouble: {
            // Whatever the disk said while a torrent was being written is disk trouble to the user.
            const auto code = app::exit_code_for(*result.error);
            return {code == app::ExitCode::DiskFull ? code : app::ExitCode::DiskError, result.error->message()};
        }
    }
    return {};
}

void summarise(const app::Log& log, const DownloadResult& result, const meta::Metainfo& metainfo, TimePoint now) {
    const auto& stats = result.snapshot.stats;
    const double elapsed = std::max(to_seconds(now.time_since_epoch()), 0.001);
    log.info(std::string(result.end == DownloadEnd::Done ? "complete: " : "stopped: ") + metainfo.name() + ", " +
             app::human_bytes(static_cast<double>(metainfo.layout().total_length())) + " in " +
             app::human_duration(now.time_since_epoch()) + " (" +
             app::human_bytes(static_cast<double>(stats.downloaded) / elapsed) + "/s), downloaded " +
             app::human_bytes(static_cast<double>(stats.downloaded)) + ", uploaded " +
             app::human_bytes(static_cast<double>(stats.uploaded)) + ", hash failures " +
             std::to_string(stats.hash_failures));
}

app::ExitCode run(const DownloadArguments& arguments, app::ProgramStart& program,
                  std::shared_ptr<const meta::Metainfo> metainfo, std::vector<Endpoint> peers) {
    net::UvLoop loop;
    net::UvEnv env(loop);
    Rng rng(arguments.client.rng_seed.value_or(app::entropy_seed()));
    ProgressView view(*metainfo, program.log);
    auto settings = settings_from(arguments, metainfo, std::move(peers), rng);
    Ending ending;

    DownloadNode node(env, std::move(settings), program.telemetry(), rng.fork(1), [&](DownloadResult result) {
        view.show(result.snapshot, env.now());
        view.settle();
        ending = ending_of(result);
        summarise(program.log, result, *metainfo, env.now());
        loop.stop();
    });
    const net::Signals signals(loop, [&](int) { node.interrupt(); });
    std::unique_ptr<env::Timer> redraw = env.make_timer([&] {
        view.show(node.snapshot(), env.now());
        if (program.events) program.events->flush();
        redraw->arm(env.now() + (program.events ? Duration(app::EventFile::kFlushInterval) : kRedrawInterval));
    });

    const auto endpoint = node.start();
    if (!endpoint) {
        ending = {app::ExitCode::CannotListen, endpoint.error().message()};
    } else {
        program.telemetry().emit(env.now(), telemetry::Level::Summary, "ready", std::nullopt,
                                 {{"listen", endpoint->to_string()}});
        program.log.debug("listening on " + endpoint->to_string());
        redraw->arm(env.now());
        loop.run();
    }
    if (ending.code != app::ExitCode::Ok) program.log.error(ending.reason);
    app::finish_program(program, env.now(), ending.code, ending.reason);
    return ending.code;
}

}  // namespace

app::ExitCode run_download(const DownloadArguments& arguments) {
    auto program = app::start_program("swarm-client", arguments.common, "client");
    if (!program) {
        app::Log("swarm-client", app::Severity::Error).error(program.error().message());
        return app::exit_code_for(program.error());
    }
    const auto refuse = [&](const Error& error, app::ExitCode code) {
        program->log.error(error.message());
        app::finish_program(*program, TimePoint{}, code, error.message());
        return code;
    };
    auto metainfo = app::load_metainfo(arguments.client.torrents.front());
    if (!metainfo) return refuse(metainfo.error(), app::ExitCode::BadTorrent);
    std::vector<Endpoint> peers;
    if (!arguments.client.peers_file.empty()) {
        auto loaded = app::load_peers_file(arguments.client.peers_file);
        if (!loaded) return refuse(loaded.error(), app::ExitCode::BadArguments);
        peers = std::move(*loaded);
    }
    return run(arguments, *program, std::move(*metainfo), std::move(peers));
}

}  // namespace bt::client
