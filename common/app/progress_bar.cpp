#include "common/app/progress_bar.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace bt::app {
namespace {

bool starts_code_point(char c) { return (static_cast<unsigned char>(c) & 0xC0u) != 0x80u; }

// At most `columns` code points of text, the last one "…" where something was cut off, padded with blanks.
std::string fit(std::string_view text, std::size_t columns) {
    std::string out;
    std::size_t used = 0;
    std::size_t last = 0;  // where the last code point taken starts
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (starts_code_point(text[i])) {
            if (used == columns) {
                out.resize(last);
                return out + "…";
            }
            ++used;
            last = out.size();
        }
        out += static_cast<unsigned char>(text[i]) < 0x20 || text[i] == 0x7f ? '?' : text[i];
    }
    return out + std::string(columns - used, ' ');
}

double fraction_done(const ProgressStats& stats) {
    if (stats.bytes_total == 0) return 0;
    return std::min(1.0, static_cast<double>(stats.bytes_done) / static_cast<double>(stats.bytes_total));
}

// Rounded down: 100.0% is shown when all is there, not before.
std::string percent(double fraction) {
    char text[16];
    std::snprintf(text, sizeof text, "%.1f%%", std::floor(fraction * 1000) / 10);
    return text;
}

std::string pad_left(const std::string& text, std::size_t columns) {
    return text.size() < columns ? std::string(columns - text.size(), ' ') + text : text;
}

std::string peers_text(std::uint32_t peers) {
    if (peers > 999) return "999+ peers";
    return std::to_string(peers) + (peers == 1 ? " peer" : " peers");
}

}  // namespace

std::string human_bytes(double bytes) {
    static constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    if (!(bytes > 0)) bytes = 0;
    bytes = std::min(bytes, 999.9e18);
    std::size_t unit = 0;
    // 999.96 kB would print as 1000.0 kB: go on to the next unit before that.
    while (unit + 1 < std::size(kUnits) && bytes >= (unit == 0 ? 999.5 : 999.95)) {
        bytes /= 1000;
        ++unit;
    }
    char text[32];
    std::snprintf(text, sizeof text, unit == 0 ? "%.0f %s" : "%.1f %s", bytes, kUnits[unit]);
    return text;
}

std::string human_duration(Duration time) {
    const auto total = std::max<long long>(0, std::chrono::duration_cast<seconds>(time).count());
    char text[48];
    if (total < 3600) {
        std::snprintf(text, sizeof text, "%lld:%02lld", total / 60, total % 60);
    } else if (total < 86400) {
        std::snprintf(text, sizeof text, "%lld:%02lld:%02lld", total / 3600, total / 60 % 60, total % 60);
    } else if (total >= 100 * 86400) {
        return ">99d";
    } else {
        std::snprintf(text, sizeof text, "%lldd %lldh", total / 86400, total / 3600 % 24);
    }
    return text;
}

std::string progress_line(const ProgressStats& stats, std::size_t width, bool color) {
    width = std::max<std::size_t>(width, 60);
    const double fraction = fraction_done(stats);
    const bool loading = stats.state == "downloading" || stats.state.empty();
    std::string tail = " " + pad_left(percent(fraction), 6) + " ";
    tail += loading ? pad_left(human_bytes(stats.down_rate) + "/s", 11) : pad_left(fit(stats.state, 11), 11);
    tail += pad_left(peers_text(stats.peers), 10);
    tail += pad_left(stats.eta && loading ? human_duration(*stats.eta) : "", 8);

    const std::size_t name_columns = std::min<std::size_t>(width / 4, 24);
    const std::size_t bar_columns = width - name_columns - 1 - 2 - tail.size();
    const auto filled = static_cast<std::size_t>(fraction * static_cast<double>(bar_columns));
    std::string bar(filled, '=');
    if (filled < bar_columns) {
        if (stats.bytes_done > 0) bar += '>';
        bar.resize(bar_columns, ' ');
    }
    if (color) bar = "\x1b[32m" + bar + "\x1b[0m";
    return fit(stats.name, name_columns) + " [" + bar + "]" + tail;
}

std::string plain_progress_line(const ProgressStats& stats) {
    std::string line(stats.state);
    line += " " + percent(fraction_done(stats)) + " (" + human_bytes(static_cast<double>(stats.bytes_done)) + " of " +
            human_bytes(static_cast<double>(stats.bytes_total)) + "), down " + human_bytes(stats.down_rate) +
            "/s, up " + human_bytes(stats.up_rate) + "/s, " + peers_text(stats.peers);
    if (stats.eta) line += ", " + human_duration(*stats.eta) + " left";
    return line;
}

bool colors_allowed(bool is_terminal, const char* no_color, const char* term) {
    if (!is_terminal) return false;
    if (no_color != nullptr && *no_color != '\0') return false;
    return term == nullptr || std::string_view(term) != "dumb";
}

}  // namespace bt::app
