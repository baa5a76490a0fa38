#pragma once

// Decides what happens next in a run: tracker, torrent, seeders, clients, the end. Pure: it is told what happened and
// answers with actions; the shell (lab/run.cpp) starts processes and hands in time.
//
// What the scenario does to the swarm on the way is timeline.h's; here it becomes starts, signals and the like.
//
// Rules
//  - A step begins when the one before it has *said* that it is ready (an event), never after a time. Limits on time
//    exist to end a run that hangs: kReadyWithin since the last sign of life of a node that is not ready yet (others
//    say something all the time), as long and longer for much content until the torrent is made, and the scenario's
//    all_complete_within, which counts from the start of the clients.
//  - Nodes with a start time of their own start when it comes, counted from the start of the clients; nodes on demand
//    when the timeline says so. A node that the timeline took down is not lost; one that it starts again keeps its
//    first times.
//  - The run is over when all clients that must complete are complete (or as the scenario's stop says), when a limit
//    passes, when a node that is needed ends by itself, or when the user interrupts. A paused node is resumed first.
//    Then every node is told to stop: clients and seeders first, so that the tracker still hears them leave; who is
//    still there after kStopWithin is killed. A second interrupt kills at once.
//  - A run that is held (somebody works with the swarm, and ends it) knows no completion, no limit and no lost node
//    from the moment on that it is up: every node that was to start is ready, or was taken down. One that is held once
//    it is complete keeps the scenario's limit and its nodes until it is both.
//  - Whatever happens, is_done() comes only when no process is left.

#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "lab/node_status.h"
#include "lab/plan.h"
#include "lab/timeline.h"

namespace bt::lab {

enum class Outcome : std::uint8_t {
    Complete,       // every client has every piece
    Stopped,        // the scenario's end came, or its condition held, or whoever held it let go
    TimedOut,       // all_complete_within passed
    NodeLost,       // a node ended, or said nothing, before the end
    ScenarioWrong,  // a program refused the options that the scenario gave it
    Environment,    // something here is missing or refused
    Interrupted,
};
[[nodiscard]] std::string_view outcome_name(Outcome outcome);

// From when on somebody works with the swarm.
enum class Hold : std::uint8_t { No, OnceUp, OnceComplete };

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
struct PauseNode {
    std::size_t node;
    bool pause;
};
// Nothing in a direction: as the scenario gave it.
struct LimitNode {
    std::size_t node;
    RateLimits limits;
};
struct CorruptFiles {
    std::size_t node;
    std::optional<std::uint32_t> piece;
    std::optional<std::size_t> entry;  // of the timeline
};
// The links between the nodes of two patterns; an empty one means everybody else.
struct CutLinks {
    std::string nodes, others;
    bool cut;
    bool undo = false;  // of one partition: what another one cuts stays cut
};
using Action = std::variant<StartNode, MakeTorrent, SignalNode, PauseNode, LimitNode, CorruptFiles, CutLinks>;

class Director {
  public:
    static constexpr Duration kReadyWithin = seconds(60);
    static constexpr Duration kStopWithin = seconds(5);
    static constexpr std::uint64_t kSlowestHashing = 10'000'000;  // bytes/s, of the content that the torrent is made of

    // `start` is the instant that the times in NodeStatus count from.
    Director(const Plan& plan, const Expectations& expect, TimePoint start);
    Director(const Plan& plan, const Expectations& expect, Stop stop, std::vector<TimelineEntry> timeline,
             TimePoint start);

    // What happened. Nodes by their index in the plan.
    void on_event_line(std::size_t node, std::string_view line, TimePoint now);
    void on_log_line(std::size_t node, std::string_view line);
    void on_start_failed(std::size_t node, std::string_view why, TimePoint now);
    void on_exit(std::size_t node, std::optional<int> exit_code, std::optional<int> signal, TimePoint now);
    void on_torrent_made(TimePoint now);
    void on_torrent_failed(std::string_view why, TimePoint now);
    void interrupt(TimePoint now);
    void hold(Hold hold) { hold_ = hold; }  // before the first action
    void stop(TimePoint now);               // the end of a run that is held
    // By hand what a timeline does, at once; answers to how many nodes.
    std::size_t act(const TimelineEntry& entry, TimePoint now);
    // A CorruptFiles that found something to corrupt.
    void on_corrupted(std::size_t entry) { timeline_.on_done(entry); }
    void on_deadline(TimePoint now);

    [[nodiscard]] TimePoint next_deadline() const;
    [[nodiscard]] std::optional<Action> poll_action(TimePoint now);
    // Milestones for people, in order.
    [[nodiscard]] std::optional<std::string> poll_note();

    [[nodiscard]] bool is_stopping() const { return stage_ >= Stage::StoppingPeers; }
    // Every node that was to start has been ready, and nobody has told them to stop.
    [[nodiscard]] bool is_up() const { return up_ && !is_stopping(); }
    [[nodiscard]] bool is_done() const { return stage_ == Stage::Done; }
    [[nodiscard]] const std::vector<NodeStatus>& nodes() const { return nodes_; }
    // Once stopping.
    [[nodiscard]] Outcome outcome() const { return outcome_; }
    [[nodiscard]] const std::string& detail() const { return detail_; }
    // From the start of the clients until the last was complete.
    [[nodiscard]] std::optional<Duration> completion_time() const { return completion_time_; }
    // Seconds from the run's start to that of the clients.
    [[nodiscard]] double clients_started_at() const { return seconds_at(clients_start_); }
    [[nodiscard]] const Timeline& timeline() const { return timeline_; }
    // How many events fitted each query that the scenario counts, in its order.
    [[nodiscard]] const std::vector<std::uint64_t>& event_counts() const { return event_counts_; }

  private:
    enum class Stage : std::uint8_t { Tracker, Torrent, Seeders, Clients, StoppingPeers, StoppingTracker, Done };

    [[nodiscard]] double seconds_at(TimePoint now) const { return to_seconds(now - start_); }
    void note(double now_s, std::string text);
    void start_kind(NodeKind kind);
    bool start_node(std::size_t node);
    bool end_node(std::size_t node, bool kill, TimePoint now);
    void kill_overdue(TimePoint now);
    [[nodiscard]] bool is_start_pending() const;
    void begin_clients(TimePoint now);
    void advance(TimePoint now);
    void on_change(TimePoint now);
    void run_timeline(TimePoint now);
    bool carry_out(const TimelineEntry& entry, bool undo, std::size_t node, std::optional<std::size_t> index,
                   TimePoint now);
    bool pause_node(std::size_t node, Deed deed, bool undo);
    void check_up();
    // Not ready is what the run waits for now.
    [[nodiscard]] bool waits_for_nodes() const;
    // Held, and what it is held from has come.
    [[nodiscard]] bool is_free() const {
        return up_ && (hold_ == Hold::OnceUp || (hold_ == Hold::OnceComplete && completion_time_));
    }
    void check_free();
    void check_completion(TimePoint now);
    void check_stop(TimePoint now);
    void on_limit(TimePoint now);
    void count_event(std::size_t node, std::string_view line);
    void on_lost(std::size_t node, TimePoint now);
    void finish(Outcome outcome, std::string detail, TimePoint now);
    void stop_kind(bool tracker, bool kill);
    void stop_next(TimePoint now);
    [[nodiscard]] std::string nodes_not_ready() const;

    Expectations expect_;
    Stop stop_;
    Timeline timeline_;
    std::vector<std::uint64_t> event_counts_;
    std::uint64_t stop_events_ = 0;  // that fitted the query of stop.when
    TimePoint stop_at_ = kNever;     // once its condition held, or from the start
    TimePoint start_;
    TimePoint clients_start_{};
    Duration torrent_within_;
    TimePoint deadline_ = kNever;
    Stage stage_ = Stage::Tracker;
    Hold hold_ = Hold::No;
    bool up_ = false;
    Outcome outcome_ = Outcome::Complete;
    std::string detail_;
    std::optional<Duration> completion_time_;
    std::vector<NodeStatus> nodes_;
    std::vector<bool> waits_;         // nodes that do not start with their kind
    std::vector<TimePoint> kill_at_;  // nodes that the timeline told to end
    std::deque<Action> actions_;
    std::deque<std::string> notes_;
};

}  // namespace bt::lab
