#include "lab/director.h"

#include <algorithm>
#include <cstdio>

#include "common/app/exit_code.h"

namespace bt::lab {

std::string_view outcome_name(Outcome outcome) {
    switch (outcome) {
        case Outcome::Complete:
            return "complete";
        case Outcome::TimedOut:
            return "timed_out";
        case Outcome::NodeLost:
            return "node_lost";
        case Outcome::ScenarioWrong:
            return "scenario_wrong";
        case Outcome::Environment:
            return "environment";
        case Outcome::Interrupted:
            return "interrupted";
    }
    return "unknown";
}

Director::Director(const Plan& plan, const Expectations& expect, TimePoint start) : expect_(expect), start_(start) {
    for (const NodePlan& planned : plan.nodes) {
        NodeStatus node;
        node.name = planned.name;
        node.kind = planned.kind;
        node.address = planned.address;
        nodes_.push_back(std::move(node));
    }
    start_kind(NodeKind::Tracker);
    deadline_ = start + kReadyWithin;
}

void Director::note(double now_s, std::string text) {
    char time[32];
    std::snprintf(time, sizeof time, "%8.3f  ", now_s);
    notes_.push_back(time + std::move(text));
}

void Director::start_kind(NodeKind kind) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].kind == kind) actions_.push_back(StartNode{i});
    }
}

std::optional<Action> Director::poll_action(TimePoint now) {
    if (actions_.empty()) return std::nullopt;
    Action action = std::move(actions_.front());
    actions_.pop_front();
    if (const auto* start = std::get_if<StartNode>(&action)) {
        nodes_[start->node].phase = Phase::Started;
        nodes_[start->node].started_at = seconds_at(now);
    } else if (const auto* signal = std::get_if<SignalNode>(&action)) {
        NodeStatus& node = nodes_[signal->node];
        if (node.phase != Phase::Ended) node.phase = Phase::Stopping;
        node.killed = node.killed || signal->kill;
    }
    return action;
}

std::optional<std::string> Director::poll_note() {
    if (notes_.empty()) return std::nullopt;
    std::string text = std::move(notes_.front());
    notes_.pop_front();
    return text;
}

void Director::on_event_line(std::size_t index, std::string_view line, TimePoint now) {
    NodeStatus& node = nodes_[index];
    const bool was_ready = node.ready_at.has_value();
    const bool was_complete = node.completed_at.has_value();
    if (!apply_event_line(node, line, seconds_at(now)) || is_stopping()) return;
    if (stage_ != Stage::Clients) deadline_ = now + kReadyWithin;  // a sign of life: it may be checking its content
    if (!was_ready && node.ready_at) {
        note(seconds_at(now), node.name + " is ready, " + (node.announce.empty() ? node.listen : node.announce));
        advance(now);
    }
    if (!was_complete && node.completed_at && node.kind == NodeKind::Client) {
        note(seconds_at(now), node.name + " is complete");
        check_completion(now);
    }
}

void Director::on_log_line(std::size_t node, std::string_view line) { nodes_[node].last_log = line; }

void Director::advance(TimePoint now) {
    const auto all_ready = [this](NodeKind kind) {
        return std::ranges::all_of(nodes_, [kind](const NodeStatus& n) { return n.kind != kind || n.ready_at; });
    };
    if (stage_ == Stage::Tracker && all_ready(NodeKind::Tracker)) {
        if (nodes_[0].announce.empty()) {
            return finish(Outcome::Environment, "the tracker is ready but names no announce URL", now);
        }
        stage_ = Stage::Torrent;
        actions_.push_back(MakeTorrent{nodes_[0].announce});
    } else if (stage_ == Stage::Seeders && all_ready(NodeKind::Seeder)) {
        stage_ = Stage::Clients;
        clients_start_ = now;
        deadline_ = now + expect_.all_complete_within;
        start_kind(NodeKind::Client);
    }
}

void Director::on_torrent_made(TimePoint now) {
    if (stage_ != Stage::Torrent) return;
    note(seconds_at(now), "the torrent is made");
    stage_ = Stage::Seeders;
    deadline_ = now + kReadyWithin;
    start_kind(NodeKind::Seeder);
}

void Director::on_torrent_failed(std::string_view why, TimePoint now) {
    if (stage_ == Stage::Torrent) {
        finish(Outcome::Environment, "the torrent cannot be made: " + std::string(why), now);
    }
}

void Director::check_completion(TimePoint now) {
    if (stage_ != Stage::Clients) return;
    for (const NodeStatus& node : nodes_) {
        if (node.kind == NodeKind::Client && !node.completed_at) return;
    }
    completion_time_ = now - clients_start_;
    finish(Outcome::Complete, "every client is complete", now);
}

void Director::on_start_failed(std::size_t index, std::string_view why, TimePoint now) {
    NodeStatus& node = nodes_[index];
    node.phase = Phase::Ended;
    node.exit_reason = why;
    finish(Outcome::Environment, node.name + " cannot be started: " + std::string(why), now);
    stop_next(now);
}

void Director::on_exit(std::size_t index, std::optional<int> exit_code, std::optional<int> signal, TimePoint now) {
    NodeStatus& node = nodes_[index];
    node.phase = Phase::Ended;
    node.ended_at = seconds_at(now);
    node.exit_code = exit_code;
    node.signal = signal;
    if (is_stopping()) return stop_next(now);
    note(seconds_at(now), node.name + " ended: " + how_it_ended(node));
    on_lost(index, now);
}

// A client that was complete may go; without any other node the run cannot mean what the scenario says.
void Director::on_lost(std::size_t index, TimePoint now) {
    const NodeStatus& node = nodes_[index];
    if (node.kind == NodeKind::Client && node.completed_at) return;
    const std::string what = node.name + " ended too early: " + how_it_ended(node);
    const bool refused = !node.ready_at && node.exit_code == app::to_int(app::ExitCode::BadArguments);
    finish(refused ? Outcome::ScenarioWrong : Outcome::NodeLost, what, now);
}

void Director::interrupt(TimePoint now) {
    if (!is_stopping()) return finish(Outcome::Interrupted, "interrupted", now);
    outcome_ = Outcome::Interrupted;
    detail_ = "interrupted";
    stop_kind(false, true);
    stop_kind(true, true);
}

std::string Director::nodes_not_ready() const {
    std::string names;
    for (const NodeStatus& node : nodes_) {
        if (node.phase != Phase::Started) continue;
        names += (names.empty() ? "" : ", ") + node.name;
    }
    return names;
}

void Director::on_deadline(TimePoint now) {
    if (now < deadline_ || stage_ == Stage::Done) return;
    if (stage_ == Stage::Clients) {
        const auto left = std::ranges::count_if(
            nodes_, [](const NodeStatus& n) { return n.kind == NodeKind::Client && !n.completed_at; });
        finish(Outcome::TimedOut, std::to_string(left) + " clients were not complete in time", now);
    } else if (!is_stopping()) {
        const std::string who = stage_ == Stage::Torrent ? "making the torrent" : nodes_not_ready();
        finish(Outcome::NodeLost, "not ready and no sign of life for 60 s: " + who, now);
    } else {
        stop_kind(stage_ == Stage::StoppingTracker, true);
        deadline_ = kNever;
    }
}

void Director::finish(Outcome outcome, std::string detail, TimePoint now) {
    if (is_stopping()) return;
    outcome_ = outcome;
    detail_ = std::move(detail);
    note(seconds_at(now), detail_);
    std::erase_if(actions_, [](const Action& action) { return !std::holds_alternative<SignalNode>(action); });
    stage_ = Stage::StoppingPeers;
    deadline_ = now + kStopWithin;
    stop_kind(false, false);
    stop_next(now);
}

void Director::stop_kind(bool tracker, bool kill) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if ((nodes_[i].kind == NodeKind::Tracker) == tracker && nodes_[i].is_running()) {
            actions_.push_back(SignalNode{i, kill});
        }
    }
}

void Director::stop_next(TimePoint now) {
    const auto any_left = [this](bool tracker) {
        return std::ranges::any_of(nodes_, [tracker](const NodeStatus& node) {
            return (node.kind == NodeKind::Tracker) == tracker && node.is_running();
        });
    };
    if (stage_ == Stage::StoppingPeers && !any_left(false)) {
        stage_ = Stage::StoppingTracker;
        deadline_ = now + kStopWithin;
        stop_kind(true, false);
    }
    if (stage_ == Stage::StoppingTracker && !any_left(true)) {
        stage_ = Stage::Done;
        deadline_ = kNever;
    }
}

}  // namespace bt::lab
