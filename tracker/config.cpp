#include "tracker/config.h"

#include <algorithm>

#include "common/app/config_tree.h"
#include "common/app/event_file.h"
#include "common/app/node_setup.h"
#include "common/base/encoding.h"

namespace bt::tracker {
namespace {

using app::ConfigFile;
using app::ConfigTable;

constexpr Duration kLongest = std::chrono::hours(24);
constexpr std::int64_t kMaxU32 = UINT32_MAX;

// A file that is no torrent keeps its own error code: the program then ends as for a bad torrent.
Status read_torrent(const ConfigFile& file, const ConfigTable& root, const std::string& name, Config& config) {
    const auto torrent = app::load_metainfo(file.resolve_path(name));
    if (!torrent) {
        Error error = root.error_at("torrentFile", torrent.error().message());
        const ErrorCode code = torrent.error().code;
        if (code == ErrorCode::InvalidBencode || code == ErrorCode::InvalidMetainfo) error.code = code;
        return fail(std::move(error));
    }
    config.node.announce.torrents.push_back((*torrent)->info_hash());
    config.torrent_names.push_back((*torrent)->name());
    return {};
}

// One path, or a list of them.
Status read_torrents(const ConfigFile& file, const ConfigTable& root, Config& config) {
    const app::ConfigNode* node = root.node().find("torrentFile");
    if (node != nullptr && std::holds_alternative<app::ConfigNode::List>(node->value)) {
        BT_TRY_ASSIGN(const auto names, root.strings("torrentFile"));
        for (const std::string& name : *names) BT_TRY(read_torrent(file, root, name, config));
        return {};
    }
    BT_TRY_ASSIGN(const auto name, root.string("torrentFile"));
    if (name) BT_TRY(read_torrent(file, root, *name, config));
    return {};
}

std::optional<PeerId> parse_peer_id(const std::string& text) {
    PeerId peer_id{};
    ByteBuffer bytes = to_buffer(as_bytes(text));
    if (text.size() == 2 * peer_id.size()) {
        auto decoded = from_hex(text);
        if (!decoded) return std::nullopt;
        bytes = std::move(*decoded);
    }
    if (bytes.size() != peer_id.size()) return std::nullopt;
    std::copy(bytes.begin(), bytes.end(), peer_id.begin());
    return peer_id;
}

Result<Address> read_address(const ConfigTable& table, std::string_view key, const std::string& text) {
    const auto address = Address::parse(text);
    if (!address) return fail(table.error_at(key, "\"" + text + "\" is no IP address"));
    return *address;
}

Status read_peers(const ConfigTable& root, Config& config) {
    auto& peers = config.node.announce.static_peers;
    BT_TRY_ASSIGN(const auto tables, root.tables("peers"));
    for (const ConfigTable& table : tables) BT_TRY(table.allow_only({"peerId", "ip", "port"}));
    for (const ConfigTable& table : tables) {
        BT_TRY_ASSIGN(const std::string id, table.need("peerId", table.string("peerId")));
        BT_TRY_ASSIGN(const std::string ip, table.need("ip", table.string("ip")));
        BT_TRY_ASSIGN(const std::int64_t port, table.need("port", table.integer("port", 1, 65535)));
        const auto peer_id = parse_peer_id(id);
        if (!peer_id) {
            return fail(table.error_at("peerId", "must be 20 bytes of text or 40 hex digits, this has " +
                                                     std::to_string(id.size()) + " bytes"));
        }
        BT_TRY_ASSIGN(const Address address, read_address(table, "ip", ip));
        const KnownPeer peer{{address, static_cast<std::uint16_t>(port)}, *peer_id};
        const auto same = std::find_if(peers.begin(), peers.end(),
                                       [&](const KnownPeer& other) { return other.endpoint == peer.endpoint; });
        if (same != peers.end()) return fail(table.error_at("ip", peer.endpoint.to_string() + " is listed twice"));
        peers.push_back(peer);
    }
    return {};
}

Status read_times(const ConfigTable& root, AnnounceSettings& to) {
    BT_TRY_ASSIGN(const auto interval, root.duration("interval", seconds(1), kLongest));
    BT_TRY_ASSIGN(const auto min_interval, root.duration("minInterval", seconds(0), kLongest));
    BT_TRY_ASSIGN(const auto peer_timeout, root.duration("peerTimeout", seconds(1), kLongest * 7));
    to.interval = interval.value_or(to.interval);
    to.min_interval = min_interval.value_or(std::min(to.min_interval, to.interval));
    if (to.min_interval > to.interval) return fail(root.error_at("minInterval", "must not be over interval"));
    to.registry.peer_timeout =
        peer_timeout.value_or(std::max<Duration>(to.registry.peer_timeout, 2 * to.interval + seconds(60)));
    if (to.registry.peer_timeout < to.interval) {
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
    const auto set = [](std::uint32_t& target, const std::optional<std::int64_t>& value) {
        if (value) target = static_cast<std::uint32_t>(*value);
    };
    set(to.announce.max_numwant, max_numwant);
    to.announce.default_numwant = std::min(to.announce.default_numwant, to.announce.max_numwant);
    set(to.announce.default_numwant, numwant);
    if (to.announce.default_numwant > to.announce.max_numwant) {
        return fail(root.error_at("numwant", "must not be over maxNumwant"));
    }
    set(to.max_connections, max_connections);
    set(to.announce.registry.max_torrents, max_torrents);
    set(to.announce.registry.max_peers, max_peers);
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
    BT_TRY_ASSIGN(const auto stats, root.duration("statsInterval", milliseconds(10), kLongest));
    if (stats) config.node.stats_interval = *stats;
    return {};
}

}  // namespace

Result<Config> load_config(const std::string& path) {
    BT_TRY_ASSIGN(const ConfigFile file, ConfigFile::load(path));
    const ConfigTable root = file.root();
    BT_TRY(root.allow_only({"port", "torrentFile", "peers", "bind", "interval", "minInterval", "peerTimeout", "numwant",
                            "maxNumwant", "maxConnections", "maxTorrents", "maxPeers", "rngSeed", "events",
                            "eventsLevel", "statsInterval"}));
    Config config;
    BT_TRY_ASSIGN(const std::int64_t port, root.need("port", root.integer("port", 0, 65535)));
    BT_TRY_ASSIGN(const auto bind, root.string("bind"));
    if (bind) {
        BT_TRY_ASSIGN(config.listen.address, read_address(root, "bind", *bind));
    }
    config.listen.port = static_cast<std::uint16_t>(port);
    config.node.stats_interval = seconds(1);
    BT_TRY(read_torrents(file, root, config));
    BT_TRY(read_peers(root, config));
    BT_TRY(read_times(root, config.node.announce));
    BT_TRY(read_limits(root, config.node));
    BT_TRY(read_rest(file, root, config));
    return config;
}

std::string default_config_text() {
    return R"(# swarm-tracker configuration. The same keys work in a .json file.
# Keys without a comment sign are the ones a file needs or usually has; the others show their defaults.

port = 6881                          # 0: the kernel chooses
torrentFile = "../torrents/x.torrent"  # one path or a list, relative to this file; without it any torrent is tracked

#bind = "0.0.0.0"                     # listen on this address
#interval = 30                        # seconds between two announces of a peer
#minInterval = 5                      # a peer that needs others may ask again after this
#peerTimeout = 900                    # seconds after its last announce a peer is forgotten
                                     # (where not set: 900, or twice the interval and a minute if that is more)
#numwant = 50                         # peers told to who does not say how many it wants
#maxNumwant = 200                     # and at most
#maxConnections = 4000                # beyond, the connection that was quiet longest is closed
#maxTorrents = 1000000                # beyond, torrents that are not known yet are refused
#maxPeers = 10000000                  # of all torrents
#rngSeed = 1                          # fixes which peers are drawn; without it every run draws others
#events = "tracker-events.jsonl"      # JSON lines, a path relative to this file or "fd:3"
#eventsLevel = "decision"             # summary, decision or wire
#statsInterval = 1                    # seconds between two `stats` events

# Peers that are in every answer, whether they announce or not. As many as you like.
[[peers]]
peerId = "-XX0001-abcdefghijkl"      # 20 bytes of text, or 40 hex digits
ip = "127.0.0.5"
port = 7001
)";
}

}  // namespace bt::tracker
