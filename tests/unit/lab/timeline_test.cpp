#include "lab/timeline.h"

#include "lab/arrivals.h"
#include "lab/director.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

TimePoint at(int ms) { return TimePoint(milliseconds(ms)); }

TimelineEntry entry_at(Deed deed, const std::string& nodes, int ms, std::optional<Duration> lasts = {}) {
    TimelineEntry entry;
    entry.at = milliseconds(ms);
    entry.deed = deed;
    entry.nodes = nodes;
    entry.lasts = lasts;
    return entry;
}

TimelineEntry entry_when(Deed deed, const std::string& nodes, const std::string& when) {
    TimelineEntry entry;
    const Result<Condition> condition = parse_condition(when);
    REQUIRE(condition);
    entry.when = *condition;
    entry.deed = deed;
    entry.nodes = nodes;
    return entry;
}

// tracker 0, seeder 1, clients 2 and 3; the clients begin at 30 ms.
struct TimelineBench {
    using Actions = std::vector<std::string>;

    static Plan make() {
        Plan plan;
        for (const NodeKind kind : {NodeKind::Tracker, NodeKind::Seeder, NodeKind::Client, NodeKind::Client}) {
            NodePlan node;
            node.name = std::string(kind_name(kind)) + "-" + std::to_string(plan.nodes.size());
            node.kind = kind;
            plan.nodes.push_back(node);
        }
        return plan;
    }
    Director& begin(std::vector<TimelineEntry> entries, Stop stop = {}, Plan plan = make()) {
        Expectations expect;
        expect.all_complete_within = seconds(10);
        director.emplace(plan, expect, std::move(stop), std::move(entries), at(0));
        (void)actions(0);
        event(0, "ready", ",\"announce\":\"http://127.1.2.1:9/announce\"", 10);
        (void)actions(10);
        director->on_torrent_made(at(20));
        (void)actions(20);
        event(1, "ready", ",\"listen\":\"127.1.2.2:5\"", 30);
        return *director;
    }
    void event(std::size_t node, const std::string& kind, const std::string& fields, int ms) {
        director->on_event_line(node, "{\"t\":1.0,\"node\":\"n\",\"event\":\"" + kind + "\"" + fields + "}", at(ms));
    }
    Actions tick(int ms) {
        director->on_deadline(at(ms));
        return actions(ms);
    }
    Actions actions(int ms) {
        Actions out;
        while (const auto action = director->poll_action(at(ms))) {
            if (const auto* start = std::get_if<StartNode>(&*action)) {
                out.push_back("start " + std::to_string(start->node));
            } else if (const auto* signal = std::get_if<SignalNode>(&*action)) {
                out.push_back((signal->kill ? "kill " : "stop ") + std::to_string(signal->node));
            } else if (const auto* pause = std::get_if<PauseNode>(&*action)) {
                out.push_back((pause->pause ? "pause " : "resume ") + std::to_string(pause->node));
            } else if (const auto* limit = std::get_if<LimitNode>(&*action)) {
                out.push_back("limit " + std::to_string(limit->node) + " " +
                              std::to_string(limit->limits.upload.value_or(0)));
            }
        }
        return out;
    }
    std::optional<Director> director;
};

}  // namespace

TEST_CASE_METHOD(TimelineBench,
                 "a node that the timeline kills is no loss, and is started again when its time is over") {
    begin({entry_at(Deed::Kill, "client-3", 100, milliseconds(500))});
    CHECK(actions(30) == Actions{"start 2", "start 3"});
    CHECK(director->next_deadline() == at(130));
    CHECK(tick(129).empty());
    CHECK(tick(130) == Actions{"kill 3"});
    director->on_exit(3, std::nullopt, 9, at(140));
    CHECK(actions(140).empty());
    CHECK(director->next_deadline() == at(630));
    CHECK(tick(630) == Actions{"start 3"});
    CHECK(director->nodes()[3].starts == 2);
    CHECK_FALSE(director->nodes()[3].killed);
    for (const std::size_t node : {2u, 3u}) event(node, "completed", "", 700);
    CHECK(director->outcome() == Outcome::Complete);
    CHECK(director->timeline().records()[0].undone_at == 0.6);
}

TEST_CASE_METHOD(TimelineBench, "a restart waits for the end of the process") {
    begin({entry_when(Deed::Restart, "client-2", "client-2 has 50%")});
    (void)actions(30);
    event(2, "stats", ",\"progress\":0.49", 40);
    CHECK(actions(40).empty());
    event(2, "stats", ",\"progress\":0.5", 50);
    CHECK(actions(50) == Actions{"stop 2"});
    director->on_exit(2, 0, std::nullopt, at(60));
    CHECK(actions(60) == Actions{"start 2"});
    event(2, "stats", ",\"progress\":0.7", 70);
    CHECK(actions(70).empty());  // once
}

TEST_CASE_METHOD(TimelineBench, "what a node moved before it was restarted is not forgotten") {
    begin({entry_at(Deed::Restart, "client-2", 100)});
    (void)actions(30);
    const std::string totals = R"(,"uploaded":50,"downloaded":70,"hash_failures":4,"wasted":9)";
    event(2, "stats", totals, 40);
    CHECK(director->nodes()[2].total.uploaded == 50);
    CHECK(director->nodes()[2].total.hash_failures == 4);
    (void)tick(130);
    director->on_exit(2, 0, std::nullopt, at(140));
    CHECK(actions(140) == Actions{"start 2"});
    event(2, "stats", R"(,"uploaded":0,"downloaded":0,"hash_failures":0,"wasted":0)", 150);
    CHECK(director->nodes()[2].total.uploaded == 50);
    event(2, "announce_sent", R"(,"uploaded":1,"downloaded":2)", 160);
    event(2, "stats", R"(,"uploaded":5,"downloaded":7,"hash_failures":1,"wasted":2)", 170);
    event(2, "stats", R"(,"uploaded":5,"downloaded":7,"hash_failures":1,"wasted":2)", 180);
    CHECK(director->nodes()[2].total.uploaded == 55);
    CHECK(director->nodes()[2].total.downloaded == 77);
    CHECK(director->nodes()[2].total.hash_failures == 5);
    CHECK(director->nodes()[2].total.wasted == 11);
    event(2, "stats", R"(,"uploaded":18446744073709551615)", 190);
    CHECK(director->nodes()[2].total.uploaded == UINT64_MAX);
}

TEST_CASE_METHOD(TimelineBench, "a piece that failed counts at once, and once") {
    begin({entry_at(Deed::Kill, "client-2", 100, milliseconds(100))});
    (void)actions(30);
    event(2, "stats", R"(,"hash_failures":1)", 40);
    event(2, "piece_failed", "", 50);
    CHECK(director->nodes()[2].total.hash_failures == 1);  // the first may be the one that the stats had
    event(2, "piece_failed", "", 60);
    CHECK(director->nodes()[2].total.hash_failures == 2);
    event(2, "stats", R"(,"hash_failures":2)", 70);
    CHECK(director->nodes()[2].total.hash_failures == 2);
    event(2, "piece_failed", "", 80);
    (void)tick(130);
    director->on_exit(2, std::nullopt, 9, at(140));
    CHECK(tick(230) == Actions{"start 2"});
    event(2, "stats", R"(,"hash_failures":0)", 240);
    CHECK(director->nodes()[2].total.hash_failures == 3);
    event(2, "piece_failed", "", 250);
    CHECK(director->nodes()[2].total.hash_failures == 4);
}

TEST_CASE_METHOD(TimelineBench, "a paused node is resumed by itself, and before it is told to stop") {
    begin({entry_at(Deed::Pause, "client-2", 10, milliseconds(50)), entry_at(Deed::Pause, "client-3", 20)});
    (void)actions(30);
    CHECK(tick(40) == Actions{"pause 2"});
    CHECK(tick(50) == Actions{"pause 3"});
    CHECK(tick(90) == Actions{"resume 2"});
    director->interrupt(at(100));
    CHECK(actions(100) == Actions{"stop 1", "stop 2", "resume 3", "stop 3"});
}

TEST_CASE_METHOD(TimelineBench, "a node is paused until the last of its pauses is over, or it is resumed") {
    begin({entry_at(Deed::Pause, "client-2", 10, milliseconds(100)),
           entry_at(Deed::Pause, "client-2", 20, milliseconds(20)),
           entry_at(Deed::Pause, "client-3", 10, milliseconds(100)), entry_at(Deed::Resume, "client-3", 50)});
    (void)actions(30);
    CHECK(tick(40) == Actions{"pause 2", "pause 3"});
    CHECK(tick(50).empty());
    CHECK(tick(70).empty());
    CHECK(tick(80) == Actions{"resume 3"});
    CHECK(tick(140) == Actions{"resume 2"});
}

TEST_CASE_METHOD(TimelineBench, "what is done at once to nodes that start is done when they have") {
    begin({entry_at(Deed::Kill, "client-2", 0), entry_at(Deed::Pause, "client-3", 0)});
    CHECK(actions(30) == Actions{"start 2", "start 3"});
    CHECK(director->next_deadline() <= at(30));
    CHECK(tick(30) == Actions{"kill 2", "pause 3"});
    CHECK(director->nodes()[2].taken_down);
    for (const TimelineRecord& record : director->timeline().records()) CHECK(record.done == 1);
}

TEST_CASE_METHOD(TimelineBench, "an entry that found nothing to do is told from one that did") {
    Plan plan = make();
    plan.nodes[3].on_demand = true;
    plan.nodes[3].must_complete = false;
    begin({entry_at(Deed::Kill, "client-3", 10, milliseconds(20)), entry_at(Deed::Resume, "client-2", 10),
           entry_at(Deed::Start, "client-2", 10), entry_at(Deed::Stop, "client-*", 20),
           entry_at(Deed::Corrupt, "client-2", 15)},
          {}, plan);
    (void)actions(30);
    CHECK(tick(45).empty());
    director->on_corrupted(4);
    CHECK(tick(50) == Actions{"stop 2"});
    CHECK(tick(65) == Actions{"start 3"});  // the kill is undone, which does not make it one
    const std::vector<TimelineRecord>& records = director->timeline().records();
    for (const std::size_t idle : {0u, 1u, 2u}) CHECK(records[idle].done == 0);
    CHECK(records[3].done == 1);
    CHECK(records[4].done == 1);
}

TEST_CASE_METHOD(TimelineBench, "a node that does not end for a restart is killed, and is started again") {
    begin({entry_at(Deed::Restart, "client-2", 10)});
    (void)actions(30);
    CHECK(tick(40) == Actions{"stop 2"});
    CHECK(director->next_deadline() == at(5'040));
    CHECK(tick(5'039).empty());
    CHECK(tick(5'040) == Actions{"kill 2"});
    CHECK(tick(5'050).empty());
    director->on_exit(2, std::nullopt, 9, at(5'060));
    CHECK(actions(5'060) == Actions{"start 2"});
    CHECK(director->nodes()[2].starts == 2);
    CHECK(director->nodes()[2].killed);
}

TEST_CASE_METHOD(TimelineBench, "an end that nobody asked for is kept when the node is started again") {
    begin({entry_at(Deed::Start, "client-2", 100), entry_at(Deed::Restart, "client-3", 100)});
    (void)actions(30);
    event(2, "completed", "", 40);
    director->on_exit(2, std::nullopt, 11, at(50));
    CHECK(tick(130) == Actions{"start 2"});
    CHECK(tick(130) == Actions{"stop 3"});
    REQUIRE(director->nodes()[2].earlier_ends.size() == 1);
    CHECK(director->nodes()[2].earlier_ends[0].signal == 11);
    SECTION("asked for, and in order") {
        director->on_exit(3, 0, std::nullopt, at(140));
        CHECK(actions(140) == Actions{"start 3"});
        CHECK(director->nodes()[3].earlier_ends.empty());
    }
    SECTION("asked for, but a crash") {
        director->on_exit(3, std::nullopt, 11, at(140));
        CHECK(actions(140) == Actions{"start 3"});
        CHECK(director->nodes()[3].earlier_ends.size() == 1);
    }
}

TEST_CASE_METHOD(TimelineBench, "limits change for a while") {
    TimelineEntry entry = entry_at(Deed::Limit, "seeder-*", 10, milliseconds(50));
    entry.limits.upload = 1000;
    begin({entry});
    (void)actions(30);
    CHECK(tick(40) == Actions{"limit 1 1000"});
    CHECK(tick(90) == Actions{"limit 1 0"});
}

TEST_CASE_METHOD(TimelineBench, "entries may wait for events, which count from the start of the run") {
    begin({entry_when(Deed::Kill, "seeder-1", "2 events piece_verified")});
    (void)actions(30);
    event(2, "piece_verified", "", 40);
    CHECK(actions(40).empty());
    event(3, "piece_verified", "", 41);
    CHECK(actions(41) == Actions{"kill 1"});
}

TEST_CASE_METHOD(TimelineBench, "nodes with a start time come then; those on demand when they are called") {
    Plan plan = make();
    plan.nodes[2].start_after = milliseconds(70);
    plan.nodes[3].on_demand = true;
    plan.nodes[3].must_complete = false;
    begin({entry_when(Deed::Start, "client-3", "client-2 has 10%")}, {}, plan);
    CHECK(actions(30).empty());
    CHECK(tick(100) == Actions{"start 2"});
    event(2, "stats", ",\"progress\":0.2", 110);
    CHECK(actions(110) == Actions{"start 3"});
    event(2, "completed", "", 200);
    CHECK(director->outcome() == Outcome::Complete);
    CHECK(actions(200) == Actions{"stop 1", "stop 2", "stop 3"});
}

TEST_CASE_METHOD(TimelineBench, "a run goes on for as long as its stop says") {
    Stop stop;
    stop.linger = milliseconds(300);
    begin({}, stop);
    (void)actions(30);
    for (const std::size_t node : {2u, 3u}) event(node, "completed", "", 100);
    CHECK(actions(100).empty());
    CHECK(director->next_deadline() == at(400));
    CHECK(tick(399).empty());
    CHECK(tick(400).size() == 3);
    CHECK(director->outcome() == Outcome::Complete);
    CHECK(director->completion_time() == milliseconds(70));
}

TEST_CASE_METHOD(TimelineBench, "a run that ends at a time is stopped, complete or not") {
    Stop stop;
    stop.at = milliseconds(200);
    begin({}, stop);
    (void)actions(30);
    CHECK(tick(229).empty());
    CHECK(tick(230) == Actions{"stop 1", "stop 2", "stop 3"});
    CHECK(director->outcome() == Outcome::Stopped);
}

TEST_CASE("random arrivals have the mean that was asked for, the same in every run") {
    Arrival arrival;
    arrival.start = seconds(1);
    arrival.every = milliseconds(100);
    CHECK(start_times(arrival, 3, Rng(1)) == std::vector<Duration>{seconds(1), milliseconds(1100), milliseconds(1200)});
    arrival.poisson = true;
    const std::vector<Duration> times = start_times(arrival, 1001, Rng(1));
    CHECK(times == start_times(arrival, 1001, Rng(1)));
    CHECK(to_seconds(times.back() - times.front()) == Approx(100).epsilon(0.1));
}
