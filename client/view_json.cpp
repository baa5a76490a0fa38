// Progress for machines: one object a line. docs/formats.md has the keys.

#include <algorithm>
#include <cstdio>

#include "client/view.h"
#include "common/meta/bencode_json.h"

namespace bt::client {
namespace {

void add_text(std::string& out, const char* key, std::string_view value) {
    out += std::string(",\"") + key + "\":";
    meta::append_lossless_json_string(out, value);
}

void add_number(std::string& out, const char* key, std::uint64_t value) {
    out += std::string(",\"") + key + "\":" + std::to_string(value);
}

void add_fraction(std::string& out, const char* key, double value) {
    char text[32];
    std::snprintf(text, sizeof text, "%.4f", value);
    out += std::string(",\"") + key + "\":" + text;
}

void add_peers(std::string& out, const TorrentView& torrent) {
    out += ",\"peer_list\":[";
    for (const PeerView& peer : torrent.peers) {
        if (&peer != &torrent.peers.front()) out += ',';
        out += "{\"address\":";
        meta::append_lossless_json_string(out, peer.address);
        add_text(out, "client", peer.client);
        add_text(out, "flags", peer_flags(peer));
        add_number(out, "have", peer.have);
        add_number(out, "down_rate", peer.down_rate);
        add_number(out, "up_rate", peer.up_rate);
        add_number(out, "requests", peer.requests);
        add_text(out, "choke_reason", peer.choke_reason);
        out += '}';
    }
    out += ']';
}

}  // namespace

std::string progress_json(const TorrentView& torrent, Duration time, bool details) {
    char start[48];
    std::snprintf(start, sizeof start, "{\"time\":%.3f", to_seconds(time));
    std::string out = start;
    add_text(out, "name", torrent.name);
    add_text(out, "info_hash", torrent.info_hash);
    add_text(out, "state", phase_name(torrent.phase));
    add_text(out, "words", state_words(torrent));
    add_fraction(out, "progress", share_done(torrent));
    add_number(out, "have", torrent.have);
    add_number(out, "wanted", torrent.wanted);
    add_number(out, "down_rate", torrent.down_rate);
    add_number(out, "up_rate", torrent.up_rate);
    add_number(out, "downloaded", torrent.downloaded);
    add_number(out, "uploaded", torrent.uploaded);
    add_fraction(out, "ratio",
                 torrent.wanted == 0 ? 0 : static_cast<double>(torrent.uploaded) / static_cast<double>(torrent.wanted));
    const auto eta = time_left(torrent);
    out += ",\"eta\":" + (eta ? std::to_string(std::chrono::duration_cast<seconds>(*eta).count()) : "null");
    add_number(out, "connected", torrent.connected);
    add_number(out, "connecting", torrent.connecting);
    add_number(out, "known", torrent.known);
    add_number(out, "banned", torrent.banned);
    add_number(out, "hash_failures", torrent.hash_failures);
    add_number(out, "wasted", torrent.wasted);
    if (details) add_peers(out, torrent);
    return out + "}\n";
}

}  // namespace bt::client
