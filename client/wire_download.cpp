#include "client/wire_download.h"

#include <set>

#include "client/ending.h"
#include "client/one_piece_env.h"
#include "client/session.h"
#include "common/app/node_setup.h"
#include "common/app/terminal_text.h"
#include "common/net/signals.h"
#include "common/net/uv_env.h"
#include "common/net/uv_loop.h"
#include "common/storage/file_names.h"

namespace bt::client {
namespace {

constexpr Duration kTrackerPatience = seconds(5);
constexpr std::size_t kMaxReasons = 100;

// Says on standard error what peers and trackers did that they should not; the same words once.
class Reasons final : public telemetry::EventSink {
  public:
    explicit Reasons(const app::Log& log) : log_(&log) {}

    bool wants(telemetry::Level level) const override { return level == telemetry::Level::Summary; }

    void on_event(const telemetry::Event& event) override {
        if (event.kind == "peer_disconnected" && text(event, "fault") != "local") {
            say("peer " + text(event, "address") + ": " + text(event, "reason"));
        } else if (event.kind == "peer_banned") {
            say("peer " + text(event, "address") + " is not asked again: it " + text(event, "reason"));
        } else if (event.kind == "announce_failed") {
            say(text(event, "url") + ": " + text(event, "reason"));
        }
    }

  private:
    static std::string text(const telemetry::Event& event, std::string_view key) {
        for (const telemetry::Field& field : event.fields) {
            if (field.key != key) continue;
            if (const auto* found = std::get_if<std::string_view>(&field.value)) return app::printable(*found);
        }
        return "";
    }

    void say(const std::string& line) {
        if (said_.size() < kMaxReasons && said_.insert(line).second) log_->warning(line);
    }

    const app::Log* log_;
    std::set<std::string> said_;
};

bool is_piece(const WireArguments& arguments) {
    return arguments.command == WireCommand::DownloadPiece || arguments.command == WireCommand::MagnetDownloadPiece;
}

// The torrent's files as they lie at OUT: the path of each in place of the name that all begin with.
std::string at_output(const std::string& output, const std::string& path, std::size_t name_size) {
    return output + path.substr(name_size);
}

void place(const std::string& output, engine::TorrentOptions& torrent) {
    const meta::Metainfo& metainfo = *torrent.metainfo;
    const std::string& first = metainfo.files().front().path;
    const std::size_t name_size = 1 + (metainfo.is_multi_file() ? first.find('/') : first.size());
    torrent.paths = storage::paths_in(metainfo, "");
    torrent.placement = storage::placement_in(metainfo, "");
    for (std::string& path : torrent.paths) path = at_output(output, path, name_size);
    for (std::string& path : torrent.placement->part_paths) path = at_output(output, path, name_size);
    torrent.placement->shared_path = output + ".swarm-parts";  // never made: all files are wanted
}

Status settle(const WireArguments& arguments, engine::TorrentOptions& torrent) {
    if (!is_piece(arguments)) {
        place(arguments.output, torrent);
        return {};
    }
    torrent.paths = storage::paths_in(*torrent.metainfo, "");
    torrent.swarm.only_piece = PieceIndex(arguments.piece);
    return check_piece(*torrent.metainfo, arguments.piece);
}

Result<SessionTorrent> plan(const WireArguments& arguments, const WireTarget& target) {
    SessionTorrent planned;
    planned.policy.timeout = arguments.timeout;
    planned.policy.tracker_patience = kTrackerPatience;
    engine::TorrentOptions& torrent = planned.torrent;
    torrent.profile = engine::WireProfile::Plain;
    torrent.metainfo = target.metainfo;
    torrent.info_hash = target.info_hash;
    torrent.boot_id = app::boot_id();
    if (arguments.peer) {
        torrent.manual_peers = {*arguments.peer};
    } else {
        torrent.magnet_peers = target.magnet.peers;
        torrent.tracker_tiers = target.tracker_tiers;
    }
    if (torrent.metainfo) BT_TRY(settle(arguments, torrent));
    return planned;
}

// Ends the loop with the session.
struct Ended final : SessionObserver {
    explicit Ended(net::UvLoop& runs) : loop(&runs) {}
    void on_session_ended(const SessionResult& ended) override {
        result = ended;
        loop->stop();
    }
    net::UvLoop* loop;
    std::optional<SessionResult> result;
};

WireOutcome outcome_of(const SessionResult& result, std::shared_ptr<const meta::Metainfo> metainfo) {
    if (result.error && result.error->code == ErrorCode::InvalidArgument) {
        return {app::ExitCode::BadArguments, result.error->message(), std::move(metainfo)};
    }
    Ending ending = ending_of(result.end, result.error);
    return {ending.code, std::move(ending.reason), std::move(metainfo)};
}

}  // namespace

WireOutcome run_wire_download(const WireArguments& arguments, const WireTarget& target,
                              std::shared_ptr<engine::TlsProvider> tls, const app::Log& log) {
    auto planned = plan(arguments, target);
    if (!planned) return {app::exit_code_for(planned.error()), planned.error().message(), nullptr};
    std::shared_ptr<const meta::Metainfo> metainfo = target.metainfo;
    planned->torrent.prepare = [&](engine::TorrentOptions& torrent) -> Status {
        metainfo = torrent.metainfo;
        // Nothing but the description is wanted: the torrent ends here.
        if (arguments.command == WireCommand::MagnetInfo) return fail(local_error(ErrorCode::Cancelled, "it is there"));
        return settle(arguments, torrent);
    };
    const bool described_only = arguments.command == WireCommand::MagnetInfo;

    net::UvLoop loop;
    net::UvEnv world(loop);
    OnePieceEnv one_piece(world, arguments.output);
    env::Env& env = is_piece(arguments) ? static_cast<env::Env&>(one_piece) : world;
    Rng rng(app::entropy_seed());
    SessionSettings settings;
    settings.engine.listen = {arguments.bind.value_or(Address()), arguments.port};
    settings.engine.source = arguments.bind;
    settings.engine.peer_id = engine::make_peer_id(rng);
    settings.engine.tls = std::move(tls);
    settings.engine.encryption = transport::EncryptionPolicy::Off;
    settings.stats_interval = std::chrono::hours(1);  // nobody reads them
    Reasons reasons(log);
    Ended ended(loop);
    Session session(env, std::move(settings), ended, telemetry::Telemetry(&reasons), rng.fork(1));
    if (const auto started = session.start(); !started) {
        return {app::ExitCode::CannotListen, started.error().message(), nullptr};
    }
    if (const auto added = session.add(std::move(*planned)); !added) {
        return {app::exit_code_for(added.error()), added.error().message(), nullptr};
    }
    const net::Signals signals(loop, [&](int) { session.interrupt(); });
    loop.run();
    if (described_only && metainfo) return {app::ExitCode::Ok, "", metainfo};
    return outcome_of(*ended.result, metainfo);
}

}  // namespace bt::client
