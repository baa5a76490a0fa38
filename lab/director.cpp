#include "lab/director.h"

#include <algorithm>
#include <cstdio>

#include "common/app/exit_code.h"
#include "lab/arrivals.h"

namespace bt::lab {

std::string_view outcome_name(Outcome outcome) {
    switch (outcome) {
        case Outcome::Complete:
            return "complete";
        case Outcome::Stopped:
            return "stopped";
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

Director::Director(const Plan& plan, const Expectations& expect, TimePoint start)
    : Director(plan, expect, {}, {}, start) {}

Director::Director(const Plan& plan, const Expectations& expect, Stop stop, std::vector<TimelineEntry> timeline,
                   TimePoint start)
    : expect_(expect),
      stop_(std::move(stop)),
      timeline_(with_arrivals(std::move(timeline), plan)),
      event_counts_(expect.events.size()),
      start_(start),
      torrent_within_(kReadyWithin + seconds(plan.content_bytes / kSlowestHashing)) {
    for (const NodePlan& planned : plan.nodes) {
        NodeStatus node;
        node.name = planned.name;
        node.kind = planned.kind;
        node.host = planned.host;
        node.address = planned.address;
        node.must_complete = planned.must_complete;
        node.scripted = planned.scripted;
        if (planned.adapter) {
            node.program = planned.adapter->name;
            node.allowed_exits = planned.adapter->exit_codes;
        }
        waits_.push_back(planned.on_demand || planned.start_after);
        nodes_.push_back(std::move(node));
    }
    kill_at_.assign(nodes_.size(), kNever);
    start_kind(NodeKind::Tracker);
    deadline_ = start + torrent_within_;  // which some trackers want to know first
}

void Director::note(double now_s, std::string text) {
    char time[32];
    std::snprintf(time, sizeof time, "%8.3f  ", now_s);
    notes_.push_back(time + std::move(text));
}

void Director::start_kind(NodeKind kind) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (nodes_[i].kind == kind && !waits_[i]) actions_.push_back(StartNode{i});
    }
}

// One that is about to end is started when it has.
bool Director::start_node(std::size_t index) {
    NodeStatus& node = nodes_[index];
    if (node.phase == Phase::Waiting || node.phase == Phase::Ended) {
        actions_.push_back(StartNode{index});
        return true;
    }
    if (node.taken_down) node.start_when_ended = true;
    return node.taken_down;
}

bool Director::end_node(std::size_t index, bool kill, TimePoint now) {
    NodeStatus& node = nodes_[index];
    node.start_when_ended = false;
    if (!node.is_running()) return false;
    node.taken_down = true;
    kill_at_[index] = kill ? kNever : std::min(kill_at_[index], now + kStopWithin);
    if (node.paused) actions_.push_back(PauseNode{index, false});
    actions_.push_back(SignalNode{index, kill});
    return true;
}

// What the timeline told to end must: a restart waits for it.
void Director::kill_overdue(TimePoint now) {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        if (now < kill_at_[i]) continue;
        kill_at_[i] = kNever;
        nodes_[i].killed = true;
        actions_.push_back(SignalNode{i, true});
    }
}

bool Director::is_start_pending() const {
    return std::ranges::any_of(actions_, [](const Action& a) { return std::holds_alternative<StartNode>(a); });
}

std::optional<Action> Director::poll_action(TimePoint now) {
    if (actions_.empty()) return std::nullopt;
    Action action = std::move(actions_.front());
    actions_.pop_front();
    if (const auto* start = std::get_if<StartNode>(&action)) {
        NodeStatus& node = nodes_[start->node];
        if (node.is_running()) return poll_action(now);
        begin_process(node);
        node.phase = Phase::Started;
        if (waits_for_nodes()) deadline_ = std::max(deadline_, now + kReadyWithin);
        if (!node.started_at) node.started_at = seconds_at(now);
        node.pauses = 0;
        node.taken_down = node.start_when_ended = node.paused = node.stopped_early = false;
        node.exit_code = node.signal = std::nullopt;
        node.ended_at.reset();
        node.exit_reason.clear();
    } else if (const auto* pause = std::get_if<PauseNode>(&action)) {
        nodes_[pause->node].paused = pause->pause;
    } else if (const auto* signal = std::get_if<SignalNode>(&action)) {
        NodeStatus& node = nodes_[signal->node];
        node.stopped_early = node.stopped_early || (node.phase == Phase::Started && !signal->kill);
        if (node.phase != Phase::Ended) node.phase = Phase::Stopping;
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
    const bool was_ready = node.phase == Phase::Ready;
    const bool was_waited_for = node.phase == Phase::Started;
    const bool was_complete = node.completed_at.has_value();
    const bool understood = apply_event_line(node, line, seconds_at(now));
    if (understood) count_event(index, line);
    if (!understood || is_stopping()) return;
    if (was_waited_for && waits_for_nodes()) deadline_ = now + kReadyWithin;  // it may be checking its content
    if (!was_ready && node.phase == Phase::Ready) {
        note(seconds_at(now), node.name + " is ready, " + (node.announce.empty() ? node.listen : node.announce));
        advance(now);
        check_up();
    }
    if (!was_complete && node.completed_at && node.kind == NodeKind::Client) {
        note(seconds_at(now), node.name + " is complete");
    }
    on_change(now);
}

void Director::count_event(std::size_t index, std::string_view line) {
    const std::string& name = nodes_[index].name;
    for (std::size_t i = 0; i < expect_.events.size(); ++i) {
        if (expect_.events[i].query.matches(name, line)) ++event_counts_[i];
    }
    if (is_stopping()) return;
    timeline_.on_event_line(name, line);
    const auto* wanted = stop_.when ? std::get_if<EventsSeen>(&stop_.when->what) : nullptr;
    if (wanted != nullptr && wanted->query.matches(name, line)) ++stop_events_;
}

void Director::on_log_line(std::size_t node, std::string_view line) { nodes_[node].last_log = line; }

void Director::advance(TimePoint now) {
    const auto all_ready = [this](NodeKind kind) {
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (nodes_[i].kind == kind && !waits_[i] && !nodes_[i].ready_at) return false;
        }
        return true;
    };
    if (stage_ == Stage::Tracker && all_ready(NodeKind::Tracker)) {
        if (nodes_[0].announce.empty()) {
            return finish(Outcome::Environment, "the tracker is ready but names no announce URL", now);
        }
        stage_ = Stage::Torrent;
        deadline_ = now + torrent_within_;
        actions_.push_back(MakeTorrent{nodes_[0].announce});
    } else if (stage_ == Stage::Seeders && all_ready(NodeKind::Seeder) && all_ready(NodeKind::Peer)) {
        begin_clients(now);
    }
}

void Director::begin_clients(TimePoint now) {
    stage_ = Stage::Clients;
    clients_start_ = now;
    const Duration limit =
        hold_ == Hold::No && expect_.nobody_completes_for ? *expect_.nobody_completes_for : expect_.all_complete_within;
    deadline_ = now + (hold_ == Hold::OnceUp ? kReadyWithin : limit);
    if (stop_.at && hold_ == Hold::No) stop_at_ = now + *stop_.at;
    start_kind(NodeKind::Client);
    timeline_.begin(now);
    on_change(now);
}

// Something happened, or a time came: does it make the timeline go on, or end the run?
void Director::on_change(TimePoint now) {
    if (stage_ != Stage::Clients) return;
    run_timeline(now);
    check_completion(now);
    check_stop(now);
}

void Director::run_timeline(TimePoint now) {
    timeline_.update(nodes_, now);
    while (const TimelineStep* next = timeline_.next_step()) {
        const TimelineEntry& entry = timeline_.entries()[next->entry];
        // What is done to a node that is about to start waits until it has.
        if ((entry.deed != Deed::Start || next->undo) && is_start_pending()) return;
        const std::optional<TimelineStep> step = timeline_.poll_step();
        if (!entry.arrival) note(seconds_at(now), "timeline: " + timeline_.describe(*step));
        if (entry.deed == Deed::Partition || entry.deed == Deed::Heal) {
            actions_.push_back(
                CutLinks{entry.nodes, entry.others, (entry.deed == Deed::Partition) != step->undo, step->undo});
        }
        for (std::size_t i = 0; i < nodes_.size(); ++i) {
            if (!matches_pattern(nodes_[i].name, entry.nodes)) continue;
            const bool done = carry_out(entry, step->undo, i, step->entry, now);
            if (done && !step->undo) timeline_.on_done(step->entry);
        }
    }
}

std::size_t Director::act(const TimelineEntry& entry, TimePoint now) {
    std::size_t count = 0;
    for (std::size_t i = 0; i < nodes_.size() && !is_stopping(); ++i) {
        if (!matches_pattern(nodes_[i].name, entry.nodes)) continue;
        carry_out(entry, false, i, std::nullopt, now);
        ++count;
    }
    if (count > 0 && (entry.deed == Deed::Partition || entry.deed == Deed::Heal)) {
        actions_.push_back(CutLinks{entry.nodes, entry.others, entry.deed == Deed::Partition});
    }
    if (count > 0) note(seconds_at(now), "by hand: " + std::string(deed_name(entry.deed)) + " " + entry.nodes);
    return count;
}

// Whether it did something; of what only the disk can tell, the answer comes in on_corrupted().
bool Director::carry_out(const TimelineEntry& entry, bool undo, std::size_t index,
                         std::optional<std::size_t> timeline_entry, TimePoint now) {
    switch (undo ? undo_of(entry.deed).value_or(entry.deed) : entry.deed) {
        case Deed::Start:
            return start_node(index);
        case Deed::Stop:
            return end_node(index, undo ? false : entry.deed == Deed::Kill, now);
        case Deed::Kill:
            return end_node(index, true, now);
        case Deed::Restart:
            end_node(index, false, now);
            return start_node(index);
        case Deed::Pause:
        case Deed::Resume:
            return pause_node(index, entry.deed, undo);
        case Deed::Limit:
            actions_.push_back(LimitNode{index, undo ? RateLimits{} : entry.limits});
            return true;
        case Deed::Corrupt:
            actions_.push_back(CorruptFiles{index, entry.piece, timeline_entry});
            return false;
        case Deed::Partition:
        case Deed::Heal:
            return true;
    }
    return false;
}

// Of pauses that overlap, the last one to be undone ends them all; a resume does at once.
bool Director::pause_node(std::size_t index, Deed deed, bool undo) {
    NodeStatus& node = nodes_[index];
    if (!node.is_running()) return false;
    const bool was_paused = node.pauses > 0;
    if (deed == Deed::Pause && !undo) {
        ++node.pauses;
    } else {
        node.pauses = deed == Deed::Resume || !was_paused ? 0 : node.pauses - 1;
    }
    if ((node.pauses > 0) != was_paused) actions_.push_back(PauseNode{index, !was_paused});
    return was_paused || node.pauses > 0;
}

void Director::on_torrent_made(TimePoint now) {
    if (stage_ != Stage::Torrent) return;
    note(seconds_at(now), "the torrent is made");
    stage_ = Stage::Seeders;
    deadline_ = now + kReadyWithin;
    start_kind(NodeKind::Seeder);
    start_kind(NodeKind::Peer);
    advance(now);  // where all of them start later
}

void Director::on_torrent_failed(std::string_view why, TimePoint now) {
    if (stage_ == Stage::Torrent) {
        finish(Outcome::Environment, "the torrent cannot be made: " + std::string(why), now);
    }
}

void Director::check_up() {
    if (up_ || stage_ != Stage::Clients) return;
    const auto is_settled = [](const NodeStatus& node) {
        return node.ready_at || node.phase == Phase::Waiting || (node.taken_down && !node.start_when_ended);
    };
    up_ = std::ranges::all_of(nodes_, is_settled) &&
          std::ranges::none_of(actions_, [](const Action& a) { return std::holds_alternative<StartNode>(a); });
    check_free();
}

void Director::check_free() {
    if (is_free() && !is_stopping()) deadline_ = kNever;
}

bool Director::waits_for_nodes() const {
    if (stage_ == Stage::Clients) return hold_ == Hold::OnceUp && !up_;
    return stage_ == Stage::Tracker || stage_ == Stage::Seeders;
}

void Director::stop(TimePoint now) {
    if (completion_time_) return finish(Outcome::Complete, "every client is complete", now);
    finish(Outcome::Stopped, "stopped", now);
}

void Director::check_completion(TimePoint now) {
    if (completion_time_ || !all_complete(nodes_)) return;
    completion_time_ = now - clients_start_;
    check_free();
}

void Director::check_stop(TimePoint now) {
    if (hold_ != Hold::No) return;
    const bool over = stop_.when ? stop_.when->holds(nodes_, stop_events_)
                                 : completion_time_.has_value() && !expect_.nobody_completes_for;
    if (over) stop_at_ = std::min(stop_at_, now + stop_.linger);
    if (now < stop_at_) return;
    if (completion_time_) return finish(Outcome::Complete, "every client is complete", now);
    finish(Outcome::Stopped, over && stop_.when ? "it came that " + stop_.when->text : "the scenario's end came", now);
}

void Director::on_limit(TimePoint now) {
    if (hold_ == Hold::No && expect_.nobody_completes_for)
        return finish(Outcome::Stopped, "the time without completion has passed", now);
    const auto left = std::ranges::count_if(
        nodes_, [](const NodeStatus& n) { return n.kind == NodeKind::Client && n.must_complete && !n.completed_at; });
    if (left > 0) return finish(Outcome::TimedOut, std::to_string(left) + " clients were not complete in time", now);
    finish(Outcome::TimedOut, "what ends the run did not come in time: " + (stop_.when ? stop_.when->text : "its time"),
           now);
}

TimePoint Director::next_deadline() const {
    if (stage_ != Stage::Clients) return deadline_;
    if (timeline_.next_step() != nullptr) return clients_start_;  // held back: at once
    return std::min({deadline_, stop_at_, timeline_.next_deadline(), *std::ranges::min_element(kill_at_)});
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
    kill_at_[index] = kNever;
    if (is_stopping()) return stop_next(now);
    note(seconds_at(now), node.name + " ended: " + how_it_ended(node));
    if (node.start_when_ended) start_node(index);
    on_lost(index, now);
    check_up();
    on_change(now);
}

// A client that was complete may go, and a scripted peer that has said all; without any other node the run cannot mean
// what the scenario says.
void Director::on_lost(std::size_t index, TimePoint now) {
    const NodeStatus& node = nodes_[index];
    if ((node.kind == NodeKind::Client && node.completed_at) || node.taken_down || is_free()) return;
    if (node.kind == NodeKind::Peer && node.ready_at && node.exit_code == 0) return;
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
    kill_overdue(now);
    on_change(now);
    if (now < deadline_ || stage_ == Stage::Done) return;
    if (stage_ == Stage::Clients && hold_ != Hold::OnceUp) {
        on_limit(now);
    } else if (stage_ == Stage::Torrent) {
        const auto limit_s = std::chrono::duration_cast<seconds>(torrent_within_).count();
        finish(Outcome::NodeLost, "the torrent was not made within " + std::to_string(limit_s) + " s", now);
    } else if (!is_stopping()) {
        finish(Outcome::NodeLost, "not ready and no sign of life for 60 s: " + nodes_not_ready(), now);
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
            if (nodes_[i].paused) actions_.push_back(PauseNode{i, false});
            actions_.push_back(SignalNode{i, kill});
            nodes_[i].killed = nodes_[i].killed || kill;
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
