#include "client/wire_commands.h"

#include <cerrno>
#include <cstdio>

#include "client/handshake_probe.h"
#include "client/info_text.h"
#include "client/peer_question.h"
#include "client/wire_download.h"
#include "common/app/node_setup.h"
#include "common/app/terminal_text.h"
#include "common/base/encoding.h"
#include "common/engine/engine.h"
#include "common/net/signals.h"
#include "common/net/uv_env.h"
#include "common/net/uv_loop.h"

namespace bt::client {
namespace {

// What is announced where nothing listens: trackers refuse a port of 0.
constexpr std::uint16_t kUsualPort = 6881;

bool is_magnet(WireCommand command) { return command >= WireCommand::MagnetHandshake; }

// A peer that is not there, or not one of this torrent, is to a script the same as no peer.
app::ExitCode code_of(const Error& error) {
    switch (error.code) {
        case ErrorCode::HandshakeRefused:
        case ErrorCode::ProtocolViolation:
        case ErrorCode::LimitReached:
        case ErrorCode::NotFound:
        case ErrorCode::PermissionDenied:
            return app::ExitCode::TrackersFailed;
        default:
            return app::exit_code_for(error);
    }
}

// One command that asks and waits, over the real world.
class Asking {
  public:
    Asking(const WireArguments& arguments, const WireTarget& target, std::shared_ptr<engine::TlsProvider> tls,
           const app::Log& log)
        : arguments_(&arguments),
          target_(&target),
          tls_(std::move(tls)),
          log_(&log),
          env_(loop_),
          rng_(app::entropy_seed()),
          own_id_(engine::make_peer_id(rng_)),
          deadline_(env_.now() + arguments.timeout) {}

    Result<std::vector<Endpoint>> peers() {
        wire::AnnounceRequest request;
        request.info_hash = target_->info_hash;
        request.peer_id = own_id_;
        request.port = arguments_->port != 0 ? arguments_->port : kUsualPort;
        request.left = target_->left;
        request.compact = true;
        std::vector<std::string> urls;
        for (const auto& tier : target_->tracker_tiers) urls.insert(urls.end(), tier.begin(), tier.end());
        return wait_for<std::vector<Endpoint>>([&](auto done) {
            auto question = std::make_unique<PeerQuestion>(
                engine::TrackerContext{.env = &env_, .tls = tls_}, engine::TrackerRoute{arguments_->bind, std::nullopt},
                std::move(urls), std::move(request), left(), rng_.fork(1), std::move(done));
            question->start();
            return question;
        });
    }

    Result<Greeting> greeting_of(const Endpoint& peer) {
        return wait_for<Greeting>([&](auto done) {
            ProbeSettings settings;
            settings.remote = peer;
            settings.source = arguments_->bind;
            settings.info_hash = target_->info_hash;
            settings.own_peer_id = own_id_;
            settings.extensions = is_magnet(arguments_->command);
            settings.timeout = left();
            auto probe = std::make_unique<HandshakeProbe>(env_, settings, std::move(done));
            probe->start();
            return probe;
        });
    }

    // The first of them that answers; why the others did not goes to the log.
    Result<Greeting> first_greeting(const std::vector<Endpoint>& peers) {
        Result<Greeting> greeting = fail(remote_error(ErrorCode::TrackerFailure, "no peer is known"));
        for (const Endpoint& peer : peers) {
            greeting = greeting_of(peer);
            if (greeting || greeting.error().code == ErrorCode::Cancelled) return greeting;
            Error error = greeting.error();
            error.detail = peer.to_string() + ": " + error.detail;
            greeting = fail(error);
            if (peers.size() > 1) log_->warning(error.message());
            if (env_.now() >= deadline_) break;
        }
        return greeting;
    }

  private:
    Duration left() const { return std::max(deadline_ - env_.now(), Duration(milliseconds(1))); }

    // begin(done) answers what must live until done was called; Cancelled: by a signal.
    template <class T, class Begin>
    Result<T> wait_for(Begin begin) {
        Result<T> answer = fail(local_error(ErrorCode::Cancelled, "interrupted"));
        const net::Signals signals(loop_, [this](int) { loop_.stop(); });
        const auto asked = begin([&](Result<T> told) {
            answer = std::move(told);
            loop_.stop();
        });
        loop_.run();
        return answer;
    }

    const WireArguments* arguments_;
    const WireTarget* target_;
    std::shared_ptr<engine::TlsProvider> tls_;
    const app::Log* log_;
    net::UvLoop loop_;
    net::UvEnv env_;
    Rng rng_;
    PeerId own_id_;
    TimePoint deadline_;
};

Result<std::string> peers_text(Asking& asking) {
    BT_TRY_ASSIGN(const auto peers, asking.peers());
    std::string out;
    for (const Endpoint& peer : peers) out += peer.to_string() + "\n";
    return out;
}

Result<Greeting> greeting(Asking& asking, const WireArguments& arguments, const WireTarget& target) {
    if (arguments.peer) return asking.first_greeting({*arguments.peer});
    if (!target.magnet.peers.empty()) {
        auto answer = asking.first_greeting(target.magnet.peers);
        if (answer || target.tracker_tiers.empty() || answer.error().code == ErrorCode::Cancelled) return answer;
    }
    BT_TRY_ASSIGN(const auto peers, asking.peers());
    return asking.first_greeting(peers);
}

Result<std::string> greeting_text(Asking& asking, const WireArguments& arguments, const WireTarget& target) {
    BT_TRY_ASSIGN(const Greeting answer, greeting(asking, arguments, target));
    std::string out = "Peer ID: " + to_hex(answer.peer_id) + "\n";
    if (answer.metadata_id) out += "Peer Metadata Extension ID: " + std::to_string(*answer.metadata_id) + "\n";
    return out;
}

app::ExitCode print(const std::string& text, const app::Log& log) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
        return app::ExitCode::Ok;
    }
    log.error(system_error(errno, "standard output").message());
    return app::ExitCode::DiskError;
}

app::ExitCode ask(const WireArguments& arguments, const WireTarget& target, std::shared_ptr<engine::TlsProvider> tls,
                  const app::Log& log) {
    Asking asking(arguments, target, std::move(tls), log);
    const auto text =
        arguments.command == WireCommand::Peers ? peers_text(asking) : greeting_text(asking, arguments, target);
    if (text) return print(*text, log);
    log.error(app::printable(text.error().message()));
    return code_of(text.error());
}

app::ExitCode download(const WireArguments& arguments, const WireTarget& target,
                       std::shared_ptr<engine::TlsProvider> tls, const app::Log& log) {
    const WireOutcome outcome = run_wire_download(arguments, target, std::move(tls), log);
    if (outcome.code != app::ExitCode::Ok) {
        log.error(app::printable(outcome.reason));
        return outcome.code;
    }
    if (arguments.command != WireCommand::MagnetInfo) return outcome.code;
    const meta::Metainfo& metainfo = *outcome.metainfo;
    if (arguments.json) return print(info_json(metainfo, target.tracker_tiers), log);
    return print((arguments.full ? info_full : info_fixed)(metainfo, target.tracker_tiers), log);
}

}  // namespace

Status check_piece(const meta::Metainfo& metainfo, std::uint32_t piece) {
    const std::uint32_t count = metainfo.layout().piece_count();
    if (piece < count) return {};
    return fail(local_error(ErrorCode::InvalidArgument, "there is no piece " + std::to_string(piece) +
                                                            ": the torrent has " + std::to_string(count) +
                                                            ", the first is 0"));
}

Result<WireTarget> wire_target(const WireArguments& arguments) {
    WireTarget target;
    if (is_magnet(arguments.command)) {
        BT_TRY_ASSIGN(target.magnet, meta::Magnet::parse_link(arguments.subject));
        target.info_hash = target.magnet.info_hash;
        for (const std::string& url : target.magnet.trackers) target.tracker_tiers.push_back({url});
        return target;
    }
    auto metainfo = app::load_metainfo(arguments.subject);
    if (!metainfo) {
        Error error = metainfo.error();
        // A file that cannot be read is to the user as good as one that is no torrent.
        if (error.code != ErrorCode::InvalidBencode) error.code = ErrorCode::InvalidMetainfo;
        return fail(std::move(error));
    }
    target.metainfo = std::move(*metainfo);
    target.info_hash = target.metainfo->info_hash();
    target.tracker_tiers = target.metainfo->tracker_tiers();
    target.left = target.metainfo->layout().total_length();
    if (arguments.command == WireCommand::DownloadPiece) BT_TRY(check_piece(*target.metainfo, arguments.piece));
    return target;
}

app::ExitCode run_wire(const WireArguments& arguments) {
    const app::Log log("swarm-client", app::Severity::Info);
    const auto target = wire_target(arguments);
    if (!target) {
        log.error(target.error().message());
        return app::exit_code_for(target.error());
    }
    auto tls = engine::make_tls_provider(arguments.ca_file);
    if (!tls) {
        log.error(tls.error().message());
        return app::ExitCode::BadArguments;
    }
    switch (arguments.command) {
        case WireCommand::Peers:
        case WireCommand::Handshake:
        case WireCommand::MagnetHandshake:
            return ask(arguments, *target, std::move(*tls), log);
        default:
            return download(arguments, *target, std::move(*tls), log);
    }
}

}  // namespace bt::client
