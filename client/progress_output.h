#pragma once

// Shows a session while it runs, and sums it up at the end. Where standard error is a terminal a live view is redrawn
// in place; elsewhere a line now and then; with --json objects on standard output; with --quiet nothing.
//
// The terminal's modes and cursor are left alone, so there is nothing to restore however the program ends: the view is
// rows of text that are written over. Its size is asked for at each drawing, rows that a narrower terminal has
// folded are counted.

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "client/arguments.h"
#include "client/session.h"
#include "client/view.h"
#include "common/app/log.h"

namespace bt::client {

class ProgressOutput {
  public:
    ProgressOutput(const ViewOptions& options, const app::Log& log, Duration json_interval);

    [[nodiscard]] bool wants_peers() const { return options_.details && style_ != Style::None; }
    void show(const SessionView& session, TimePoint now);
    // A line for the log that must not end up inside the view.
    void note(const std::string& text);
    // The last state stays on the terminal; what follows starts on a line of its own.
    void settle();
    void summarise(const TorrentResult& result) const;

  private:
    enum class Style : std::uint8_t { None, Live, Lines, Json };

    void draw(const SessionView& session);
    void erase();
    void write_lines(const SessionView& session, TimePoint now);
    void write_json(const SessionView& session, TimePoint now);

    ViewOptions options_;
    const app::Log& log_;
    Duration json_interval_;
    Style style_ = Style::None;
    bool color_ = false;
    std::vector<std::string> drawn_;
    TimePoint next_{};
    std::map<std::string, Phase> phases_;  // as last written, by info_hash
};

// "complete: NAME, 1.2 GB in 1:23 (14.4 MB/s), downloaded …, uploaded …, ratio 0.12, peers 4 of 12, hash failures 0"
[[nodiscard]] std::string summary_line(const TorrentResult& result);
[[nodiscard]] std::string summary_json(const TorrentResult& result);

// Rows that lines take on a terminal of `width` columns.
[[nodiscard]] std::size_t rows_of(const std::vector<std::string>& lines, std::size_t width);

}  // namespace bt::client
