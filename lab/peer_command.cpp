#include "lab/peer_command.h"

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "common/app/node_setup.h"
#include "common/app/option_setters.h"
#include "common/app/units.h"
#include "common/net/signals.h"
#include "common/net/uv_env.h"
#include "common/net/uv_loop.h"
#include "lab/personas/persona_node.h"

namespace bt::lab {
namespace {

namespace fs = std::filesystem;

Status set_persona(const std::string& text, std::string& out) {
    if (persona::find_persona(text) == nullptr) {
        std::string all;
        for (const persona::PersonaInfo& info : persona::personas())
            all += (all.empty() ? "" : ", ") + std::string(info.name);
        return fail(local_error(ErrorCode::InvalidArgument, "'" + text + "' is no persona; wanted one of " + all));
    }
    out = text;
    return {};
}

Status set_part(const std::string& text, double& out) {
    char* end = nullptr;
    const double value = std::strtod(text.c_str(), &end);
    if (text.empty() || *end != '\0' || !(value >= 0 && value <= 1)) {
        return fail(local_error(ErrorCode::InvalidArgument, "'" + text + "' is no number from 0 to 1"));
    }
    out = value;
    return {};
}

// Reads the original in place, file by file.
persona::ContentReader reader_of(std::shared_ptr<const meta::Metainfo> metainfo, const fs::path& source) {
    if (source.empty()) return [](std::uint64_t, MutableByteView) { return false; };
    const fs::path top = source.filename() == metainfo->name() ? source.parent_path() : source;
    return [metainfo, top](std::uint64_t offset, MutableByteView out) {
        std::size_t done = 0;
        for (const meta::FileSpan& span : metainfo->file_map().spans(offset, out.size())) {
            std::ifstream file(top / metainfo->files()[span.file.value()].path, std::ios::binary);
            file.seekg(static_cast<std::streamoff>(span.offset));
            file.read(reinterpret_cast<char*>(out.data() + done), static_cast<std::streamsize>(span.length));
            if (!file) return false;
            done += span.length;
        }
        return true;
    };
}

app::ExitCode serve(PeerArguments& arguments, app::ProgramStart& program,
                    std::shared_ptr<const meta::Metainfo> metainfo, std::vector<Endpoint> peers) {
    net::UvLoop loop;
    net::UvEnv env(loop);
    persona::NodeSettings settings;
    settings.listen = {arguments.common.bind.value_or(Address()), arguments.common.port.value_or(0)};
    settings.source = arguments.common.bind;
    settings.options = arguments.options;
    settings.stats_interval = arguments.common.stats_interval;
    settings.interval_floor = arguments.interval_floor;
    settings.dials = !arguments.no_dial;
    settings.peers = std::move(peers);
    persona::PersonaNode node(env, std::move(settings), metainfo, reader_of(metainfo, arguments.source),
                              program.telemetry(), Rng(arguments.rng_seed.value_or(app::entropy_seed())),
                              [&loop] { loop.stop(); });
    const net::Signals signals(loop, [&](int) { node.stop(); });
    std::unique_ptr<env::Timer> flush = env.make_timer([&] {
        program.flush();
        flush->arm(env.now() + app::EventFile::kFlushInterval);
    });
    const Result<Endpoint> listening = node.start();
    if (!listening) {
        program.log.error(listening.error().message());
        app::finish_program(program, env.now(), app::ExitCode::CannotListen, listening.error().message());
        return app::ExitCode::CannotListen;
    }
    program.telemetry().emit(env.now(), telemetry::Level::Summary, "ready", std::nullopt,
                             {{"listen", listening->to_string()}});
    program.log.info("persona " + arguments.options.persona + " on " + listening->to_string());
    if (program.is_recording()) flush->arm(env.now());
    loop.run();
    app::finish_program(program, env.now(), app::ExitCode::Ok, "stopped");
    return app::ExitCode::Ok;
}

}  // namespace

app::Command peer_command(PeerArguments& out) {
    using namespace app;
    std::string description = "Personas:\n";
    for (const persona::PersonaInfo& info : persona::personas()) {
        description += "  " + std::string(info.name) + ": " + std::string(info.summary) + "\n";
    }
    Command command{"peer", "Be a peer with manners of its own, in any swarm", description, {}, {}};
    persona::Options& options = out.options;
    command.options = {
        {"persona", "", "NAME", "What it does (needed)",
         [&out](const std::string& text) { return set_persona(text, out.options.persona); }, "", "corrupt-block"},
        {"torrent", "t", "FILE", "The .torrent file (needed)", set_text(out.torrent), "", "x.torrent", "",
         ArgumentKind::Path},
        {"source", "s", "ORIGINAL", "The content, for personas that serve it", set_text(out.source), "", "photos", "",
         ArgumentKind::Path},
        {"part", "", "0..1", "Of the blocks that are touched",
         [&out](const std::string& text) { return set_part(text, out.options.part); }, "1"},
        {"piece", "", "N", "Touch this piece only", set_number<std::uint32_t>(options.piece), "", "3"},
        {"rate", "", "RATE", "Bytes a second of what is slow", set_parsed(options.rate, parse_rate), "4096"},
        {"every", "", "TIME", "Between two of what is repeated", set_duration(options.every, milliseconds(1)), "1"},
        {"script", "", "FILE", "Steps of the persona 'scripted' (docs/formats.md)", set_text(out.script), "",
         "steps.toml", "", ArgumentKind::Path},
        {"peers", "", "FILE", "Also dial these peers: a file of ip:port lines", set_text(out.peers_file), "",
         "peers.txt", "", ArgumentKind::Path},
        {"no-dial", "", "", "Wait for others", set_flag(out.no_dial)},
        {"interval-floor", "", "TIME", "Announce no more often", set_duration(out.interval_floor), "1"},
        {"rng-seed", "", "N", "Repeatable choices and peer_id", set_number<std::uint64_t>(out.rng_seed), "", "1"},
    };
    std::ranges::move(common_options(out.common), std::back_inserter(command.options));
    return command;
}

app::ExitCode run_peer(PeerArguments& arguments) {
    const auto refuse = [](const Error& error, app::ExitCode code) {
        std::fprintf(stderr, "swarm-lab: error: %s\n", error.message().c_str());
        return code;
    };
    const auto missing = [&refuse](const char* what) {
        return refuse(local_error(ErrorCode::InvalidArgument, what), app::ExitCode::BadArguments);
    };
    if (arguments.options.persona.empty() || arguments.torrent.empty()) return missing("--persona and -t are needed");
    if (arguments.options.persona == "scripted" && arguments.script.empty()) return missing("scripted needs --script");
    if (!arguments.script.empty()) {
        auto script = load_script(arguments.script);
        if (!script) return refuse(script.error(), app::ExitCode::BadConfig);
        arguments.options.script = std::move(*script);
    }
    auto metainfo = app::load_metainfo(arguments.torrent);
    if (!metainfo) return refuse(metainfo.error(), app::ExitCode::BadTorrent);
    std::vector<Endpoint> peers;
    if (!arguments.peers_file.empty()) {
        auto loaded = app::load_peers_file(arguments.peers_file);
        if (!loaded) return refuse(loaded.error(), app::ExitCode::BadArguments);
        peers = std::move(*loaded);
    }
    auto program = app::start_program("swarm-lab", arguments.common, "peer");
    if (!program) return refuse(program.error(), app::exit_code_for(program.error()));
    return serve(arguments, *program, std::move(*metainfo), std::move(peers));
}

}  // namespace bt::lab
