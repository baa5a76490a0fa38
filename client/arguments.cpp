#include "client/arguments.h"

#include <algorithm>
#include <array>
#include <utility>

#include "common/app/option_setters.h"

namespace bt::client {
namespace {

constexpr std::array<std::pair<std::string_view, InspectCommand>, 3> kInspectCommands = {
    {{"decode", InspectCommand::Decode},
     {"info", InspectCommand::Info},
     {"magnet_parse", InspectCommand::MagnetParse}}};

constexpr std::array<std::pair<std::string_view, WireCommand>, 8> kWireCommands = {
    {{"peers", WireCommand::Peers},
     {"handshake", WireCommand::Handshake},
     {"download_piece", WireCommand::DownloadPiece},
     {"download", WireCommand::Download},
     {"magnet_handshake", WireCommand::MagnetHandshake},
     {"magnet_info", WireCommand::MagnetInfo},
     {"magnet_download_piece", WireCommand::MagnetDownloadPiece},
     {"magnet_download", WireCommand::MagnetDownload}}};

constexpr const char* kNotes =
    "Sizes and rates are plain numbers or have a unit: 500k is 500,000, 8MiB is 8,388,608. Durations are seconds or "
    "have units: 90, 5m, 1h30m.\n\n"
    "SIGHUP has the command line and --config read again: the limits in them hold from then on.\n\n"
    "--on-complete runs once a torrent, when its last piece is verified. SWARM_NAME, SWARM_INFO_HASH, SWARM_DIR, "
    "SWARM_LENGTH (bytes) and SWARM_DOWNLOADED are in its environment.\n\n"
    "On a terminal a live view is drawn on standard error; elsewhere a line is written now and then. The environment "
    "variable NO_COLOR turns colours off.\n\n"
    "With --details each peer has letters: D downloading from it, d it does not let us (choked, and we are "
    "interested), U uploading to it, u it wants but we do not let it, K it lets us but we want nothing, ? we let it "
    "but it wants nothing, I it came to us, E encrypted, X known from peer exchange, H known from the DHT.";

std::unexpected<Error> missing(std::string what) {
    return fail(local_error(ErrorCode::InvalidArgument, std::move(what)));
}

template <class Table, class Command>
bool find_command(const Table& table, const std::string& name, Command& out) {
    const auto found = std::ranges::find(table, name, [](const auto& entry) { return entry.first; });
    if (found != table.end()) out = found->second;
    return found != table.end();
}

}  // namespace

app::Program client_table(AllArguments& out) {
    app::Program program;
    program.name = "swarm-client";
    program.examples =
        "  swarm-client ubuntu.torrent --outdir downloads\n"
        "  swarm-client a.torrent 'magnet:?xt=urn:btih:...' --download-limit 8MiB/s --seed-ratio 1\n"
        "  swarm-client -t x.torrent --peers peers.txt --seed-time 1h\n"
        "  swarm-client info ubuntu.torrent\n"
        "  swarm-client download_piece -o piece-0 ubuntu.torrent 0\n"
        "  swarm-client create photos/ -o photos.torrent --tracker http://127.0.0.1:6969/announce\n";
    program.main.summary = "Downloads torrents, checks every piece, and uploads to others meanwhile.";
    program.main.positionals = {{"TORRENT", "A .torrent file, magnet URI or info_hash; several go side by side",
                                 app::add_text(out.download.client.torrents), app::ArgumentKind::Torrent, false, true}};
    program.main.options = download_options(out.download);
    program.commands = client_commands(out);
    program.exit_codes = app::exit_codes_help();
    program.notes = kNotes;
    return program;
}

Result<Arguments> chosen_arguments(const std::string& command, AllArguments all) {
    if (command.empty()) {
        ClientOptions& client = all.download.client;
        if (client.torrents.empty())
            return missing("nothing to download: name a .torrent file, a magnet or an info_hash");
        if (client.outdir.empty()) return missing("--outdir must not be empty");
        client.bind = all.download.common.bind;
        client.port = all.download.common.port.value_or(0);
        client.stats_interval = all.download.common.stats_interval;
        return Arguments(std::move(all.download));
    }
    if (command == "create") {
        if (all.create.output.empty()) return missing("create: -o FILE.torrent is needed");
        return Arguments(std::move(all.create));
    }
    if (command == "scrape") return Arguments(std::move(all.scrape));
    if (command == "verify") return Arguments(std::move(all.verify));
    if (find_command(kInspectCommands, command, all.inspect.command)) return Arguments(std::move(all.inspect));
    if (find_command(kWireCommands, command, all.wire.command)) {
        const bool writes = command.find("download") != std::string::npos;
        if (writes && all.wire.output.empty()) return missing(command + ": -o OUT is needed");
        return Arguments(std::move(all.wire));
    }
    return missing("unknown command " + command);
}

std::variant<Arguments, app::ExitCode> parse_arguments(int argc, char** argv) {
    AllArguments all;
    const app::Program table = client_table(all);
    const auto parsed = app::parse_command_line(table, argc, argv);
    if (const auto* code = std::get_if<app::ExitCode>(&parsed)) return *code;
    auto arguments = chosen_arguments(std::get<std::string>(parsed), all);
    if (!arguments) {
        app::Log(table.name, app::Severity::Error)
            .error(arguments.error().message() + " (see " + table.name + " --help)");
        return app::ExitCode::BadArguments;
    }
    return std::move(*arguments);
}

}  // namespace bt::client
