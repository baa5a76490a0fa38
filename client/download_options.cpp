// The options of swarm-client itself: what is downloaded, how fast, from whom, what is shown.

#include "client/arguments.h"
#include "common/app/option_setters.h"
#include "common/meta/file_selection.h"

namespace bt::client {
namespace {

using app::ArgumentKind;
using app::Option;
using transport::EncryptionPolicy;

app::Setter set_seed_time(std::optional<Duration>& target) {
    return [&target](const std::string& text) -> Status {
        if (text == "-1") {
            target = kForEver;
            return {};
        }
        BT_TRY_ASSIGN(target, app::parse_duration(text));
        return {};
    };
}

void add_files(std::vector<Option>& out, ClientOptions& client) {
    const std::string group = "Files";
    out.push_back({"torrent", "t", "TORRENT", "A .torrent file, magnet URI or info_hash; for several, again",
                   app::add_text(client.torrents), "", "ubuntu.torrent", group, ArgumentKind::Torrent});
    out.back().repeatable = true;
    out.push_back({"outdir", "", "DIR", "Download into this folder", app::set_text(client.outdir), ".", "", group,
                   ArgumentKind::Folder});
    out.push_back({"overwrite",
                   "",
                   "RULE",
                   "Files that are there: check uses what is right in them, never refuses those of no earlier run, "
                   "always begins anew",
                   app::set_word<storage::Existing>(client.existing, {{"check", storage::Existing::Use},
                                                                      {"never", storage::Existing::Refuse},
                                                                      {"always", storage::Existing::Discard}}),
                   "check",
                   "",
                   group,
                   ArgumentKind::Words,
                   {"check", "never", "always"}});
    out.push_back({"no-verify", "", "", "Take finished files of the right length for right, without reading them",
                   app::set_flag(client.verify, false), "", "", group});
    out.push_back({"resume-interval", "", "TIME", "Write down so often what is there, for a start after a crash",
                   app::set_duration(client.resume_interval, milliseconds(100)), "30", "", group});
    out.push_back({"select", "", "FILES", "Only these files: numbers, ranges and patterns, as in 1,3-5,*.flac",
                   [&client](const std::string& text) -> Status {
                       BT_TRY(meta::check_selection(text));
                       client.select = text;
                       return {};
                   },
                   "", "1,3-5,*.flac", group});
    out.push_back({"priority", "", "FILES=WORD",
                   "How much files are wanted: skip, low, normal or high, as in *.nfo=skip",
                   [&client](const std::string& text) -> Status {
                       BT_TRY(meta::check_priority(text));
                       client.priorities.push_back(text);
                       return {};
                   },
                   "", "*.nfo=skip", group});
    out.back().repeatable = true;
    out.push_back({"sequential", "", "", "Pieces in order, for reading while it comes",
                   app::set_flag(client.sequential), "", "", group});
    out.push_back({"on-complete", "", "CMD",
                   "Run this with /bin/sh when a torrent is complete (see SWARM_… in the man page)",
                   app::set_text(client.on_complete), "", "notify-send done", group});
}

void add_speed(std::vector<Option>& out, ClientOptions& client) {
    const std::string group = "Speed";
    const auto rate = [&](const char* name, const char* help, std::uint64_t& target) {
        out.push_back({name, "", "RATE", help, app::set_parsed(target, app::parse_rate), "0", "", group});
    };
    rate("download-limit", "Bytes a second for all torrents together, as in 500k or 8MiB/s; 0: no limit",
         client.download_limit);
    rate("upload-limit", "The same for what is sent", client.upload_limit);
    rate("torrent-download-limit", "Bytes a second for each torrent; 0: no limit", client.torrent_download_limit);
    rate("torrent-upload-limit", "The same for what is sent", client.torrent_upload_limit);
}

void add_ends(std::vector<Option>& out, ClientOptions& client) {
    const std::string group = "When to end";
    out.push_back({"seed-ratio", "", "RATIO", "Seed until so many times the size is uploaded",
                   app::set_number<double>(client.seed_ratio, 0, 1'000'000), "", "1.5", group});
    out.push_back({"seed-time", "", "TIME", "Seed for so long when complete, as in 90, 5m or 1h; -1: until stopped",
                   set_seed_time(client.seed_time), "0", "", group});
    out.push_back({"timeout", "", "TIME", "Give up when nothing has come for so long (never, if not given)",
                   app::set_duration(client.timeout), "", "10m", group});
}

void add_peers(std::vector<Option>& out, ClientOptions& client) {
    const std::string group = "Peers and trackers";
    out.push_back({"listen", "", "IP:PORT", "Take connections here, whatever --bind and --port say (port 0: any)",
                   [&client](const std::string& text) -> Status {
                       client.listen = Endpoint::parse(text);
                       return client.listen ? Status() : app::bad_value(text, "IP:PORT, as in 10.0.0.7:6881");
                   },
                   "", "10.0.0.7:6881", group});
    out.push_back({"peers", "", "FILE", "Also dial these peers: a file of ip:port lines",
                   app::set_text(client.peers_file), "", "peers.txt", group, ArgumentKind::Path});
    out.push_back({"max-peers", "", "N", "At most so many connections a torrent",
                   app::set_number<std::uint32_t>(client.max_peers, 1, 10000), std::to_string(kDefaultMaxPeers), "",
                   group});
    out.push_back({"no-pex", "", "", "No peer exchange: no peers from peers, none told to them",
                   app::set_flag(client.no_pex), "", "", group});
    out.push_back({"encryption",
                   "",
                   "HOW",
                   "Encrypted connections: prefer, require, or off",
                   app::set_word<EncryptionPolicy>(client.encryption, {{"prefer", EncryptionPolicy::Prefer},
                                                                       {"require", EncryptionPolicy::Require},
                                                                       {"off", EncryptionPolicy::Off}}),
                   "prefer",
                   "",
                   group,
                   ArgumentKind::Words,
                   {"prefer", "require", "off"}});
    out.push_back({"interval-floor", "", "TIME", "Never announce more often than this",
                   app::set_duration(client.interval_floor), "60", "", group});
    out.push_back({"ca-file", "", "FILE", "Trust these certificates (PEM) for https trackers, in place of the system's",
                   app::set_text(client.ca_file), "", "ca.pem", group, ArgumentKind::Path});
    out.push_back({"rng-seed", "", "N", "Repeatable choices and peer_id",
                   app::set_number<std::uint64_t>(client.rng_seed), "", "1", group});
}

void add_view(std::vector<Option>& out, ViewOptions& view) {
    const std::string group = "Display";
    out.push_back({"details", "", "", "A row for every peer", app::set_flag(view.details), "", "", group});
    out.push_back({"json", "", "", "Progress as JSON objects on standard output, one a line", app::set_flag(view.json),
                   "", "", group});
    out.push_back(
        {"quiet", "q", "", "Neither progress nor summary; errors only", app::set_flag(view.quiet), "", "", group});
}

}  // namespace

std::vector<Option> download_options(DownloadArguments& out) {
    std::vector<Option> options;
    add_files(options, out.client);
    add_speed(options, out.client);
    add_ends(options, out.client);
    add_peers(options, out.client);
    add_view(options, out.view);
    std::ranges::move(app::common_options(out.common), std::back_inserter(options));
    std::ranges::move(app::capture_options(out.capture), std::back_inserter(options));
    return options;
}

}  // namespace bt::client
