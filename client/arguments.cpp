#include "client/arguments.h"

#include <CLI/CLI.hpp>

#include "common/meta/metainfo.h"

namespace bt::client {
namespace {

constexpr double kLongest = 10.0 * 365 * 86400;

void add_seconds(CLI::App& app, const std::string& name, const std::string& text, std::optional<Duration>& target,
                 bool minus_one_is_for_ever = false) {
    app.add_option_function<double>(
           name,
           [name, &target, minus_one_is_for_ever](double value) {
               if (minus_one_is_for_ever && value == -1) {
                   target.reset();
               } else if (value >= 0 && value <= kLongest) {
                   target = from_seconds(value);
               } else {
                   throw CLI::ValidationError(name, "must be a number of seconds");
               }
           },
           text)
        ->type_name("SECONDS");
}

void add_download_options(CLI::App& app, DownloadArguments& out) {
    app.add_option("-t,--torrent", out.torrent, "The .torrent file")->type_name("FILE");
    app.add_option("--outdir", out.outdir, "Download into this folder")->type_name("DIR");
    app.add_option("--peers", out.peers_file, "Also dial these peers: a file of ip:port lines")->type_name("FILE");
    app.add_option("--max-peers", out.max_peers, "At most so many connections (default: 50)")
        ->check(CLI::Range(1u, 10000u))
        ->type_name("N");
    add_seconds(app, "--seed-time", "Seed for so long when complete; -1: until stopped (default: 0)", out.seed_time, true);
    add_seconds(app, "--timeout", "Give up when nothing has come for so long (default: never)", out.timeout);
    add_seconds(app, "--interval-floor", "Never announce more often than this (default: 60)", out.interval_floor);
    app.add_option_function<std::uint64_t>(
           "--rng-seed", [&out](std::uint64_t value) { out.rng_seed = value; }, "Repeatable choices and peer_id")
        ->type_name("N");
    app::add_common_options(app, out.common);
}

void add_create_options(CLI::App& app, CreateArguments& out) {
    app.add_option("path", out.path, "The file or folder to share")->required()->type_name("PATH");
    app.add_option("-o,--output", out.output, "Write the torrent here")->required()->type_name("FILE.torrent");
    app.add_option_function<std::vector<std::string>>(
           "--tracker",
           [&out](const std::vector<std::string>& urls) {
               for (const std::string& url : urls) out.tracker_tiers.push_back({url});
           },
           "Announce URL; again for a further tier")
        ->type_name("URL");
    app.add_option_function<std::uint32_t>(
           "--piece-length", [&out](std::uint32_t value) { out.piece_length = value; },
           "Bytes a piece, a power of two from 16384 (default: chosen by size)")
        ->type_name("N")
        ->check([](const std::string& text) {
            const unsigned long value = std::strtoul(text.c_str(), nullptr, 10);
            const bool good = value >= 16384 && value <= meta::kMaxPieceLength && (value & (value - 1)) == 0;
            return good ? std::string() : std::string("must be a power of two, 16384 or more");
        });
    app.add_option("--comment", out.comment, "Free text");
    app.add_flag("--private", out.is_private, "Peers only from the trackers (BEP 27)");
    app.add_option_function<std::int64_t>(
           "--creation-date", [&out](std::int64_t value) { out.creation_date = value; },
           "Unix time to record (default: none, so that the same content gives the same file)")
        ->type_name("N");
}

}  // namespace

std::variant<Arguments, app::ExitCode> parse_arguments(int argc, char** argv) {
    DownloadArguments download;
    CreateArguments create;
    CLI::App app("", "swarm-client");
    app::set_help(app, "Downloads a torrent, checks every piece, and uploads to others meanwhile.",
                  "  swarm-client -t ubuntu.torrent --outdir downloads\n"
                  "  swarm-client -t x.torrent --outdir . --peers peers.txt --seed-time 3600\n"
                  "  swarm-client create photos/ -o photos.torrent --tracker http://127.0.0.1:6969/announce\n");
    add_download_options(app, download);
    CLI::App* creating = app.add_subcommand("create", "Make a .torrent of a file or folder");
    add_create_options(*creating, create);
    if (const auto code = app::parse_command_line(app, argc, argv)) return *code;
    if (*creating) return Arguments(std::move(create));
    if (download.torrent.empty() || download.outdir.empty()) {
        app::Log("swarm-client", app::Severity::Error)
            .error("-t FILE.torrent and --outdir DIR are needed (see swarm-client --help)");
        return app::ExitCode::BadArguments;
    }
    return Arguments(std::move(download));
}

}  // namespace bt::client
