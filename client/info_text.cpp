#include "client/info_text.h"

#include <algorithm>
#include <ctime>

#include "common/app/progress_bar.h"
#include "common/app/terminal_text.h"
#include "common/base/encoding.h"
#include "common/meta/bencode_json.h"

namespace bt::client {
namespace {

std::string bytes_text(std::uint64_t bytes) {
    const std::string exact = std::to_string(bytes) + (bytes == 1 ? " byte" : " bytes");
    return bytes < 1000 ? exact : app::human_bytes(static_cast<double>(bytes)) + " (" + exact + ")";
}

// Piece lengths are powers of two, nearly always.
std::string piece_text(std::uint32_t bytes) {
    if (bytes % (1u << 20) == 0) return std::to_string(bytes >> 20) + " MiB";
    if (bytes % (1u << 10) == 0) return std::to_string(bytes >> 10) + " KiB";
    return bytes_text(bytes);
}

void add_string(std::string& out, const char* key, std::string_view value) {
    out += std::string("\"") + key + "\":";
    meta::append_lossless_json_string(out, value);
}

// Calls add(out, element) for each with commas between, in brackets.
template <class List, class Add>
void add_list(std::string& out, const List& list, Add add) {
    out += '[';
    bool first = true;
    for (const auto& element : list) {
        if (!first) out += ',';
        first = false;
        add(out, element);
    }
    out += ']';
}

std::string hash_of(const meta::Metainfo& metainfo, std::uint32_t piece) {
    return to_hex(metainfo.piece_hash(PieceIndex(piece)));
}

std::string label(const char* name) { return app::fit(std::string(name) + ":", 14); }

}  // namespace

std::string date_text(std::int64_t unix_time) {
    const std::time_t time = unix_time;
    std::tm parts{};
    char text[64];
    if (gmtime_r(&time, &parts) == nullptr || std::strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
        return std::to_string(unix_time);
    }
    return text;
}

std::string info_fixed(const meta::Metainfo& metainfo, const TrackerTiers& tiers) {
    std::string out = "Tracker URL: " + (tiers.empty() ? "" : app::printable(tiers.front().front())) + "\n";
    out += "Length: " + std::to_string(metainfo.layout().total_length()) + "\n";
    out += "Info Hash: " + to_hex(metainfo.info_hash()) + "\n";
    out += "Piece Length: " + std::to_string(metainfo.layout().piece_length()) + "\nPiece Hashes:\n";
    for (std::uint32_t i = 0; i < metainfo.layout().piece_count(); ++i) out += hash_of(metainfo, i) + "\n";
    return out;
}

std::string info_json(const meta::Metainfo& metainfo, const TrackerTiers& tiers) {
    const auto text = [](std::string& out, const std::string& value) { meta::append_lossless_json_string(out, value); };
    std::string out = "{";
    add_string(out, "name", metainfo.name());
    out += ",";
    add_string(out, "info_hash", to_hex(metainfo.info_hash()));
    out += ",\"length\":" + std::to_string(metainfo.layout().total_length());
    out += ",\"piece_length\":" + std::to_string(metainfo.layout().piece_length());
    out += std::string(",\"private\":") + (metainfo.is_private() ? "true" : "false");
    out += std::string(",\"multi_file\":") + (metainfo.is_multi_file() ? "true" : "false") + ",\"trackers\":";
    add_list(out, tiers, [&](std::string& o, const std::vector<std::string>& tier) { add_list(o, tier, text); });
    if (!metainfo.comment().empty()) add_string(out += ',', "comment", metainfo.comment());
    if (!metainfo.created_by().empty()) add_string(out += ',', "created_by", metainfo.created_by());
    if (metainfo.creation_date()) out += ",\"creation_date\":" + std::to_string(*metainfo.creation_date());
    out += ",\"files\":";
    add_list(out, metainfo.files(), [](std::string& o, const meta::FileEntry& file) {
        add_string(o += '{', "path", file.path);
        o += ",\"length\":" + std::to_string(file.length) + "}";
    });
    out += ",\"piece_hashes\":[";
    for (std::uint32_t i = 0; i < metainfo.layout().piece_count(); ++i) {
        out += (i == 0 ? "\"" : ",\"") + hash_of(metainfo, i) + "\"";
    }
    return out + "]}\n";
}

std::string info_full(const meta::Metainfo& metainfo, const TrackerTiers& tiers) {
    const auto& layout = metainfo.layout();
    std::string out = label("Name") + app::printable(metainfo.name()) + "\n";
    out += label("Info Hash") + to_hex(metainfo.info_hash()) + "\n";
    out += label("Size") + bytes_text(layout.total_length()) + "\n";
    out += label("Pieces") + std::to_string(layout.piece_count()) + " of " + piece_text(layout.piece_length()) + "\n";
    out += label("Private") + (metainfo.is_private() ? "yes: peers from the trackers only" : "no") + "\n";
    if (metainfo.creation_date()) out += label("Created") + date_text(*metainfo.creation_date()) + "\n";
    if (!metainfo.created_by().empty()) out += label("Created by") + app::printable(metainfo.created_by()) + "\n";
    if (!metainfo.comment().empty()) out += label("Comment") + app::printable(metainfo.comment()) + "\n";
    out += tiers.empty() ? "Trackers:     none\n" : "Trackers:\n";
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        for (const std::string& url : tiers[i]) {
            out += "  tier " + std::to_string(i + 1) + "  " + app::printable(url) + "\n";
        }
    }
    out += "Files:\n";
    const std::size_t digits = std::to_string(metainfo.files().size()).size();
    for (std::size_t i = 0; i < metainfo.files().size(); ++i) {
        const meta::FileEntry& file = metainfo.files()[i];
        const std::string number = std::to_string(i + 1);
        const std::string size = app::human_bytes(static_cast<double>(file.length));
        out += std::string(2 + digits - number.size(), ' ') + number + "  " +
               std::string(size.size() < 8 ? 8 - size.size() : 0, ' ') + size + "  " + app::printable(file.path) + "\n";
    }
    return out;
}

}  // namespace bt::client
