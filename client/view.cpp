#include "client/view.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "common/app/progress_bar.h"
#include "common/app/terminal_text.h"

namespace bt::client {
namespace {

constexpr std::size_t kMinWidth = 20;
constexpr std::size_t kMinBar = 10;
constexpr std::size_t kMaxBar = 60;
constexpr std::size_t kAddressWidth = 21;  // 255.255.255.255:65535

std::string right(const std::string& text, std::size_t width) {
    const std::size_t used = app::columns(text);
    return used < width ? std::string(width - used, ' ') + text : text;
}

std::string percent(double share) {
    char text[16];
    std::snprintf(text, sizeof text, "%.1f%%", std::floor(share * 1000) / 10);
    return text;
}

std::string rate(std::uint64_t bytes) { return app::human_bytes(static_cast<double>(bytes)) + "/s"; }

std::string ratio(const TorrentView& torrent) {
    if (torrent.wanted == 0) return "-";
    char text[32];
    std::snprintf(text, sizeof text, "%.2f",
                  std::min(9999.0, static_cast<double>(torrent.uploaded) / static_cast<double>(torrent.wanted)));
    return text;
}

std::string bar(const TorrentView& torrent, std::size_t width, bool color) {
    const double share = share_done(torrent);
    const auto filled = static_cast<std::size_t>(share * static_cast<double>(width));
    std::string text(filled, '=');
    if (filled < width && share > 0) text += '>';
    text.resize(width, ' ');
    if (!color) return "[" + text + "]";
    const char* paint = torrent.phase == Phase::Failed     ? "\x1b[31m"
                        : torrent.phase == Phase::Checking ? "\x1b[33m"
                                                           : "\x1b[32m";
    return std::string("[") + paint + text + "\x1b[0m]";
}

// Name to the left, state to the right; both cut where the line is too short.
std::string head_line(const TorrentView& torrent, std::size_t width) {
    std::string state = app::printable(state_words(torrent));
    const std::size_t name_width = app::columns(app::printable(torrent.name));
    // The state may have six tenths of the line, or what the name leaves of it.
    const std::size_t for_state = std::max(width * 6 / 10, width - std::min(width, name_width + 2));
    state = app::cut(state, std::min(for_state, app::columns(state)));
    const std::size_t used = app::columns(state);
    if (used + 2 >= width) return app::cut(state, width);
    return app::fit(torrent.name, width - used - 2) + "  " + state;
}

std::string figures_line(const TorrentView& torrent, const ViewStyle& style) {
    const bool moving = torrent.phase != Phase::Checking;
    const auto eta = time_left(torrent);
    struct Part {
        std::string text;
        int rank;  // the highest is left out first
    };
    std::vector<Part> parts = {{right(percent(share_done(torrent)), 7), 0}};
    if (moving) {
        parts.push_back({" ↓" + right(rate(torrent.down_rate), 11), 1});
        parts.push_back({" ↑" + right(rate(torrent.up_rate), 11), 4});
        parts.push_back({right(eta ? app::human_duration(*eta) : "", 9), 3});
        parts.push_back({right(std::to_string(torrent.connected) + "/" + std::to_string(torrent.known), 8), 2});
        parts.push_back({right(ratio(torrent), 7), 5});
    }
    const auto total = [&] {
        std::size_t sum = 0;
        for (const Part& part : parts) sum += app::columns(part.text);
        return sum;
    };
    while (parts.size() > 1 && total() + kMinBar + 3 > style.width) {
        parts.erase(std::ranges::max_element(parts, {}, &Part::rank));
    }
    const std::size_t used = total();
    std::string line;
    if (style.width >= used + kMinBar + 3) {
        line = " " + bar(torrent, std::min(kMaxBar, style.width - used - 3), style.color);
    }
    for (const Part& part : parts) line += part.text;
    return line;
}

std::string peer_line(const PeerView& peer, std::uint32_t pieces, std::size_t width) {
    const double share = pieces == 0 ? 0 : std::min(1.0, static_cast<double>(peer.have) / pieces);
    std::string line = "   " + app::fit(peer.address, kAddressWidth) + " " + app::fit(peer_flags(peer), 6);
    line += right(std::to_string(static_cast<int>(std::floor(share * 100))) + "%", 5);
    line += right(rate(peer.down_rate), 12) + right(rate(peer.up_rate), 12) + "  ";
    std::string why = app::printable(peer.client);
    const auto say = [&](const std::string& text) { why += (why.empty() ? "" : ", ") + text; };
    if (peer.snubbed) say("silent for a minute");
    if (!peer.choke_reason.empty()) say((peer.am_choking ? "choked: " : "unchoked: ") + peer.choke_reason);
    return app::cut(line + why, width);
}

std::string total_line(const SessionView& session, std::size_t width) {
    std::uint64_t down = 0, up = 0, connected = 0;
    for (const TorrentView& torrent : session.torrents) {
        down += torrent.down_rate;
        up += torrent.up_rate;
        connected += torrent.connected;
    }
    const auto limit = [](std::uint64_t value) { return value == 0 ? "" : " of " + rate(value); };
    return app::cut(std::to_string(session.torrents.size()) + " torrents  ↓ " + rate(down) +
                        limit(session.download_limit) + "  ↑ " + rate(up) + limit(session.upload_limit) + "  " +
                        std::to_string(connected) + (connected == 1 ? " peer" : " peers"),
                    width);
}

}  // namespace

std::vector<std::string> live_view(const SessionView& session, const ViewStyle& given) {
    ViewStyle style = given;
    style.width = std::max(style.width, kMinWidth);
    const bool several = session.torrents.size() > 1;
    const std::size_t room = std::max<std::size_t>(style.height, several ? 4 : 3) - (several ? 1 : 0);
    std::vector<std::string> lines;
    std::size_t shown = 0;
    for (const TorrentView& torrent : session.torrents) {
        const bool last = shown + 1 == session.torrents.size();
        if (lines.size() + 2 + (last ? 0 : 1) > room) break;
        lines.push_back(head_line(torrent, style.width));
        lines.push_back(figures_line(torrent, style));
        ++shown;
        if (!style.details) continue;
        // The torrents behind this one keep their lines.
        const std::size_t kept = 2 * (session.torrents.size() - shown);
        const std::size_t free = room > lines.size() + kept ? room - lines.size() - kept : 0;
        const std::size_t count =
            torrent.peers.size() <= free ? torrent.peers.size() : free - std::min<std::size_t>(free, 1);
        for (std::size_t i = 0; i < count; ++i) {
            lines.push_back(peer_line(torrent.peers[i], torrent.pieces, style.width));
        }
        if (count < torrent.peers.size() && free > 0) {
            lines.push_back(
                app::cut("   and " + std::to_string(torrent.peers.size() - count) + " more peers", style.width));
        }
    }
    if (shown < session.torrents.size()) {
        lines.push_back(
            app::cut("and " + std::to_string(session.torrents.size() - shown) + " more torrents", style.width));
    }
    if (several) lines.push_back(total_line(session, style.width));
    return lines;
}

std::string plain_line(const TorrentView& torrent) {
    std::string line = app::printable(torrent.name) + ": " + app::printable(state_words(torrent));
    if (torrent.phase == Phase::Checking || !torrent.has_metadata) return line;
    line += ", " + percent(share_done(torrent)) + " (" + app::human_bytes(static_cast<double>(torrent.have)) + " of " +
            app::human_bytes(static_cast<double>(torrent.wanted)) + "), down " + rate(torrent.down_rate) + ", up " +
            rate(torrent.up_rate) + ", peers " + std::to_string(torrent.connected) + "/" +
            std::to_string(torrent.known) + ", ratio " + ratio(torrent);
    if (const auto eta = time_left(torrent)) line += ", " + app::human_duration(*eta) + " left";
    return line;
}

}  // namespace bt::client
