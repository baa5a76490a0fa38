// swarm-tracker: a tracker (HTTP, HTTPS, UDP) from a configuration file.

#include <array>
#include <cstdio>
#include <cstring>
#include <set>

#include "common/app/cli.h"
#include "common/app/event_pump.h"
#include "common/app/node_setup.h"
#include "common/app/option_setters.h"
#include "common/app/process.h"
#include "common/net/signals.h"
#include "common/net/uv_env.h"
#include "tracker/config.h"
#include "tracker/tracker_node.h"
#include "tracker/workers.h"

namespace bt::tracker {
namespace {

using app::ExitCode;

struct Options {
    app::CommonOptions common;
    std::string config;
    bool print_config = false;
    bool check = false;
    bool web = false;
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
    program.main.summary =
        "A tracker over HTTP, HTTPS and UDP (BEP 3, 7, 15, 21, 23, 24, 31, 41, 48).\nSIGHUP reads CONFIG again.";
    program.main.positionals = {
        {"CONFIG", "Configuration file, .toml or .json", app::set_text(out.config), app::ArgumentKind::Path, false}};
    program.main.options = {
        {"print-config", "", "", "Print a commented configuration with every key and end",
         app::set_flag(out.print_config)},
        {"check", "", "", "Read CONFIG and the torrents it names, say what is wrong, and end",
         app::set_flag(out.check)},
        {"web", "", "", "Show a live page at http://HOST:PORT/ (to this machine, or as [web] says)",
         app::set_flag(out.web)},
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
void merge(const Options& options, Config& config) {
    if (options.common.bind) {
        config.bind = {*options.common.bind};
        config.http.bind = config.udp.bind = config.https.bind = {};
    }
    if (options.common.port) {
        config.port = *options.common.port;
        config.http.port = config.udp.port = {};
    }
    PageSettings& pages = config.node.lookout.pages;
    if (options.web && pages.web.empty()) pages.web = loopback_only();
    if (options.given.contains("stats-interval")) config.node.stats_interval = options.common.stats_interval;
}

// And what only the file says is as good as an option: where events go is settled when the program starts.
void take_event_options(const Config& config, app::CommonOptions& out, const std::set<std::string>& given) {
    if (out.events.empty() && config.events) out.events = *config.events;
    if (!given.contains("events-level") && config.events_level) out.events_level = *config.events_level;
}

// One JSON line for scripts, one line for people.
void print_ready(const TrackerNode& node, std::uint64_t rng_seed) {
    std::string ports;
    std::set<Door> named;
    std::string listen;
    for (const auto& [door, endpoint] : node.endpoints()) {
        const std::string name(door_name(door));
        if (named.insert(door).second) ports += "\"" + name + "\":" + std::to_string(endpoint.port) + ",";
        listen += (listen.empty() ? "\"" : ",\"") + name + "://" + endpoint.to_string() + "\"";
    }
    std::printf("{%s\"listen\":[%s]}\n", ports.c_str(), listen.c_str());
    std::printf("swarm-tracker: ready at %s, rng_seed %llu\n", node.announce_url().c_str(),
                static_cast<unsigned long long>(rng_seed));
    std::fflush(stdout);
}

void say_what_is_tracked(const Config& config, const app::Log& log) {
    const AnnounceSettings& announce = config.node.announce;
    for (const std::string& name : config.torrent_names) log.info("tracks " + name);
    if (!announce.allowed.empty()) log.info("tracks " + std::to_string(announce.allowed.size()) + " info_hashes");
    if (announce.torrents.empty() && announce.allowed.empty()) log.info("nothing listed: any torrent is tracked");
    const std::size_t rules = config.node.lookout.rules.size();
    if (rules > 0) log.info(std::to_string(rules) + " rules: this tracker misbehaves on purpose");
}

// A mistake changes nothing.
void reload(const Options& options, const Config& first, TrackerNode& node, app::ProgramStart& program, TimePoint now) {
    const auto refuse = [&](const std::string& why) {
        program.log.warning("configuration stays as it is: " + why);
        program.telemetry().emit(now, telemetry::Level::Summary, "reload_refused", std::nullopt, {{"reason", why}});
    };
    if (first.threads > 1) return refuse("with threads it takes a new start");
    Result<Config> config = load_config(options.config);
    if (!config) return refuse(config.error().message());
    if (config->threads > 1) return refuse("threads hold from the next start on");
    merge(options, *config);
    config->node.udp_key = std::nullopt;  // stays
    config->node.announce.registry.keep_peer_ids = first.node.announce.registry.keep_peer_ids;
    const Doors doors = config->doors();
    if (config->rng_seed != first.rng_seed || config->events != first.events ||
        config->events_level != first.events_level) {
        program.log.warning("rngSeed, keepPeerIds, events and eventsLevel hold from the next start on");
    }
    if (const Status reloaded = node.reload(config->node, doors); !reloaded) {
        return refuse(reloaded.error().message());
    }
    program.log.info("configuration was read again");
    say_what_is_tracked(*config, program.log);
    program.telemetry().emit(now, telemetry::Level::Summary, "reloaded", std::nullopt,
                             {{"listen", node.local_endpoint().to_string()}});
}

// Where the first thread listens, for the others.
Doors open_doors(const TrackerNode& node) {
    Doors doors;
    for (const auto& [door, endpoint] : node.endpoints())
        (door == Door::Udp ? doors.udp : doors.http).push_back(endpoint);
    return doors;
}

ExitCode serve(const Options& options, const Config& config, app::ProgramStart& program) {
    net::UvLoop loop;
    net::UvEnv env(loop);
    if (config.threads > 1) env.share_ports();
    const std::uint64_t rng_seed = config.rng_seed ? *config.rng_seed : app::entropy_seed();
    NodeSettings settings = config.node;
    // Not of rng_seed: who knows that could make connection ids for others.
    const std::array<std::uint64_t, 2> entropy{app::entropy_seed(), app::entropy_seed()};
    std::memcpy(settings.udp_key.emplace().data(), entropy.data(), sizeof entropy);
    if (config.threads > 1) {
        settings.share =
            std::make_shared<WorkerShare>(settings.announce.registry, Rng(rng_seed).fork(1), config.threads);
    }
    TrackerNode node(env, settings, Rng(rng_seed), program.telemetry());
    const net::Signals signals(
        loop, [&loop](int) { loop.stop(); }, [&] { reload(options, config, node, program, env.now()); });
    if (const Status started = node.start(config.doors()); !started) {
        program.log.error(started.error().message());
        app::finish_program(program, env.now(), ExitCode::CannotListen, started.error().message());
        return ExitCode::CannotListen;
    }
    auto workers = Workers::start(loop, settings, Rng(rng_seed).fork(2), open_doors(node), config.threads);
    if (!workers) {
        program.log.error(workers.error().message());
        app::finish_program(program, env.now(), ExitCode::CannotListen, workers.error().message());
        return ExitCode::CannotListen;
    }
    print_ready(node, rng_seed);
    say_what_is_tracked(config, program.log);
    if (!config.node.lookout.pages.web.empty()) {
        const std::string url = node.announce_url();
        program.log.info("live page at " + url.substr(0, url.rfind('/') + 1));
    }

    const app::EventPump pump(env, program.events.get());
    loop.run();
    workers->reset();
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
    take_event_options(*config, options.common, options.given);
    if (!options.common.events.empty()) {
        config->events = options.common.events;
        config->events_level = options.common.events_level;
    }
    if (const auto conflict = threads_conflict(*config)) {
        log.error(*conflict);
        return ExitCode::BadConfig;
    }
    auto program = app::start_program("swarm-tracker", options.common, "tracker");
    if (!program) {
        log.error(program.error().message());
        return app::exit_code_for(program.error());
    }
    return serve(options, *config, *program);
}

}  // namespace
}  // namespace bt::tracker

int main(int argc, char** argv) {
    bt::app::open_standard_descriptors();
    try {
        return bt::app::to_int(bt::tracker::run(argc, argv));
    } catch (const std::exception& error) {
        std::fprintf(stderr, "swarm-tracker: error: %s\n", error.what());
        return bt::app::to_int(bt::app::ExitCode::Internal);
    }
}
