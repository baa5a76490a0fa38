#pragma once

// What is known of one node: what the lab did with it, and what its events said (common/telemetry/event.h). Pure.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "lab/node_kind.h"

namespace bt::lab {

// What a program counts from its start; nothing where it has not said so.
struct Totals {
    std::optional<std::uint64_t> downloaded, uploaded, hash_failures;
    std::optional<std::uint64_t> wasted;  // bytes received twice, or for nothing
};

enum class Phase : std::uint8_t { Waiting, Started, Ready, Stopping, Ended };

struct NodeStatus {
    std::string name;
    NodeKind kind = NodeKind::Client;
    std::string program;  // other people's: the adapter's name
    std::string host;     // of a cluster; empty: here
    std::string address;
    bool must_complete = true;  // a client that the run waits for
    Phase phase = Phase::Waiting;
    std::uint32_t starts = 0;
    bool taken_down = false;        // by the timeline: its end is no loss
    bool start_when_ended = false;  // by the timeline
    bool paused = false;
    std::uint32_t pauses = 0;  // that nobody has taken back
    bool scripted = false;     // a peer that does a script
    std::uint64_t scripts_done = 0, scripts_failed = 0;
    bool stopped_early = false;  // asked to end before it was ready

    // Seconds since the run began.
    std::optional<double> started_at, ready_at, completed_at, ended_at;

    std::string listen;    // from `ready`
    std::string announce;  // tracker
    std::string state;     // from `stats`
    double progress = 0;
    std::uint64_t have = 0;
    std::uint64_t pieces = 0;
    Totals total;                     // over all its starts
    Totals before;                    // of the processes that are gone
    std::uint64_t pieces_failed = 0;  // that this process said one by one: a kill takes the stats that would count them
    double down_rate = 0;
    double up_rate = 0;
    std::uint64_t peers = 0;
    std::vector<std::string> banned;  // addresses "IP:PORT" that it banned, each time

    std::uint64_t events = 0;          // lines understood
    std::uint64_t bad_events = 0;      // lines that were no event
    std::uint64_t dropped_events = 0;  // which the node says it could not deliver
    std::string last_log;              // last line of its standard error or output
    std::string exit_reason;
    std::optional<int> exit_code;  // or
    std::optional<int> signal;
    std::vector<int> allowed_exits;  // of another program; -N: signal N. Empty: as the scenario says
    bool killed = false;             // did not end within the bound, once
    struct End {
        std::optional<int> exit_code, signal;
    };
    std::vector<End> earlier_ends;  // that nobody asked for, before it was started again

    [[nodiscard]] bool is_running() const {
        return phase == Phase::Started || phase == Phase::Ready || phase == Phase::Stopping;
    }
};

// A new process of it counts from zero. How the last one ended is kept where nobody asked for it.
void begin_process(NodeStatus& node);

// What the seeders, clients and peers (or those of one kind) counted together; nothing where one that was ready does
// not say.
[[nodiscard]] std::optional<std::uint64_t> sum_of(std::span<const NodeStatus> nodes,
                                                  std::optional<std::uint64_t> Totals::*what,
                                                  std::optional<NodeKind> kind = std::nullopt);

// One line of the node's events. False when it is none.
bool apply_event_line(NodeStatus& node, std::string_view line, double now_s);

// By a signal that nobody sends to end a program: it went wrong, asked to end or not.
[[nodiscard]] bool is_crash(const std::optional<int>& signal);

// "exit code 7 (disk error: …)", "signal 11"; empty while it runs.
[[nodiscard]] std::string how_it_ended(const NodeStatus& node);

}  // namespace bt::lab
