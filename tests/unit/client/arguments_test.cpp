// Every option of swarm-client's table is given here once, and what it does to the values is looked at. The last case
// holds the table against the options that were given: one that is added without a test fails it.

#include "client/arguments.h"

#include <set>

#include "tests/support/catch.h"

namespace bt::client {
namespace {

using Line = std::vector<std::string>;

std::set<std::string>& given() {
    static std::set<std::string> options;
    return options;
}

// Parses, and notes "command --option" for what stands in the line.
Result<Arguments> parse(const Line& line, const std::string& command = "") {
    for (const std::string& word : line) {
        if (word.starts_with("--")) {
            given().insert("swarm-client" + (command.empty() ? "" : " " + command) + " " +
                           word.substr(0, word.find('=')));
        }
    }
    AllArguments all;
    BT_TRY_ASSIGN(const auto parsed, app::parse_arguments(client_table(all), line));
    if (!parsed.output.empty()) return fail(local_error(ErrorCode::Cancelled, parsed.output));
    return chosen_arguments(parsed.command, all);
}

DownloadArguments download(Line line) {
    line.push_back("x.torrent");
    const auto arguments = parse(line);
    INFO((arguments ? "" : arguments.error().message()));
    REQUIRE(arguments.has_value());
    return std::get<DownloadArguments>(*arguments);
}

std::string mistake(const Line& line) {
    const auto arguments = parse(line);
    return arguments ? "no mistake" : arguments.error().message();
}

void check_files() {
    CHECK(download({}).client.torrents == Line{"x.torrent"});
    CHECK(download({"--torrent", "a", "-t", "b"}).client.torrents == Line{"x.torrent", "a", "b"});
    CHECK(download({}).client.outdir == ".");
    CHECK(download({"--outdir", "there"}).client.outdir == "there");
    CHECK(download({}).client.existing == storage::Existing::Use);
    CHECK(download({"--overwrite", "check"}).client.existing == storage::Existing::Use);
    CHECK(download({"--overwrite", "never"}).client.existing == storage::Existing::Refuse);
    CHECK(download({"--overwrite", "always"}).client.existing == storage::Existing::Discard);
    CHECK(mistake({"x", "--overwrite", "perhaps"}).find("--overwrite") == 0);
    CHECK(download({}).client.verify);
    CHECK_FALSE(download({"--no-verify"}).client.verify);
    CHECK(download({}).client.resume_interval == seconds(30));
    CHECK(download({"--resume-interval", "500ms"}).client.resume_interval == milliseconds(500));
    CHECK(mistake({"x", "--resume-interval", "99ms"}).find("--resume-interval") == 0);
    CHECK(download({"--select", "1,3-"}).client.select == "1,3-");
    CHECK(download({"--priority", "1=high", "--priority", "2=skip"}).client.priorities == Line{"1=high", "2=skip"});
    CHECK(download({"--sequential"}).client.sequential);
    CHECK(download({"--on-complete", "echo done"}).client.on_complete == "echo done");
}

void check_speed_and_ends() {
    CHECK(download({}).client.download_limit == 0);
    CHECK(download({"--download-limit", "8MiB/s"}).client.download_limit == 8u << 20);
    CHECK(download({"--upload-limit", "500k"}).client.upload_limit == 500'000);
    CHECK(download({"--torrent-download-limit", "1000"}).client.torrent_download_limit == 1000);
    CHECK(download({"--torrent-upload-limit", "1MB"}).client.torrent_upload_limit == 1'000'000);
    CHECK(download({"--seed-ratio", "1.5"}).client.seed_ratio == 1.5);
    CHECK_FALSE(download({}).client.seed_time.has_value());
    CHECK(download({"--seed-time", "1h"}).client.seed_time == std::chrono::hours(1));
    CHECK(download({"--seed-time", "-1"}).client.seed_time == kForEver);
    CHECK(download({"--timeout", "5m"}).client.timeout == minutes(5));
}

void check_peers() {
    CHECK(download({"--peers", "p.txt"}).client.peers_file == "p.txt");
    CHECK(download({}).client.max_peers == kDefaultMaxPeers);
    CHECK(download({"--max-peers", "7"}).client.max_peers == 7);
    CHECK_FALSE(download({}).client.no_pex);
    CHECK(download({"--no-pex"}).client.no_pex);
    CHECK(download({}).client.encryption == transport::EncryptionPolicy::Prefer);
    CHECK(download({"--encryption", "require"}).client.encryption == transport::EncryptionPolicy::Require);
    CHECK(download({"--encryption", "off"}).client.encryption == transport::EncryptionPolicy::Off);
    CHECK(download({"--ca-file", "ca.pem"}).client.ca_file == "ca.pem");
    CHECK(download({"--interval-floor", "5"}).client.interval_floor == seconds(5));
    CHECK(download({"--rng-seed", "18446744073709551615"}).client.rng_seed == UINT64_MAX);
}

void check_common() {
    CHECK(download({"--details"}).view.details);
    CHECK(download({"--json"}).view.json);
    CHECK(download({"--quiet"}).view.quiet);
    CHECK(download({"-q"}).view.quiet);
    CHECK(download({"--listen", "[::1]:6881"}).client.listen == Endpoint::parse("[::1]:6881"));
    CHECK(download({"--bind", "127.0.0.5"}).client.bind == Address::parse("127.0.0.5"));
    CHECK(download({"--port", "6881"}).client.port == 6881);
    CHECK(download({"--capture", "x.pcapng"}).capture.path == "x.pcapng");
    CHECK(download({"--capture-block-bytes", "16KiB"}).capture.block_bytes == 16384);
    CHECK(download({"--capture-limit", "1MiB"}).capture.max_bytes == 1 << 20);
    CHECK(download({"--loglevel", "debug"}).common.loglevel == app::Severity::Debug);
    CHECK(download({"--log-json"}).common.log_json);
    CHECK(download({"--events", "fd:3"}).common.events == "fd:3");
    CHECK(download({"--events-level", "wire"}).common.events_level == telemetry::Level::Wire);
    CHECK(download({"--node-name", "n"}).common.node_name == "n");
    CHECK(download({"--stats-interval", "0.1"}).client.stats_interval == milliseconds(100));
    CHECK(download({"--die-with-parent"}).common.die_with_parent);
    CHECK(mistake({"--help"}).starts_with("Examples:"));
    CHECK(mistake({"--version"}).starts_with("swarm-client "));
    CHECK(mistake({"--print-config"}).find("#max-peers = 50") != std::string::npos);
    CHECK(mistake({"--config", "/nowhere.toml"}).find("/nowhere.toml") != std::string::npos);
}

template <class T>
T command(const std::string& name, Line line) {
    line.insert(line.begin(), name);
    const auto arguments = parse(line, name);
    INFO(name << ": " << (arguments ? "" : arguments.error().message()));
    REQUIRE(arguments.has_value());
    return std::get<T>(*arguments);
}

void check_local_commands() {
    CHECK(command<InspectArguments>("decode", {"i1e"}).subject == "i1e");
    CHECK(command<InspectArguments>("decode", {"-"}).subject == "-");
    CHECK(command<InspectArguments>("info", {"--json", "x"}).json);
    CHECK(command<InspectArguments>("info", {"--full", "x"}).full);
    CHECK(command<InspectArguments>("magnet_parse", {"magnet:?"}).command == InspectCommand::MagnetParse);
    const auto create = command<CreateArguments>("create", {"--output",
                                                            "o",
                                                            "--tracker",
                                                            "a,b",
                                                            "--tracker",
                                                            "c",
                                                            "--web-seed",
                                                            "w",
                                                            "--piece-length",
                                                            "256KiB",
                                                            "--name",
                                                            "n",
                                                            "--exclude",
                                                            "*.tmp",
                                                            "--comment",
                                                            "hello",
                                                            "--source",
                                                            "s",
                                                            "--private",
                                                            "--creation-date",
                                                            "5",
                                                            "--threads",
                                                            "2",
                                                            "--quiet",
                                                            "dir"});
    CHECK(create.path == "dir");
    CHECK(create.output == "o");
    CHECK(create.tracker_tiers == std::vector<Line>{{"a", "b"}, {"c"}});
    CHECK(create.name == "n");
    CHECK(create.exclude == Line{"*.tmp"});
    CHECK(create.web_seeds == Line{"w"});
    CHECK(create.piece_length == 262144u);
    CHECK(create.comment == "hello");
    CHECK(create.source == "s");
    CHECK(create.is_private);
    CHECK(create.creation_date == 5);
    CHECK(create.threads == 2);
    CHECK(create.quiet);
    const auto verify = command<VerifyArguments>("verify", {"--threads", "3", "--quiet", "--json", "t", "d"});
    CHECK((verify.torrent == "t" && verify.folder == "d" && verify.threads == 3 && verify.quiet && verify.json));
}

void check_scrape() {
    const auto scrape =
        command<ScrapeArguments>("scrape", {"--json", "--bind", "127.0.0.9", "--timeout", "5m", "--ca-file", "c", "x"});
    CHECK((scrape.subject == "x" && scrape.json && scrape.ca_file == "c"));
    CHECK((scrape.bind == Address::parse("127.0.0.9") && scrape.timeout == minutes(5)));
}

void check_wire_commands() {
    const std::pair<const char*, Line> commands[] = {
        {"peers", {"f"}},
        {"handshake", {"f", "127.0.0.1:7"}},
        {"download_piece", {"--output", "o", "--peer", "127.0.0.1:7", "f", "3"}},
        {"download", {"--output", "o", "--peer", "127.0.0.1:7", "f"}},
        {"magnet_handshake", {"m", "127.0.0.1:7"}},
        {"magnet_info", {"--peer", "127.0.0.1:7", "--json", "--full", "m"}},
        {"magnet_download_piece", {"--output", "o", "--peer", "127.0.0.1:7", "m", "3"}},
        {"magnet_download", {"--output", "o", "--peer", "127.0.0.1:7", "m"}},
    };
    for (const auto& [name, line] : commands) {
        Line full = line;
        for (const char* word : {"--bind", "127.0.0.9", "--port", "7", "--timeout", "5m", "--ca-file", "c"}) {
            full.emplace_back(word);
        }
        const auto arguments = command<WireArguments>(name, full);
        const bool writes = line.front() == "--output";
        CHECK(arguments.output == (writes ? "o" : ""));
        CHECK(arguments.piece == (std::string(name).ends_with("piece") ? 3u : 0u));
        CHECK(arguments.peer.has_value() == (std::string(name) != "peers"));
        CHECK(arguments.bind == Address::parse("127.0.0.9"));
        CHECK((arguments.port == 7 && arguments.timeout == minutes(5) && arguments.ca_file == "c"));
    }
    CHECK_FALSE(command<WireArguments>("magnet_handshake", {"m"}).peer.has_value());
}

TEST_CASE("every option of swarm-client and its commands does what it says to the values") {
    given().clear();
    check_files();
    check_speed_and_ends();
    check_peers();
    check_common();
    check_local_commands();
    check_scrape();
    check_wire_commands();
    AllArguments all;
    const app::Program table = client_table(all);
    for (const app::Command& each : table.commands) {
        CHECK(app::parse_arguments(table, {each.name, "--help"})->output.find(each.summary) == 0);
        given().insert("swarm-client " + each.name + " --help");
        const std::string wrong = "/nowhere.toml";
        if (each.options.empty()) continue;
        given().insert("swarm-client " + each.name + " --config");
        Line line = {each.name, "--config", wrong};
        for (const app::Positional& positional : each.positionals) {
            if (positional.required) line.push_back(positional.name == "ip:port" ? "127.0.0.1:7" : "1");
        }
        const auto refused = app::parse_arguments(table, line);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().message().find(wrong) != std::string::npos);
    }
    for (const std::string& option : app::all_options(table)) {
        CAPTURE(option);
        CHECK(given().contains(option));
    }
}

TEST_CASE("bad input: what cannot be meant is refused before anything is begun") {
    CHECK(mistake({}).starts_with("nothing to download"));
    CHECK(mistake({"x", "--outdir", ""}).find("--outdir") == 0);
    CHECK(mistake({"x", "--select", "3-1"}).starts_with("--select: "));
    CHECK(mistake({"x", "--priority", "1"}).starts_with("--priority: "));
    CHECK(mistake({"x", "--encryption", "on"}) == "--encryption: \"on\" is none of prefer, require, off");
    CHECK(mistake({"x", "--max-peers", "10001"}).starts_with("--max-peers: "));
    CHECK(mistake({"x", "--max-peers", "10000"}) == "no mistake");
    CHECK(mistake({"x", "--seed-ratio", "-0.5"}).starts_with("--seed-ratio: "));
    CHECK(mistake({"x", "--seed-time", "-2"}).starts_with("--seed-time: "));
    CHECK(mistake({"x", "--port", "65536"}).starts_with("--port: "));
    CHECK(mistake({"x", "--bind", "here"}).starts_with("--bind: "));
    CHECK(mistake({"x", "--listen", "127.0.0.1"}) == "--listen: \"127.0.0.1\" is no IP:PORT, as in 10.0.0.7:6881");
    CHECK(mistake({"create", "x"}) == "create: -o FILE.torrent is needed");
    CHECK(mistake({"create", "x", "-o", "y", "--piece-length", "8192"}).starts_with("--piece-length: "));
    CHECK(mistake({"create", "x", "-o", "y", "--piece-length", "16384"}) == "no mistake");
    CHECK(mistake({"download", "x"}) == "download: -o OUT is needed");
    CHECK(mistake({"handshake", "x", "127.0.0.1"}).find("ip:port") == 0);
    CHECK(mistake({"download_piece", "x", "-1", "-o", "y"}) != "no mistake");
}

}  // namespace
}  // namespace bt::client
