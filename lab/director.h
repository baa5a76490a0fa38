#pragma once

// Decides what happens next in a run: tracker, torrent, seeders, clients, the end. Pure: it is told what happened and
// answers with actions; the shell (lab/run.cpp) starts processes and hands in time.
//
// Rules
//  - A step begins when the one before it has *said* that it is ready (an event), never after a time. Limits on time
//    exist to end a run that hangs: kReadyWithin since the last sign of life, and the scenario's all_complete_within,
//    which counts from the start of the clients.
//  - The run is over when all clients are complete, when a limit passes, when a node that is needed ends by itself,
//    or when the user interrupts. Then every node is told to stop: clients and seeders first, so that the tracker
//    still hears them leave; who is still there after kStopWithin is killed. A second interrupt kills at once.
//  - Whatever happens, is_done() comes only when no process is left.

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lab/node_status.h"
#include "lab/plan.h"

namespace bt::lab {

enum class Outcome : std::uint8_t {
    Complete,       // every client has every piece
    TimedOut,       // all_complete_within passed
    NodeLost,       // a node ended, or said nothing, before the end
    ScenarioWrong,  // a program refused the options that the scenario gave it
    Environment,    // something here is missing or refused
    Interrupted,
};
[[nodiscard]] std::string_view outcome_name(Outcome outcome);

struct StartNode {
    std::size_t node;
};
struct MakeTorrent {
    std::string announce;
};
struct SignalNode {
    std::size_t node;
    bool kill;
};
using Action = std::variant<StartNode, MakeTorrent, SignalNode>;

class Director {
  public:
    static constexpr Duration kReadyWithin = seconds(60);
    static constexpr Duration kStopWithin = seconds(5);

    // `start` is the instant that the times in NodeStatus count from.
    Director(const Plan& plan, const Expectations& expect, TimePoint start);

    // What happened. Nodes by their index in the plan.
    void on_event_line(std::size_t node, std::string_view line, TimePoint now);
    void on_log_line(std::size_t node, std::string_view line);
    void on_start_failed(std::size_t node, std::string_view why, TimePoint now);
    void on_exit(std::size_t node, std::optional<int> exit_code, std::optional<int> signal, TimePoint now);
    void on_torrent_made(TimePoint now);
    void on_torrent_failed(std::string_view why, TimePoint now);
    void interrupt(TimePoint now);
    void on_deadline(TimePoint now);

    [[nodiscard]] TimePoint next_deadline() const { return deadline_; }
    [[nodiscard]] std::optional<Action> poll_action(TimePoint now);
    // Milestones for people, in order.
    [[nodiscard]] std::optional<std::string> poll_note();

    [[nodiscard]] bool is_done() const { return stage_ == Stage::Done; }
    [[nodiscard]] const std::vector<NodeStatus>& nodes() const { return nodes_; }
    // Once stopping.
    [[nodiscard]] Outcome outcome() const { return outcome_; }
    [[nodiscard]] const std::string& detail() const { return detail_; }
    // From the start of the clients until the last was complete.
    [[nodiscard]] std::optional<Duration> completion_time() const { return completion_time_; }

  private:
    enum class Stage : std::uint8_t { Tracker, Torrent, Seeders, Clients, StoppingPeers, StoppingTracker, Done };

    [[nodiscard]] double seconds_at(TimePoint now) const { return to_seconds(now - start_); }
    [[nodiscard]] bool is_stopping() const { return stage_ >= Stage::StoppingPeers; }
    void note(double now_s, std::string text);
    void start_kind(NodeKind kind);
    void advance(TimePoint now);
    void check_completion(TimePoint now);
    void on_lost(std::size_t node, TimePoint now);
    void finish(Outcome outcome, std::string detail, TimePoint now);
    void stop_kind(bool tracker, bool kill);
    void stop_next(TimePoint now);
    [[nodiscard]] std::string nodes_not_ready() const;

    Expectations expect_;
    TimePoint start_;
    TimePoint clients_start_{};
    TimePoint deadline_ = kNever;
    Stage stage_ = Stage::Tracker;
    Outcome outcome_ = Outcome::Complete;
    std::string detail_;
    std::optional<Duration> completion_time_;
    std::vector<NodeStatus> nodes_;
    std::deque<Action> actions_;
    std::deque<std::string> notes_;
};

}  // namespace bt::lab
