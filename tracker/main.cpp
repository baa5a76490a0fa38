// swarm-tracker: an HTTP tracker from a configuration file.

#include <array>
#include <cstdio>
#include <cstring>
#include <set>

#include "common/app/cli.h"
#include "common/app/event_pump.h"
#include "common/app/node_setup.h"
#include "common/app/option_setters.h"
#include "common/net/signals.h"
#include "common/net/uv_env.h"
#include "tracker/config.h"
#include "tracker/tracker_node.h"

namespace bt::tracker {
namespace {

using app::ExitCode;

struct Options {
    app::CommonOptions common;
    std::string config;
    bool print_config = false;
    bool check = false;
    std::set<std::string> given;  // options of the command line
};

void note_when_given(app::Option& option, std::set<std::string>& given) {
    option.set = [name = option.name, set = option.set, &given](const std::string& text) {
        given.insert(name);
        return set(text);
    };
}

app::Program tracker_table(Options& out) {
    app::Program program;
    program.name = "swarm-tracker";
    program.examples =
        "  swarm-tracker --print-config > tracker.toml\n"
        "  swarm-tracker tracker.toml\n"
        "  swarm-tracker tracker.json --bind 127.0.0.1 --port 0 --events events.jsonl\n";
    program.main.summary = "An HTTP tracker (BEP 3, 7, 23, 48).";
    program.main.positionals = {
        {"CONFIG", "Configuration file, .toml or .json", app::set_text(out.config), app::ArgumentKind::Path, false}};
    program.main.options = {
        {"print-config", "", "", "Print a commented configuration with every key and end",
         app::set_flag(out.print_config)},
        {"check", "", "", "Read CONFIG and the torrents it names, say what is wrong, and end",
         app::set_flag(out.check)},
    };
    for (app::Option& option : app::common_options(out.common)) {
        note_when_given(option, out.given);
        program.main.options.push_back(std::move(option));
    }
    program.exit_codes = app::exit_codes_help();
    program.reads_config = false;  // it has a file of its own kind
    return program;
}

// What the command line says rules over the file.
void merge(Options& options, Config& config) {
    if (options.common.bind) config.listen.address = *options.common.bind;
    if (options.common.port) config.listen.port = *options.common.port;
    if (options.common.events.empty() && config.events) options.common.events = *config.events;
    if (!options.given.contains("events-level") && config.events_level)
        options.common.events_level = *config.events_level;
    if (options.given.contains("stats-interval")) config.node.stats_interval = options.common.stats_interval;
}

ExitCode serve(const Config& config, app::ProgramStart& program) {
    net::UvLoop loop;
    net::UvEnv env(loop);
    const std::uint64_t rng_seed = config.rng_seed ? *config.rng_seed : app::entropy_seed();
    NodeSettings settings = config.node;
    // Not of rng_seed: who knows that could make connection ids for others.
    const std::array<std::uint64_t, 2> entropy{app::entropy_seed(), app::entropy_seed()};
    std::memcpy(settings.udp_key.emplace().data(), entropy.data(), sizeof entropy);
    TrackerNode node(env, std::move(settings), Rng(rng_seed), program.telemetry());
    if (const Status started = node.start({.http = {config.listen}, .udp = {config.listen}}); !started) {
        program.log.error(started.error().message());
        app::finish_program(program, env.now(), ExitCode::CannotListen, started.error().message());
        return ExitCode::CannotListen;
    }
    std::printf("swarm-tracker: ready at %s, rng_seed %llu\n", node.announce_url().c_str(),
                static_cast<unsigned long long>(rng_seed));
    std::fflush(stdout);
    if (config.torrent_names.empty()) program.log.info("no torrentFile configured: any torrent is tracked");
    for (const std::string& name : config.torrent_names) program.log.info("tracks " + name);

    const app::EventPump pump(env, program.events.get());
    const net::Signals signals(loop, [&loop](int) { loop.stop(); });
    loop.run();
    node.stop();
    app::finish_program(program, env.now(), ExitCode::Ok, "signal");
    return ExitCode::Ok;
}

ExitCode run(int argc, char** argv) {
    Options options;
    const auto parsed = app::parse_command_line(tracker_table(options), argc, argv);
    if (const auto* code = std::get_if<ExitCode>(&parsed)) return *code;
    if (options.print_config) {
        std::fputs(default_config_text().c_str(), stdout);
        return ExitCode::Ok;
    }
    const app::Log log("swarm-tracker", options.common.loglevel, options.common.log_json);
    if (options.config.empty()) {
        log.error("no configuration file given (see swarm-tracker --help)");
        return ExitCode::BadArguments;
    }
    Result<Config> config = load_config(options.config);
    if (!config) {
        log.error(config.error().message());
        const ExitCode code = app::exit_code_for(config.error());
        return code == ExitCode::BadTorrent ? code : ExitCode::BadConfig;
    }
    if (options.check) {
        std::printf("%s: good\n", options.config.c_str());
        return ExitCode::Ok;
    }
    merge(options, *config);
    auto program = app::start_program("swarm-tracker", options.common, "tracker");
    if (!program) {
        log.error(program.error().message());
        return app::exit_code_for(program.error());
    }
    return serve(*config, *program);
}

}  // namespace
}  // namespace bt::tracker

int main(int argc, char** argv) {
    try {
        return bt::app::to_int(bt::tracker::run(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "swarm-tracker: error: %s\n", error.what());
        return bt::app::to_int(bt::app::ExitCode::Internal);
    }
}
