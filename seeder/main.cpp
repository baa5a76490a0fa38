// swarm-seeder: command line and wiring; what a seeder does is in seed_node.h.

#include <algorithm>
#include <iterator>
#include <string>

#include "common/app/cli.h"
#include "common/app/node_setup.h"
#include "common/app/option_setters.h"
#include "common/app/process.h"
#include "common/app/progress_bar.h"
#include "common/app/units.h"
#include "common/engine/tls_provider.h"
#include "common/net/signals.h"
#include "common/net/uv_env.h"
#include "common/net/uv_loop.h"
#include "seeder/seed_node.h"

namespace {

using namespace bt;

struct Arguments {
    app::CommonOptions common;
    app::CaptureOptions capture;
    std::string torrent;
    std::string original;
    std::string peers_file;
    std::string ca_file;
    std::uint32_t max_peers = 200;
    std::uint64_t upload_limit = 0;
    transport::EncryptionPolicy encryption = transport::EncryptionPolicy::Prefer;
    std::optional<std::uint64_t> rng_seed;
};

app::Program seeder_table(Arguments& out) {
    app::Program program;
    program.name = "swarm-seeder";
    program.examples =
        "  swarm-seeder -t photos.torrent -s ~/photos --port 6881\n"
        "  swarm-seeder -t x.torrent -s x.iso --peers leechers.txt\n";
    program.main.summary =
        "Serves a torrent from its original file or folder, in place; never writes to it. SIGHUP has\n"
        "--upload-limit read again, from --config.";
    program.main.options = {
        {"torrent", "t", "FILE", "The .torrent file (needed)", app::set_text(out.torrent), "", "photos.torrent",
         "Content", app::ArgumentKind::Path},
        {"source", "s", "ORIGINAL", "The original file or folder (needed)", app::set_text(out.original), "", "photos",
         "Content", app::ArgumentKind::Path},
        {"peers", "", "FILE", "Offer the pieces to these peers too: a file of ip:port lines",
         app::set_text(out.peers_file), "", "peers.txt", "Peers", app::ArgumentKind::Path},
        {"ca-file", "", "FILE", "Trust these certificates (PEM) for https trackers, in place of the system's",
         app::set_text(out.ca_file), "", "ca.pem", "Peers", app::ArgumentKind::Path},
        {"max-peers", "", "N", "At most so many connections", app::set_number<std::uint32_t>(out.max_peers, 1, 10000),
         std::to_string(out.max_peers), "", "Peers"},
        {"upload-limit", "", "RATE", "Bytes a second that are sent, as in 500k or 8MiB/s; 0: no limit",
         app::set_parsed(out.upload_limit, app::parse_rate), "0", "", "Peers"},
        {"encryption",
         "",
         "HOW",
         "Encrypted connections: prefer, require, or off",
         app::set_word<transport::EncryptionPolicy>(out.encryption, {{"prefer", transport::EncryptionPolicy::Prefer},
                                                                     {"require", transport::EncryptionPolicy::Require},
                                                                     {"off", transport::EncryptionPolicy::Off}}),
         "prefer",
         "",
         "Peers",
         app::ArgumentKind::Words,
         {"prefer", "require", "off"}},
        {"rng-seed", "", "N", "Repeatable choices and peer_id", app::set_number<std::uint64_t>(out.rng_seed), "", "1",
         "Peers"},
    };
    std::ranges::move(app::common_options(out.common), std::back_inserter(program.main.options));
    std::ranges::move(app::capture_options(out.capture), std::back_inserter(program.main.options));
    program.exit_codes = app::exit_codes_help();
    return program;
}

std::optional<app::ExitCode> parse(int argc, char** argv, Arguments& out) {
    const app::Program table = seeder_table(out);
    const auto parsed = app::parse_command_line(table, argc, argv);
    if (const auto* code = std::get_if<app::ExitCode>(&parsed)) return *code;
    if (!out.torrent.empty() && !out.original.empty()) return std::nullopt;
    app::Log(table.name, app::Severity::Error)
        .error("-t FILE.torrent and -s ORIGINAL are needed (see swarm-seeder --help)");
    return app::ExitCode::BadArguments;
}

seeder::SeedSettings settings_from(const Arguments& arguments, std::shared_ptr<const meta::Metainfo> metainfo,
                                   std::vector<Endpoint> peers, std::shared_ptr<engine::TlsProvider> tls, Rng& rng) {
    seeder::SeedSettings settings;
    settings.engine.listen = {arguments.common.bind.value_or(Address()), arguments.common.port.value_or(0)};
    if (!arguments.common.bind) settings.engine.families = engine::Families::Both;
    settings.engine.source = arguments.common.bind;
    settings.engine.encryption = arguments.encryption;
    settings.engine.peer_id = engine::make_peer_id(rng);
    settings.engine.tls = std::move(tls);
    settings.torrent.paths = seeder::original_paths(*metainfo, arguments.original, app::is_folder);
    settings.torrent.manual_peers = std::move(peers);
    settings.torrent.tracker_tiers = metainfo->tracker_tiers();
    settings.torrent.max_connections = arguments.max_peers;
    settings.torrent.metainfo = std::move(metainfo);
    settings.stats_interval = arguments.common.stats_interval;
    return settings;
}

// SIGHUP: the limit as the command line and --config say it now; a configuration that cannot be read changes nothing.
void read_limit_again(int argc, char** argv, seeder::SeedNode& node, const app::Log& log) {
    Arguments again;
    if (parse(argc, argv, again)) return log.warning("the limits stay as they are");
    node.engine().set_limits({0, again.upload_limit});
}

app::ExitCode run(int argc, char** argv, const Arguments& arguments, app::ProgramStart& program,
                  std::shared_ptr<const meta::Metainfo> metainfo, std::vector<Endpoint> peers,
                  std::shared_ptr<engine::TlsProvider> tls) {
    net::UvLoop loop;
    net::UvEnv env(loop);
    Rng rng(arguments.rng_seed.value_or(app::entropy_seed()));
    auto code = app::ExitCode::Ok;  // a seeder's day ends when it is told to stop
    std::string reason = "stopped";
    Endpoint listen;

    seeder::SeedSettings settings = settings_from(arguments, metainfo, std::move(peers), std::move(tls), rng);
    settings.engine.tap = program.tap();
    seeder::SeedNode node(
        env, std::move(settings), program.telemetry(), rng.fork(1),
        [&] {
            program.telemetry().emit(env.now(), telemetry::Level::Summary, "ready", std::nullopt,
                                     {{"listen", listen.to_string()}});
            program.log.info("seeding " + metainfo->name() + " (" +
                             app::human_bytes(static_cast<double>(metainfo->layout().total_length())) + ") on " +
                             listen.to_string());
        },
        [&](std::optional<Error> error) {
            if (error) {
                reason = arguments.original + ": " + error->message();
                // A file of the original that is not there is a wrong original, not a broken disk.
                code =
                    error->code == ErrorCode::NotFound ? app::ExitCode::VerificationFailed : app::exit_code_for(*error);
            }
            loop.stop();
        });
    node.engine().set_limits({0, arguments.upload_limit});
    const net::Signals signals(
        loop, [&](int) { node.stop(); }, [&] { read_limit_again(argc, argv, node, program.log); });
    std::unique_ptr<env::Timer> flush = env.make_timer([&] {
        program.flush();
        flush->arm(env.now() + app::EventFile::kFlushInterval);
    });

    const auto endpoint = node.start();
    if (!endpoint) {
        code = app::ExitCode::CannotListen;
        reason = endpoint.error().message();
    } else {
        listen = *endpoint;
        if (program.is_recording()) flush->arm(env.now());
        loop.run();
    }
    if (code != app::ExitCode::Ok) program.log.error(reason);
    app::finish_program(program, env.now(), code, reason);
    return code;
}

app::ExitCode run_seeder(int argc, char** argv, const Arguments& arguments) {
    auto program = app::start_program("swarm-seeder", arguments.common, "seeder", arguments.capture);
    if (!program) {
        app::Log("swarm-seeder", app::Severity::Error).error(program.error().message());
        return app::exit_code_for(program.error());
    }
    const auto refuse = [&](const Error& error, app::ExitCode code) {
        program->log.error(error.message());
        app::finish_program(*program, TimePoint{}, code, error.message());
        return code;
    };
    auto metainfo = app::load_metainfo(arguments.torrent);
    if (!metainfo) return refuse(metainfo.error(), app::ExitCode::BadTorrent);
    std::vector<Endpoint> peers;
    if (!arguments.peers_file.empty()) {
        auto loaded = app::load_peers_file(arguments.peers_file);
        if (!loaded) return refuse(loaded.error(), app::ExitCode::BadArguments);
        peers = std::move(*loaded);
    }
    auto tls = engine::make_tls_provider(arguments.ca_file);
    if (!tls) return refuse(tls.error(), app::ExitCode::BadArguments);
    return run(argc, argv, arguments, *program, std::move(*metainfo), std::move(peers), std::move(*tls));
}

}  // namespace

int main(int argc, char** argv) {
    app::open_standard_descriptors();
    Arguments arguments;
    if (const auto code = parse(argc, argv, arguments)) return app::to_int(*code);
    return app::to_int(run_seeder(argc, argv, arguments));
}
