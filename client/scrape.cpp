#include "client/scrape.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

#include "common/app/log.h"
#include "common/app/node_setup.h"
#include "common/app/terminal_text.h"
#include "common/base/encoding.h"
#include "common/engine/tls_provider.h"
#include "common/meta/bencode_json.h"
#include "common/meta/magnet.h"
#include "common/net/signals.h"
#include "common/net/uv_env.h"
#include "common/net/uv_loop.h"

namespace bt::client {
namespace {

using Results = std::vector<engine::TrackerScrape>;

bool is_known(const wire::ScrapeCounts& counts) { return counts.complete || counts.incomplete || counts.downloaded; }

std::string number(const std::optional<std::uint64_t>& count, const char* unknown) {
    return count ? std::to_string(*count) : unknown;
}

void append_json(std::string& out, const engine::TrackerScrape& result) {
    out += "{\"url\":";
    meta::append_lossless_json_string(out, result.announce_url);
    if (!result.torrents) {
        out += ",\"error\":";
        meta::append_lossless_json_string(out, result.torrents.error().message());
    } else {
        const wire::ScrapeCounts& counts = result.torrents->front();
        out += std::string(",\"known\":") + (is_known(counts) ? "true" : "false");
        out += ",\"seeds\":" + number(counts.complete, "null");
        out += ",\"leechers\":" + number(counts.incomplete, "null");
        out += ",\"completed\":" + number(counts.downloaded, "null");
    }
    out += '}';
}

// Nothing: interrupted.
std::optional<Results> ask(const ScrapeArguments& arguments, const ScrapeTarget& target,
                           std::shared_ptr<engine::TlsProvider> tls) {
    net::UvLoop loop;
    net::UvEnv env(loop);
    std::optional<Results> results;
    engine::Scraper scraper({.env = &env, .tls = std::move(tls)}, {arguments.bind, std::nullopt}, target.trackers,
                            {target.info_hash}, arguments.timeout, Rng(app::entropy_seed()), [&](Results found) {
                                results = std::move(found);
                                loop.stop();
                            });
    const net::Signals signals(loop, [&](int) { loop.stop(); });
    scraper.start();
    loop.run();
    return results;
}

app::ExitCode print_answers(const std::string& text, const app::Log& log) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) == text.size() && std::fflush(stdout) == 0) {
        return app::ExitCode::Ok;
    }
    log.error(system_error(errno, "standard output").message());
    return app::ExitCode::DiskError;
}

}  // namespace

Result<ScrapeTarget> scrape_target(const std::string& subject) {
    if (meta::Magnet::is_link(subject)) {
        BT_TRY_ASSIGN(auto magnet, meta::Magnet::parse_link(subject));
        return ScrapeTarget{magnet.info_hash, std::move(magnet.trackers)};
    }
    BT_TRY_ASSIGN(const auto metainfo, app::load_metainfo(subject));
    ScrapeTarget target{metainfo->info_hash(), {}};
    for (const auto& tier : metainfo->tracker_tiers()) {
        for (const std::string& url : tier) {
            if (std::ranges::find(target.trackers, url) == target.trackers.end()) target.trackers.push_back(url);
        }
    }
    return target;
}

std::string scrape_text(const Results& results) {
    std::string out;
    for (const engine::TrackerScrape& result : results) {
        if (!result.torrents) continue;
        const wire::ScrapeCounts& counts = result.torrents->front();
        out += app::printable(result.announce_url) + ": ";
        if (is_known(counts)) {
            out += "seeds " + number(counts.complete, "?") + ", leechers " + number(counts.incomplete, "?") +
                   ", completed " + number(counts.downloaded, "?") + "\n";
        } else {
            out += "does not know this torrent\n";
        }
    }
    return out;
}

std::string scrape_json(const InfoHash& info_hash, const Results& results) {
    std::string out = "{\"info_hash\":\"" + to_hex(info_hash) + "\",\"trackers\":[";
    for (const engine::TrackerScrape& result : results) {
        if (&result != &results.front()) out += ',';
        append_json(out, result);
    }
    return out + "]}\n";
}

app::ExitCode run_scrape(const ScrapeArguments& arguments) {
    const app::Log log("swarm-client", app::Severity::Info);
    const auto target = scrape_target(arguments.subject);
    if (!target) {
        log.error(target.error().message());
        return app::ExitCode::BadTorrent;
    }
    auto tls = engine::make_tls_provider(arguments.ca_file);
    if (!tls) {
        log.error(tls.error().message());
        return app::ExitCode::BadArguments;
    }
    if (target->trackers.empty()) {
        log.error(arguments.subject + " names no tracker");
        return app::ExitCode::TrackersFailed;
    }
    const auto results = ask(arguments, *target, std::move(*tls));
    if (!results) return app::ExitCode::Interrupted;
    bool has_answer = false;
    for (const engine::TrackerScrape& result : *results) {
        has_answer = has_answer || result.torrents.has_value();
        if (!result.torrents) {
            log.warning(app::printable(result.announce_url) + ": " + app::printable(result.torrents.error().message()));
        }
    }
    const auto printed =
        print_answers(arguments.json ? scrape_json(target->info_hash, *results) : scrape_text(*results), log);
    if (printed != app::ExitCode::Ok) return printed;
    return has_answer ? app::ExitCode::Ok : app::ExitCode::TrackersFailed;
}

}  // namespace bt::client
