#include "client/progress_output.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

#include "client/torrent_end.h"
#include "common/app/progress_bar.h"
#include "common/app/terminal_text.h"
#include "common/base/encoding.h"
#include "common/meta/bencode_json.h"

namespace bt::client {
namespace {

constexpr Duration kLineInterval = seconds(5);
constexpr Duration kLateLineInterval = seconds(30);
constexpr Duration kLate = minutes(1);

winsize terminal_size() {
    winsize size{};
    if (ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) size.ws_col = 80;
    if (size.ws_row == 0) size.ws_row = 24;
    return size;
}

void write_all(std::FILE* file, const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), file);
    std::fflush(file);
}

// Colours take no columns.
std::size_t visible_columns(std::string_view line) {
    std::string plain;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '\x1b') {
            i = std::min(line.find('m', i), line.size() - 1);
        } else {
            plain += line[i];
        }
    }
    return app::columns(plain);
}

double elapsed_seconds(const TorrentResult& result) {
    return std::max(to_seconds(result.completed_after.value_or(result.running)), 0.001);
}

double ratio(const TorrentResult& result) {
    return result.wanted == 0
               ? 0
               : static_cast<double>(result.snapshot.stats.uploaded) / static_cast<double>(result.wanted);
}

}  // namespace

std::size_t rows_of(const std::vector<std::string>& lines, std::size_t width) {
    std::size_t rows = 0;
    for (const std::string& line : lines) {
        const std::size_t used = std::max<std::size_t>(visible_columns(line), 1);
        rows += (used + width - 1) / std::max<std::size_t>(width, 1);
    }
    return rows;
}

std::string summary_line(const TorrentResult& result) {
    const auto bytes = [](auto value) { return app::human_bytes(static_cast<double>(value)); };
    const auto& stats = result.snapshot.stats;
    char text[32];
    std::snprintf(text, sizeof text, "%.2f", ratio(result));
    return std::string(result.end == TorrentEnd::Done ? "complete: " : "stopped: ") + app::printable(result.name) +
           ", " + bytes(result.wanted) + " in " + app::human_duration(result.completed_after.value_or(result.running)) +
           " (" + bytes(static_cast<double>(stats.downloaded) / elapsed_seconds(result)) + "/s), downloaded " +
           bytes(stats.downloaded) + ", uploaded " + bytes(stats.uploaded) + ", ratio " + text + ", peers " +
           std::to_string(stats.connected) + " of " + std::to_string(stats.known) + ", hash failures " +
           std::to_string(stats.hash_failures);
}

std::string summary_json(const TorrentResult& result) {
    const auto& stats = result.snapshot.stats;
    std::string out = "{\"summary\":";
    meta::append_lossless_json_string(out, torrent_end_name(result.end));
    out += ",\"name\":";
    meta::append_lossless_json_string(out, result.name);
    out += ",\"info_hash\":\"" + to_hex(result.info_hash) + "\"";
    char text[128];
    std::snprintf(text, sizeof text, ",\"seconds\":%.3f,\"mean_rate\":%.0f,\"ratio\":%.4f",
                  to_seconds(result.completed_after.value_or(result.running)),
                  static_cast<double>(stats.downloaded) / elapsed_seconds(result), ratio(result));
    out += text;
    const std::pair<const char*, std::uint64_t> numbers[] = {
        {"wanted", result.wanted},      {"downloaded", stats.downloaded}, {"uploaded", stats.uploaded},
        {"connected", stats.connected}, {"known", stats.known},           {"hash_failures", stats.hash_failures},
        {"wasted", stats.wasted},
    };
    for (const auto& [key, value] : numbers) out += std::string(",\"") + key + "\":" + std::to_string(value);
    return out + "}\n";
}

ProgressOutput::ProgressOutput(const ViewOptions& options, const app::Log& log, Duration json_interval)
    : options_(options), log_(log), json_interval_(json_interval) {
    const bool terminal = isatty(STDERR_FILENO) == 1;
    const char* term = std::getenv("TERM");
    const bool dumb = term != nullptr && std::string_view(term) == "dumb";
    color_ = app::colors_allowed(terminal, std::getenv("NO_COLOR"), term);
    if (options.json) {
        style_ = Style::Json;
    } else if (!options.quiet && log.wants(app::Severity::Info)) {
        style_ = terminal && !dumb ? Style::Live : Style::Lines;
    }
}

void ProgressOutput::show(const SessionView& session, TimePoint now) {
    switch (style_) {
        case Style::None:
            return;
        case Style::Live:
            return draw(session);
        case Style::Lines:
            return write_lines(session, now);
        case Style::Json:
            return write_json(session, now);
    }
}

void ProgressOutput::draw(const SessionView& session) {
    const winsize size = terminal_size();
    ViewStyle style;
    style.width = std::max<std::size_t>(size.ws_col, 2) - 1;
    style.height = std::max<std::size_t>(size.ws_row, 2) - 1;
    style.color = color_;
    style.details = options_.details;
    std::vector<std::string> lines = live_view(session, style);
    std::string out;
    if (const std::size_t rows = std::min<std::size_t>(rows_of(drawn_, size.ws_col), size.ws_row); rows > 0) {
        out += "\x1b[" + std::to_string(rows) + "A";
    }
    out += '\r';
    for (const std::string& line : lines) out += line + "\x1b[K\n";
    write_all(stderr, out + "\x1b[J");
    drawn_ = std::move(lines);
}

void ProgressOutput::erase() {
    if (drawn_.empty()) return;
    write_all(stderr, "\x1b[" + std::to_string(rows_of(drawn_, terminal_size().ws_col)) + "A\r\x1b[J");
    drawn_.clear();
}

void ProgressOutput::write_lines(const SessionView& session, TimePoint now) {
    const bool due = now >= next_;
    if (due) next_ = now + (session.running >= kLate ? kLateLineInterval : kLineInterval);
    for (const TorrentView& torrent : session.torrents) {
        const auto [known, added] = phases_.try_emplace(torrent.info_hash, torrent.phase);
        const bool changed = added || known->second != torrent.phase;
        known->second = torrent.phase;
        // What has ended is told by the summary.
        const bool ended = torrent.phase == Phase::Done || torrent.phase == Phase::Stopping;
        if ((due || changed) && !ended) log_.info(plain_line(torrent));
    }
}

void ProgressOutput::write_json(const SessionView& session, TimePoint now) {
    if (now < next_) return;
    next_ = now + json_interval_;
    std::string out;
    for (const TorrentView& torrent : session.torrents) {
        out += progress_json(torrent, now.time_since_epoch(), options_.details);
    }
    write_all(stdout, out);
}

void ProgressOutput::note(const std::string& text) {
    if (options_.quiet) return;
    erase();
    log_.info(text);
}

void ProgressOutput::settle() { drawn_.clear(); }

void ProgressOutput::summarise(const TorrentResult& result) const {
    if (style_ == Style::Json) {
        write_all(stdout, summary_json(result));
    } else if (!options_.quiet) {
        log_.info(summary_line(result));
    }
}

}  // namespace bt::client
