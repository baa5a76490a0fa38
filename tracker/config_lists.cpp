// Who and what: peers, torrents, lists of info_hashes, passkeys.

#include <algorithm>

#include "common/app/node_setup.h"
#include "common/app/text_file.h"
#include "common/base/encoding.h"
#include "tracker/config_readers.h"

namespace bt::tracker {
namespace {

using app::ConfigFile;
using app::ConfigTable;

// A file that is no torrent keeps its own error code: the program then ends as for a bad torrent.
Result<std::shared_ptr<const meta::Metainfo>> read_torrent(const ConfigFile& file, const ConfigTable& table,
                                                           const std::string& name) {
    auto torrent = app::load_metainfo(file.resolve_path(name));
    if (torrent) return torrent;
    Error error = table.error_at("torrentFile", torrent.error().message());
    const ErrorCode code = torrent.error().code;
    if (code == ErrorCode::InvalidBencode || code == ErrorCode::InvalidMetainfo) error.code = code;
    return fail(std::move(error));
}

// A string, or a list of them.
Result<std::vector<std::string>> read_texts(const ConfigTable& table, std::string_view key) {
    const app::ConfigNode* node = table.node().find(key);
    if (node != nullptr && std::holds_alternative<app::ConfigNode::List>(node->value)) {
        BT_TRY_ASSIGN(auto texts, table.strings(key));
        return std::move(*texts);
    }
    BT_TRY_ASSIGN(auto text, table.string(key));
    return text ? std::vector{std::move(*text)} : std::vector<std::string>();
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

Result<KnownPeer> read_peer(const ConfigTable& table) {
    BT_TRY_ASSIGN(const std::string id, table.need("peerId", table.string("peerId")));
    BT_TRY_ASSIGN(const std::string ip, table.need("ip", table.string("ip")));
    BT_TRY_ASSIGN(const std::int64_t port, table.need("port", table.integer("port", 1, 65535)));
    const auto peer_id = parse_peer_id(id);
    if (!peer_id) {
        return fail(table.error_at(
            "peerId", "must be 20 bytes of text or 40 hex digits, this has " + std::to_string(id.size()) + " bytes"));
    }
    BT_TRY_ASSIGN(const Address address, read_address(table, "ip", ip));
    return KnownPeer{{address, static_cast<std::uint16_t>(port)}, *peer_id};
}

// KEY = [hashes] and KEYFile = path.
Status read_hashes(const ConfigFile& file, const ConfigTable& root, const std::string& key, HashList& out) {
    BT_TRY_ASSIGN(const auto texts, root.strings(key));
    for (const std::string& text : texts.value_or(std::vector<std::string>())) {
        const auto info_hash = parse_info_hash(text);
        if (!info_hash) return fail(root.error_at(key, "\"" + text + "\" is no info_hash of 40 hex digits"));
        out.insert(*info_hash);
    }
    const std::string file_key = key + "File";
    BT_TRY_ASSIGN(const auto name, root.string(file_key));
    if (!name) return {};
    const std::string path = file.resolve_path(*name);
    const auto text = app::read_text_file(path, kMaxListFile);
    if (!text) return fail(root.error_at(file_key, text.error().message()));
    if (const Status read = parse_hash_list(*text, out); !read) {
        return fail(root.error_at(file_key, path + ":" + read.error().detail));
    }
    return {};
}

Status read_own_settings(const ConfigFile& file, const ConfigTable& table, Config& config) {
    BT_TRY(table.allow_only({"torrentFile", "infoHash", "interval", "minInterval", "peers"}));
    AnnounceSettings& announce = config.node.announce;
    BT_TRY_ASSIGN(const auto name, table.string("torrentFile"));
    BT_TRY_ASSIGN(const auto hex, table.string("infoHash"));
    if (name.has_value() == hex.has_value()) return fail(table.error_here("one of torrentFile and infoHash is needed"));
    InfoHash info_hash{};
    if (hex) {
        const auto parsed = parse_info_hash(*hex);
        if (!parsed) return fail(table.error_at("infoHash", "must be 40 hex digits"));
        info_hash = *parsed;
    } else {
        BT_TRY_ASSIGN(const auto torrent, read_torrent(file, table, *name));
        info_hash = torrent->info_hash();
    }
    const auto [at, is_new] = announce.per_torrent.try_emplace(info_hash);
    if (!is_new) return fail(table.error_here("a second table for torrent " + to_hex(info_hash)));
    TorrentSettings& own = at->second;
    BT_TRY_ASSIGN(own.interval, table.duration("interval", seconds(1), kLongestTime));
    BT_TRY_ASSIGN(own.min_interval, table.duration("minInterval", seconds(0), kLongestTime));
    BT_TRY_ASSIGN(own.static_peers, read_peers(table));
    return {};
}

Status add_passkey(const ConfigTable& root, std::string_view key, std::string_view passkey, Config& config) {
    const bool is_plain = std::all_of(passkey.begin(), passkey.end(), [](char c) {
        return c > ' ' && c < 0x7f && std::string_view("/?#%&=").find(c) == std::string_view::npos;
    });
    if (passkey.empty() || passkey.size() > kMaxPasskey || !is_plain) {
        return fail(root.error_at(key, "a passkey has 1 to " + std::to_string(kMaxPasskey) +
                                           " printable characters, none of them a space or one of /?#%&="));
    }
    config.node.announce.passkeys.emplace(passkey);
    return {};
}

}  // namespace

Result<Address> read_address(const ConfigTable& table, std::string_view key, const std::string& text) {
    const auto address = Address::parse(text);
    if (!address) return fail(table.error_at(key, "\"" + text + "\" is no IP address"));
    return *address;
}

Result<std::vector<Address>> read_addresses(const ConfigTable& table, std::string_view key) {
    BT_TRY_ASSIGN(const auto texts, read_texts(table, key));
    std::vector<Address> addresses;
    for (const std::string& text : texts) {
        BT_TRY_ASSIGN(const Address address, read_address(table, key, text));
        if (std::find(addresses.begin(), addresses.end(), address) != addresses.end()) {
            return fail(table.error_at(key, text + " is listed twice"));
        }
        addresses.push_back(address);
    }
    return addresses;
}

Result<std::vector<AddressRange>> read_ranges(const ConfigTable& table, std::string_view key) {
    BT_TRY_ASSIGN(const auto texts, read_texts(table, key));
    std::vector<AddressRange> ranges;
    for (const std::string& text : texts) {
        const auto range = AddressRange::parse(text);
        if (!range) return fail(table.error_at(key, "\"" + text + "\" is no address or range (10.0.0.0/8)"));
        ranges.push_back(*range);
    }
    return ranges;
}

Result<std::vector<KnownPeer>> read_peers(const ConfigTable& table) {
    std::vector<KnownPeer> peers;
    BT_TRY_ASSIGN(const auto tables, table.tables("peers"));
    for (const ConfigTable& entry : tables) BT_TRY(entry.allow_only({"peerId", "ip", "port"}));
    for (const ConfigTable& entry : tables) {
        BT_TRY_ASSIGN(const KnownPeer peer, read_peer(entry));
        const auto same = std::find_if(peers.begin(), peers.end(),
                                       [&](const KnownPeer& other) { return other.endpoint == peer.endpoint; });
        if (same != peers.end()) return fail(entry.error_at("ip", peer.endpoint.to_string() + " is listed twice"));
        peers.push_back(peer);
    }
    return peers;
}

Status read_torrents(const ConfigFile& file, const ConfigTable& root, Config& config) {
    AnnounceSettings& announce = config.node.announce;
    BT_TRY_ASSIGN(const auto names, read_texts(root, "torrentFile"));
    for (const std::string& name : names) {
        BT_TRY_ASSIGN(const auto torrent, read_torrent(file, root, name));
        announce.torrents.push_back(torrent->info_hash());
        config.torrent_names.push_back(torrent->name());
        config.node.lookout.pages.names[torrent->info_hash()] = torrent->name();
    }
    BT_TRY(read_hashes(file, root, "allow", announce.allowed));
    BT_TRY(read_hashes(file, root, "deny", announce.denied));
    BT_TRY_ASSIGN(const auto tables, root.tables("torrents"));
    for (const ConfigTable& table : tables) BT_TRY(read_own_settings(file, table, config));
    // What has settings of its own is served, where only what is listed is.
    if (announce.torrents.empty() && announce.allowed.empty()) return {};
    for (const auto& entry : announce.per_torrent) announce.allowed.insert(entry.first);
    return {};
}

Status read_passkeys(const ConfigFile& file, const ConfigTable& root, Config& config) {
    BT_TRY_ASSIGN(const auto passkeys, root.strings("passkeys"));
    for (const std::string& passkey : passkeys.value_or(std::vector<std::string>())) {
        BT_TRY(add_passkey(root, "passkeys", passkey, config));
    }
    BT_TRY_ASSIGN(const auto name, root.string("passkeyFile"));
    if (!name) return {};
    const auto text = app::read_text_file(file.resolve_path(*name), kMaxListFile);
    if (!text) return fail(root.error_at("passkeyFile", text.error().message()));
    for (std::string_view rest = *text; !rest.empty();) {
        std::string_view line = rest.substr(0, rest.find('\n'));
        rest.remove_prefix(std::min(line.size() + 1, rest.size()));
        if (line.ends_with('\r')) line.remove_suffix(1);
        if (line.empty() || line.starts_with('#')) continue;
        BT_TRY(add_passkey(root, "passkeyFile", line, config));
    }
    // An empty list would let everybody in, which nobody means who names a file.
    if (config.node.announce.passkeys.empty()) return fail(root.error_at("passkeyFile", "there is no passkey in it"));
    return {};
}

}  // namespace bt::tracker
