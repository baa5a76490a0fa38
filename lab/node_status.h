#pragma once

// What is known of one node: what the lab did with it, and what its events said (common/telemetry/event.h). Pure.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "lab/node_kind.h"

namespace bt::lab {

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
    bool stopped_early = false;  // asked to end before it was ready

    // Seconds since the run began.
    std::optional<double> started_at, ready_at, completed_at, ended_at;

    std::string listen;    // from `ready`
    std::string announce;  // tracker
    std::string state;     // from `stats`
    double progress = 0;
    std::uint64_t have = 0;
    std::uint64_t pieces = 0;
    std::uint64_t downloaded = 0;
    std::uint64_t uploaded = 0;
    double down_rate = 0;
    double up_rate = 0;
    std::uint64_t peers = 0;
    std::uint64_t hash_failures = 0;
    std::uint64_t wasted = 0;         // bytes received twice, or for nothing
    std::vector<std::string> banned;  // addresses "IP:PORT" that it banned, each time

    std::uint64_t events = 0;          // lines understood
    std::uint64_t bad_events = 0;      // lines that were no event
    std::uint64_t dropped_events = 0;  // which the node says it could not deliver
    std::string last_log;              // last line of its standard error or output
    std::string exit_reason;
    std::optional<int> exit_code;  // or
    std::optional<int> signal;
    std::vector<int> allowed_exits;  // of another program; -N: signal N. Empty: as the scenario says
    bool killed = false;             // did not end within the bound

    [[nodiscard]] bool is_running() const {
        return phase == Phase::Started || phase == Phase::Ready || phase == Phase::Stopping;
    }
};

// One line of the node's events. False when it is none.
bool apply_event_line(NodeStatus& node, std::string_view line, double now_s);

// "exit code 7 (disk error: …)", "signal 11"; empty while it runs.
[[nodiscard]] std::string how_it_ended(const NodeStatus& node);

}  // namespace bt::lab
