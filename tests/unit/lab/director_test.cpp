#include "lab/director.h"

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

// tracker 0, seeder 1, clients 2 and 3; time in milliseconds since the start.
struct DirectorBench {
    DirectorBench() : director(make(), expect(), at(0)) {}

    static Plan make() {
        Plan plan;
        for (const NodeKind kind : {NodeKind::Tracker, NodeKind::Seeder, NodeKind::Client, NodeKind::Client}) {
            NodePlan node;
            node.name = std::string(kind_name(kind)) + std::to_string(plan.nodes.size());
            node.kind = kind;
            plan.nodes.push_back(node);
        }
        return plan;
    }
    static Expectations expect() {
        Expectations expectations;
        expectations.all_complete_within = seconds(10);
        return expectations;
    }
    static TimePoint at(int ms) { return TimePoint(milliseconds(ms)); }

    // What it wants done now: "start 0", "torrent URL", "stop 1", "kill 1".
    std::vector<std::string> actions(int ms) {
        std::vector<std::string> out;
        while (const auto action = director.poll_action(at(ms))) {
            if (const auto* start = std::get_if<StartNode>(&*action))
                out.push_back("start " + std::to_string(start->node));
            if (const auto* make_torrent = std::get_if<MakeTorrent>(&*action)) {
                out.push_back("torrent " + make_torrent->announce);
            }
            if (const auto* signal = std::get_if<SignalNode>(&*action)) {
                out.push_back((signal->kill ? "kill " : "stop ") + std::to_string(signal->node));
            }
        }
        return out;
    }
    void event(std::size_t node, const std::string& kind, const std::string& fields, int ms) {
        director.on_event_line(node, "{\"t\":1.0,\"node\":\"n\",\"event\":\"" + kind + "\"" + fields + "}", at(ms));
    }
    void until_clients() {
        (void)actions(0);
        event(0, "ready", ",\"announce\":\"http://127.1.2.1:9/announce\"", 10);
        (void)actions(10);
        director.on_torrent_made(at(20));
        (void)actions(20);
        event(1, "ready", ",\"listen\":\"127.1.2.2:5\"", 30);
        CHECK(actions(30) == Actions{"start 2", "start 3"});
    }
    using Actions = std::vector<std::string>;
    Director director;
};

}  // namespace

TEST_CASE_METHOD(DirectorBench, "each step waits until the one before it is ready") {
    CHECK(actions(0) == Actions{"start 0"});
    event(0, "stats", "", 5);
    CHECK(actions(5).empty());
    event(0, "ready", ",\"announce\":\"http://127.1.2.1:9/announce\"", 10);
    CHECK(actions(10) == Actions{"torrent http://127.1.2.1:9/announce"});
    director.on_torrent_made(at(20));
    CHECK(actions(20) == Actions{"start 1"});
    event(1, "ready", ",\"listen\":\"127.1.2.2:5\"", 30);
    CHECK(actions(30) == Actions{"start 2", "start 3"});
    CHECK(director.next_deadline() == at(10'030));
}

TEST_CASE_METHOD(DirectorBench, "when every client is complete all are stopped, the tracker last") {
    until_clients();
    event(2, "completed", "", 500);
    CHECK(actions(500).empty());
    event(3, "completed", "", 700);
    CHECK(actions(700) == Actions{"stop 1", "stop 2", "stop 3"});
    CHECK(director.outcome() == Outcome::Complete);
    CHECK(director.completion_time() == milliseconds(670));
    for (const std::size_t node : {1u, 2u}) director.on_exit(node, 0, std::nullopt, at(800));
    CHECK(actions(800).empty());
    director.on_exit(3, 130, std::nullopt, at(810));
    CHECK(actions(810) == Actions{"stop 0"});
    CHECK_FALSE(director.is_done());
    director.on_exit(0, 0, std::nullopt, at(900));
    CHECK(director.is_done());
    CHECK(director.nodes()[3].exit_code == 130);
}

TEST_CASE_METHOD(DirectorBench, "who does not stop within the bound is killed, not earlier") {
    until_clients();
    event(2, "completed", "", 100);
    event(3, "completed", "", 100);
    CHECK(actions(100).size() == 3);
    director.on_exit(1, 0, std::nullopt, at(200));
    director.on_exit(2, 0, std::nullopt, at(200));
    director.on_deadline(at(5'099));
    CHECK(actions(5'099).empty());
    director.on_deadline(at(5'100));
    CHECK(actions(5'100) == Actions{"kill 3"});
    director.on_exit(3, std::nullopt, 9, at(5'110));
    CHECK(actions(5'110) == Actions{"stop 0"});
    director.on_deadline(at(10'110));
    CHECK(actions(10'110) == Actions{"kill 0"});
    director.on_exit(0, std::nullopt, 9, at(10'120));
    CHECK(director.is_done());
    CHECK(director.nodes()[3].killed);
    CHECK_FALSE(director.nodes()[2].killed);
}

TEST_CASE_METHOD(DirectorBench, "clients that are not complete in time end the run") {
    until_clients();
    event(2, "completed", "", 500);
    director.on_deadline(at(10'029));
    CHECK(actions(10'029).empty());
    director.on_deadline(at(10'030));
    CHECK(director.outcome() == Outcome::TimedOut);
    CHECK(actions(10'030) == Actions{"stop 1", "stop 2", "stop 3"});
}

TEST_CASE_METHOD(DirectorBench, "a node that says nothing before it is ready is given up after a minute of silence") {
    (void)actions(0);
    event(0, "stats", "", 30'000);
    director.on_deadline(at(60'000));
    CHECK(actions(60'000).empty());
    director.on_deadline(at(90'000));
    CHECK(director.outcome() == Outcome::NodeLost);
    CHECK(actions(90'000) == Actions{"stop 0"});
}

TEST_CASE_METHOD(DirectorBench, "what ready nodes say is no sign of life of those that are not") {
    (void)actions(0);
    event(0, "ready", ",\"announce\":\"http://127.1.2.1:9/announce\"", 10);
    (void)actions(10);
    director.on_torrent_made(at(20));
    (void)actions(20);
    event(1, "stats", "", 10'000);
    for (int ms = 11'000; ms < 70'000; ms += 1000) event(0, "stats", "", ms);
    director.on_deadline(at(69'999));
    CHECK_FALSE(director.is_stopping());
    director.on_deadline(at(70'000));
    CHECK(director.outcome() == Outcome::NodeLost);
    CHECK(director.detail().find("seeder1") != std::string::npos);
}

TEST_CASE_METHOD(DirectorBench, "the torrent has as long as its content needs, whatever the tracker says meanwhile") {
    Plan plan = make();
    plan.content_bytes = 30 * Director::kSlowestHashing;
    Director patient(plan, expect(), at(0));
    CHECK(patient.next_deadline() == at(90'000));  // a tracker may want it first
    (void)patient.poll_action(at(0));
    patient.on_event_line(0, R"({"t":1,"node":"n","event":"ready","announce":"http://127.1.2.1:9/a"})", at(1000));
    (void)patient.poll_action(at(1000));
    patient.on_event_line(0, R"({"t":1,"node":"n","event":"stats"})", at(80'000));
    patient.on_deadline(at(90'999));
    CHECK_FALSE(patient.is_stopping());
    patient.on_deadline(at(91'000));
    CHECK(patient.outcome() == Outcome::NodeLost);
    CHECK(patient.detail() == "the torrent was not made within 90 s");
}

TEST_CASE_METHOD(DirectorBench, "a held run is up when all are ready; who was taken down before is not waited for") {
    director.hold(Hold::OnceUp);
    until_clients();
    event(2, "ready", ",\"listen\":\"127.1.2.3:5\"", 100);
    CHECK_FALSE(director.is_up());
    TimelineEntry entry;
    entry.deed = GENERATE(Deed::Kill, Deed::Restart);
    entry.nodes = "client3";
    REQUIRE(director.act(entry, at(200)) == 1);
    (void)actions(200);
    director.on_exit(3, std::nullopt, 9, at(300));
    if (entry.deed == Deed::Kill) {
        CHECK(director.is_up());
        CHECK(director.next_deadline() == kNever);
    } else {
        CHECK_FALSE(director.is_up());
        CHECK(actions(400) == Actions{"start 3"});
        CHECK_FALSE(director.is_up());
        CHECK(director.next_deadline() == at(60'400));
        event(3, "ready", ",\"listen\":\"127.1.2.4:5\"", 500);
        CHECK(director.is_up());
    }
}

TEST_CASE_METHOD(DirectorBench, "a run that is held once it is complete keeps its limit and its nodes until then") {
    director.hold(Hold::OnceComplete);
    until_clients();
    for (const std::size_t node : {2u, 3u}) event(node, "ready", "", 100);
    CHECK(director.is_up());
    CHECK(director.next_deadline() == at(10'030));
    event(2, "completed", "", 500);
    SECTION("its limit passes") {
        director.on_deadline(at(10'030));
        CHECK(director.outcome() == Outcome::TimedOut);
    }
    SECTION("it loses its seeder") {
        director.on_exit(1, 0, std::nullopt, at(600));
        CHECK(director.outcome() == Outcome::NodeLost);
    }
    SECTION("it is complete") {
        event(3, "completed", "", 700);
        CHECK(director.next_deadline() == kNever);
        director.on_exit(1, 0, std::nullopt, at(800));
        director.on_deadline(at(20'000));
        CHECK_FALSE(director.is_stopping());
    }
}

TEST_CASE_METHOD(DirectorBench, "a client that ends before it is complete ends the run; afterwards it may go") {
    until_clients();
    event(2, "completed", "", 100);
    director.on_exit(2, 0, std::nullopt, at(200));
    CHECK(actions(200).empty());
    director.on_exit(3, 7, std::nullopt, at(300));
    CHECK(director.outcome() == Outcome::NodeLost);
    CHECK(director.detail().find("exit code 7") != std::string::npos);
    CHECK(actions(300) == Actions{"stop 1"});
}

TEST_CASE_METHOD(DirectorBench, "without its seeder or tracker a run ends") {
    until_clients();
    const std::size_t lost = GENERATE(std::size_t{0}, std::size_t{1});
    director.on_exit(lost, 0, std::nullopt, at(300));
    CHECK(director.outcome() == Outcome::NodeLost);
}

TEST_CASE_METHOD(DirectorBench, "a program that refuses its arguments means a wrong scenario") {
    until_clients();
    director.on_log_line(2, "swarm-client: no such option: --max-pears");
    director.on_exit(2, 2, std::nullopt, at(40));
    CHECK(director.outcome() == Outcome::ScenarioWrong);
    CHECK(director.detail().find("--max-pears") != std::string::npos);
}

TEST_CASE_METHOD(DirectorBench, "a program that cannot be started is the environment's fault") {
    CHECK(actions(0) == Actions{"start 0"});
    director.on_start_failed(0, "no such file", at(1));
    CHECK(director.is_done());
    CHECK(director.outcome() == Outcome::Environment);
}

TEST_CASE_METHOD(DirectorBench, "an interrupt stops every node, a second one kills them") {
    until_clients();
    director.interrupt(at(100));
    CHECK(actions(100) == Actions{"stop 1", "stop 2", "stop 3"});
    director.interrupt(at(200));
    CHECK(actions(200) == Actions{"kill 1", "kill 2", "kill 3", "kill 0"});
    CHECK(director.outcome() == Outcome::Interrupted);
    for (const std::size_t node : {1u, 2u, 3u, 0u}) director.on_exit(node, std::nullopt, 9, at(300));
    CHECK(director.is_done());
}

TEST_CASE_METHOD(DirectorBench, "who is stopped before it is ready is told from who is stopped later") {
    until_clients();
    event(2, "ready", ",\"listen\":\"127.1.2.3:5\"", 50);
    director.stop(at(100));
    CHECK(actions(100) == Actions{"stop 1", "stop 2", "stop 3"});
    CHECK_FALSE(director.nodes()[1].stopped_early);
    CHECK_FALSE(director.nodes()[2].stopped_early);
    CHECK(director.nodes()[3].stopped_early);
}

TEST_CASE_METHOD(DirectorBench, "an interrupt before anything runs ends at once") {
    director.interrupt(at(1));
    CHECK(actions(1).empty());
    CHECK(director.is_done());
}

TEST_CASE_METHOD(DirectorBench, "events that are none are counted and change nothing") {
    (void)actions(0);
    director.on_event_line(0, "ready", at(5));
    director.on_event_line(0, "{\"t\":1,\"event\":\"ready\"", at(5));
    director.on_event_line(0, "[{\"event\":\"ready\"}]", at(5));
    CHECK(director.nodes()[0].bad_events == 3);
    CHECK(actions(5).empty());
    event(0, "stats", ",\"progress\":\"half\",\"have\":-3,\"peers\":2,\"up_rate\":1.5", 6);
    CHECK(director.nodes()[0].progress == 0);
    CHECK(director.nodes()[0].have == 0);
    CHECK(director.nodes()[0].peers == 2);
    CHECK(director.nodes()[0].up_rate == 1.5);
}
