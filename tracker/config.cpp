#include "tracker/config.h"

#include <algorithm>

#include "common/app/event_file.h"
#include "tracker/config_readers.h"
#include "tracker/pages_config.h"
#include "tracker/rules_config.h"

namespace bt::tracker {
namespace {

using app::ConfigFile;
using app::ConfigTable;

constexpr std::int64_t kMaxU32 = UINT32_MAX;

template <class Choice>
Status read_choice(const ConfigTable& table, std::string_view key,
                   std::initializer_list<std::pair<std::string_view, Choice>> choices, Choice& out) {
    BT_TRY_ASSIGN(const auto text, table.string(key));
    if (!text) return {};
    std::string known;
    for (const auto& [name, choice] : choices) {
        if (*text == name) {
            out = choice;
            return {};
        }
        known += (known.empty() ? "" : ", ") + std::string(name);
    }
    return fail(table.error_at(key, "must be one of " + known));
}

// The defaults of everything that differs between a laboratory and the world.
Status read_profile(const ConfigTable& root, AnnounceSettings& to) {
    bool is_public = false;
    BT_TRY(read_choice(root, "profile", {{"lab", false}, {"public", true}}, is_public));
    if (!is_public) return {};
    to.interval = seconds(1800);
    to.min_interval = seconds(900);
    to.interval_jitter = seconds(90);
    to.follows_key = false;
    return {};
}

Status read_times(const ConfigTable& root, AnnounceSettings& to) {
    BT_TRY_ASSIGN(const auto interval, root.duration("interval", seconds(1), kLongestTime));
    BT_TRY_ASSIGN(const auto min_interval, root.duration("minInterval", seconds(0), kLongestTime));
    BT_TRY_ASSIGN(const auto peer_timeout, root.duration("peerTimeout", seconds(1), kLongestTime * 7));
    to.interval = interval.value_or(to.interval);
    to.min_interval = min_interval.value_or(std::min(to.min_interval, to.interval));
    if (to.min_interval > to.interval) return fail(root.error_at("minInterval", "must not be over interval"));
    BT_TRY_ASSIGN(const auto jitter, root.duration("intervalJitter", seconds(0), kLongestTime));
    to.interval_jitter = jitter.value_or(std::min(to.interval_jitter, to.interval / 20));
    to.registry.peer_timeout = peer_timeout.value_or(Duration::zero());
    return {};
}

// When every interval is known: nobody may expire between two announces.
Status settle_timeout(const ConfigTable& root, AnnounceSettings& to) {
    Duration longest = std::max(to.interval, to.udp_interval.value_or(Duration::zero()));
    for (const auto& entry : to.per_torrent) longest = std::max(longest, entry.second.interval.value_or(longest));
    longest += to.interval_jitter;
    if (!root.has("peerTimeout")) {
        to.registry.peer_timeout = std::max<Duration>(RegistrySettings().peer_timeout, 2 * longest + seconds(60));
    } else if (to.registry.peer_timeout < longest) {
        return fail(root.error_at("peerTimeout", "must not be under interval: every peer would expire in between"));
    }
    return {};
}

Status read_limits(const ConfigTable& root, NodeSettings& to) {
    BT_TRY_ASSIGN(const auto numwant, root.integer("numwant", 0, 1000));
    BT_TRY_ASSIGN(const auto max_numwant, root.integer("maxNumwant", 0, 1000));
    BT_TRY_ASSIGN(const auto max_connections, root.integer("maxConnections", 1, 1'000'000));
    BT_TRY_ASSIGN(const auto max_torrents, root.integer("maxTorrents", 1, kMaxU32 / 2));
    BT_TRY_ASSIGN(const auto max_peers, root.integer("maxPeers", 1, kMaxU32 / 2));
    BT_TRY_ASSIGN(const auto max_scrape, root.integer("maxScrape", 1, 10'000));
    BT_TRY_ASSIGN(const auto full_scrape, root.boolean("fullScrape"));
    const auto set = [](std::uint32_t& target, const std::optional<std::int64_t>& value) {
        if (value) target = static_cast<std::uint32_t>(*value);
    };
    set(to.announce.max_numwant, max_numwant);
    to.announce.default_numwant = std::min(to.announce.default_numwant, to.announce.max_numwant);
    set(to.announce.default_numwant, numwant);
    if (to.announce.default_numwant > to.announce.max_numwant) {
        return fail(root.error_at("numwant", "must not be over maxNumwant"));
    }
    BT_TRY_ASSIGN(const auto keep_peer_ids, root.boolean("keepPeerIds"));
    to.announce.registry.keep_peer_ids = keep_peer_ids.value_or(true);
    set(to.max_connections, max_connections);
    set(to.http.max_scrape, max_scrape);
    to.http.full_scrape = full_scrape.value_or(false);
    set(to.announce.registry.max_torrents, max_torrents);
    set(to.announce.registry.max_peers, max_peers);
    return {};
}

Result<std::string> read_words(const ConfigTable& root, std::string_view key) {
    BT_TRY_ASSIGN(auto text, root.string(key));
    if (text && text->size() > kMaxWords) {
        return fail(root.error_at(key, "must have at most " + std::to_string(kMaxWords) + " bytes"));
    }
    return std::move(text).value_or("");
}

// retryIn = minutes, or "never".
Result<std::optional<wire::RetryIn>> read_retry(const ConfigTable& root) {
    const app::ConfigNode* node = root.node().find("retryIn");
    if (node == nullptr) return std::nullopt;
    if (const auto* text = std::get_if<std::string>(&node->value); text != nullptr && *text == "never") {
        return wire::RetryIn{};
    }
    if (!std::holds_alternative<std::int64_t>(node->value)) {
        return fail(root.error_at("retryIn", "must be a number of minutes or \"never\""));
    }
    BT_TRY_ASSIGN(const auto minutes, root.integer("retryIn", 1, 1'000'000));
    return wire::RetryIn{static_cast<std::uint32_t>(*minutes)};
}

// What is told to whom, and as whom a peer counts.
Status read_answers(const ConfigTable& root, AnnounceSettings& to) {
    BT_TRY(read_choice(root, "order", {{"random", PeerOrder::Random}, {"fixed", PeerOrder::Fixed}}, to.order));
    BT_TRY(read_choice(
        root, "selfInList",
        {{"never", SelfInList::Never}, {"whenAlone", SelfInList::WhenAlone}, {"always", SelfInList::Always}},
        to.self_in_list));
    BT_TRY(
        read_choice(root, "staticPeers", {{"first", StaticPeers::First}, {"only", StaticPeers::Only}}, to.static_mode));
    BT_TRY_ASSIGN(const auto counts_self, root.boolean("countSelf"));
    to.counts_self = counts_self.value_or(to.counts_self);
    BT_TRY_ASSIGN(const auto follows_key, root.boolean("followKey"));
    to.follows_key = follows_key.value_or(to.follows_key);
    BT_TRY_ASSIGN(const auto external_ip, root.boolean("externalIp"));
    to.external_ip = external_ip.value_or(to.external_ip);
    BT_TRY_ASSIGN(to.tracker_id, read_words(root, "trackerId"));
    BT_TRY_ASSIGN(to.warning, read_words(root, "warning"));
    BT_TRY_ASSIGN(to.retry_in, read_retry(root));
    BT_TRY_ASSIGN(to.ip_sources, read_ranges(root, "ipFrom"));
    BT_TRY_ASSIGN(const auto stand_ins, read_addresses(root, "loopbackAs"));
    for (const Address& address : stand_ins) {
        auto& place = address.is_v4() ? to.loopback_v4 : to.loopback_v6;
        if (place) return fail(root.error_at("loopbackAs", "at most one address of each family"));
        place = address;
    }
    return {};
}

Status read_rest(const ConfigFile& file, const ConfigTable& root, Config& config) {
    BT_TRY_ASSIGN(const auto rng_seed, root.integer("rngSeed", 0, INT64_MAX));
    if (rng_seed) config.rng_seed = static_cast<std::uint64_t>(*rng_seed);
    BT_TRY_ASSIGN(config.events, root.string("events"));
    if (config.events && !config.events->starts_with("fd:")) config.events = file.resolve_path(*config.events);
    BT_TRY_ASSIGN(const auto level, root.string("eventsLevel"));
    if (level) {
        const auto parsed = app::parse_event_level(*level);
        if (!parsed) return fail(root.error_at("eventsLevel", parsed.error().message()));
        config.events_level = *parsed;
    }
    BT_TRY_ASSIGN(const auto stats, root.duration("statsInterval", milliseconds(10), kLongestTime));
    if (stats) config.node.stats_interval = *stats;
    return {};
}

}  // namespace

Result<Config> load_config(const std::string& path) {
    BT_TRY_ASSIGN(const ConfigFile file, ConfigFile::load(path));
    return parse_config(file);
}

Result<Config> parse_config(const ConfigFile& file) {
    const ConfigTable root = file.root();
    BT_TRY(root.allow_only(
        {"port",        "torrentFile",    "peers",       "bind",        "profile",       "interval",
         "minInterval", "intervalJitter", "peerTimeout", "numwant",     "maxNumwant",    "maxConnections",
         "maxTorrents", "maxPeers",       "maxScrape",   "fullScrape",  "order",         "selfInList",
         "countSelf",   "staticPeers",    "followKey",   "trackerId",   "warning",       "externalIp",
         "retryIn",     "allow",          "allowFile",   "deny",        "denyFile",      "passkeys",
         "passkeyFile", "ipFrom",         "loopbackAs",  "torrents",    "http",          "https",
         "udp",         "rngSeed",        "events",      "eventsLevel", "statsInterval", "rules",
         "web",         "stats",          "threads",     "keepPeerIds"}));
    Config config;
    config.node.stats_interval = seconds(1);
    AnnounceSettings& announce = config.node.announce;
    BT_TRY(read_profile(root, announce));
    BT_TRY(read_times(root, announce));
    BT_TRY(read_doors(file, root, config));
    BT_TRY(read_torrents(file, root, config));
    BT_TRY(read_passkeys(file, root, config));
    BT_TRY_ASSIGN(announce.static_peers, read_peers(root));
    BT_TRY(settle_timeout(root, announce));
    BT_TRY(read_answers(root, announce));
    BT_TRY(read_limits(root, config.node));
    BT_TRY(read_rest(file, root, config));
    BT_TRY_ASSIGN(config.node.lookout.rules, read_rules(file, root));
    BT_TRY(read_pages(root, config.node.lookout.pages));
    BT_TRY_ASSIGN(const auto threads, root.integer("threads", 1, kMaxThreads));
    config.threads = static_cast<std::size_t>(threads.value_or(1));
    if (const auto conflict = threads_conflict(config)) return fail(root.error_at("threads", *conflict));
    return config;
}

std::optional<std::string> threads_conflict(const Config& config) {
    if (config.threads == 1) return std::nullopt;
    const PageSettings& pages = config.node.lookout.pages;
    const char* what = nullptr;
    if (!config.node.lookout.rules.empty()) what = "rules";
    if (!pages.web.empty() || !pages.stats.empty()) what = "web and stats";
    if (config.https.enabled) what = "[https]";
    if (config.node.announce.order == PeerOrder::Fixed) what = "order = \"fixed\"";
    if (config.events && config.events_level.value_or(telemetry::Level::Decision) != telemetry::Level::Summary) {
        what = "events of each announce (eventsLevel summary is fine)";
    }
    if (what == nullptr) return std::nullopt;
    return "several threads are for speed, and do not go with " + std::string(what);
}

}  // namespace bt::tracker
