#pragma once

// What a scenario does to its swarm while it runs, and when. Pure: told the time, the events and the state of the
// nodes, it says which entry is due; the Director knows what that means.
//
// Rules
//  - Times count from the start of the clients (begin()); nothing fires before.
//  - An entry fires once: at its time, or when its condition holds for the first time. Conditions on events count from
//    the run's start, also what came before begin().
//  - An entry with a duration is undone once, that long after it fired.
//  - Steps come out in the order in which they became due; of one instant in the order of the scenario.
// Cost: an event line is compared with each entry that waits for events; update() looks at each entry that has not
// fired.

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/time.h"
#include "lab/condition.h"
#include "lab/node_status.h"

namespace bt::lab {

inline constexpr std::size_t kMaxTimeline = 1000;  // entries

enum class Deed : std::uint8_t {
    Start,      // nodes that wait, or were taken down
    Stop,       // asked to end
    Kill,       // SIGKILL
    Restart,    // asked to end, then started again
    Pause,      // SIGSTOP
    Resume,     // SIGCONT
    Partition,  // links between two sides cut
    Heal,
    Limit,    // upload and download rate
    Corrupt,  // bytes of a piece in its files
};
[[nodiscard]] std::string_view deed_name(Deed deed);
[[nodiscard]] std::optional<Deed> deed_named(std::string_view name);
// What takes it back, where something does.
[[nodiscard]] std::optional<Deed> undo_of(Deed deed);

// Bytes per second; nothing: as it was; 0: no limit.
struct RateLimits {
    std::optional<std::uint64_t> upload, download;
    friend bool operator==(const RateLimits&, const RateLimits&) = default;
};

struct TimelineEntry {
    std::optional<Duration> at;  // exactly one of the two
    std::optional<Condition> when;
    Deed deed = Deed::Start;
    std::string nodes;                   // pattern
    std::optional<Duration> lasts;       // then it is undone
    std::string others;                  // Partition, Heal: the other side; empty: everybody else
    RateLimits limits;                   // Limit
    std::optional<std::uint32_t> piece;  // Corrupt; nothing: the first one that is there
    bool optional = false;               // need not fire
    std::uint32_t line = 0;              // of the file
    bool arrival = false;                // made by the lab for a group's start time; no note, no verdict
};

struct TimelineStep {
    std::size_t entry = 0;
    bool undo = false;
};

// What became of an entry, in seconds since begin().
struct TimelineRecord {
    std::optional<double> fired_at, undone_at;
    std::uint32_t done = 0;  // to so many nodes; where it fired and did nothing it might as well not be there
};

class Timeline {
  public:
    explicit Timeline(std::vector<TimelineEntry> entries);

    void begin(TimePoint now);
    void on_event_line(std::string_view node, std::string_view line);
    void update(std::span<const NodeStatus> nodes, TimePoint now);
    [[nodiscard]] std::optional<TimelineStep> poll_step();
    [[nodiscard]] const TimelineStep* next_step() const { return steps_.empty() ? nullptr : &steps_.front(); }
    void on_done(std::size_t entry) { ++records_[entry].done; }
    [[nodiscard]] TimePoint next_deadline() const;

    [[nodiscard]] const std::vector<TimelineEntry>& entries() const { return entries_; }
    [[nodiscard]] const std::vector<TimelineRecord>& records() const { return records_; }
    // "kill client-2", "kill client-2, undone".
    [[nodiscard]] std::string describe(const TimelineStep& step) const;

  private:
    [[nodiscard]] bool is_due(std::size_t index, std::span<const NodeStatus> nodes, TimePoint now) const;

    std::vector<TimelineEntry> entries_;
    std::vector<TimelineRecord> records_;
    std::vector<std::uint64_t> matched_;  // events, per entry
    std::vector<TimePoint> undo_at_;
    std::deque<TimelineStep> steps_;
    std::optional<TimePoint> begin_;
};

}  // namespace bt::lab
