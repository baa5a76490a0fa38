#pragma once

// The events of all nodes of a run as one file in order of time: `events.jsonl` in the run's folder.
//
// A node's `t` counts from its own start. The lab knows when each line came, so the instant that `t` = 0 was is at most
// (came at - t), for every line; the least of those is taken: it is late by the shortest way that a line ever had,
// mostly well below a millisecond. A node that was started again counts from its next start. Each line gets `at`,
// seconds since the run began, in front of what the node wrote. Lines of one node keep their order. Cost: one number is
// read from each line when it comes; the merge reads every file once, with one line of each in memory.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace bt::lab {

// The clock of one node, one start after the other.
class EventClock {
  public:
    // It was started; lines from here on count from there.
    void on_start();
    // Answers nothing; a line without "t" in front counts for nothing.
    void on_line(std::string_view line, double came_at_s);

    struct Start {
        std::uint64_t first_line = 0;
        double zero_at_s = 0;
    };
    [[nodiscard]] const std::vector<Start>& starts() const { return starts_; }

  private:
    std::uint64_t lines_ = 0;
    bool known_ = false;  // zero_at_s of the last start
    std::vector<Start> starts_;
};

// What stands behind {"t": in a line of events; negative where it does not begin so.
[[nodiscard]] double event_time(std::string_view line);

struct EventSource {
    std::filesystem::path file;
    std::vector<EventClock::Start> starts;
};
[[nodiscard]] Status merge_events(const std::vector<EventSource>& sources, const std::filesystem::path& target);

}  // namespace bt::lab
