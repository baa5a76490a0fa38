// The tracker's misbehaviour in virtual time: the same rules, over simulated links.

#include "tests/sim/support/probe.h"
#include "tests/support/catch.h"
#include "tests/unit/tracker/exchanges.h"
#include "tracker/tracker_node.h"

using namespace bt;
using namespace bt::sim;

namespace {

tracker::Rule rule_of(tracker::ActionKind kind) {
    tracker::Rule rule;
    rule.name = "r";
    rule.match.nth = 1;
    rule.action.kind = kind;
    return rule;
}

struct Rig {
    explicit Rig(const tracker::Rule& rule)
        : world({1, {}}),
          server(world.add_host("tracker", test_address(1))),
          client(world.add_host("client", test_address(2))),
          node(server, settings_of(rule), Rng(1), telemetry::Telemetry()) {
        world.network().set_delay(server.host(), client.host(), milliseconds(10));
        world.simulator().add_hook([this](const EventInfo&) { world.network().check_invariants(); });
        const Endpoint local{test_address(1), 80};
        REQUIRE(node.start(tracker::Doors{.http = {local}, .udp = {local}}).has_value());
    }
    static tracker::NodeSettings settings_of(const tracker::Rule& rule) {
        tracker::NodeSettings settings;
        settings.lookout.rules = {rule};
        return settings;
    }
    // What one announce over a connection of its own hears within a minute and a half.
    std::unique_ptr<Probe> ask() {
        const test::HonestExchange honest;
        auto probe = std::make_unique<Probe>(client);
        probe->dial({test_address(1), 80});
        probe->send(as_bytes(honest.request));
        world.simulator().run_for(seconds(90));
        node.check_invariants();
        return probe;
    }

    World world;
    SimEnv& server;
    SimEnv& client;
    tracker::TrackerNode node;
};

std::string text_of(const Probe& probe) { return to_string(probe.received()); }

}  // namespace

TEST_CASE("in virtual time a rule cuts the first connection off inside the body, and leaves the second alone") {
    Rig rig(rule_of(tracker::ActionKind::Reset));
    const auto first = rig.ask();
    CHECK(first->closed_with()->code == ErrorCode::ConnectionReset);
    CHECK(text_of(*first).starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK_FALSE(text_of(*first).ends_with("5:peers0:e"));
    const auto second = rig.ask();
    CHECK(text_of(*second).ends_with("5:peers0:e"));
    CHECK(second->closed_with()->code == ErrorCode::EndOfStream);  // idle
}

TEST_CASE("in virtual time a delayed answer comes after exactly that time") {
    auto rule = rule_of(tracker::ActionKind::Delay);
    rule.action.wait = seconds(3);
    Rig rig(rule);
    const TimePoint start = rig.world.now();
    const auto probe = rig.ask();
    CHECK(text_of(*probe).ends_with("5:peers0:e"));
    CHECK(*probe->last_received_at() - start == seconds(3) + milliseconds(40));  // two round trips of 20 ms
}

TEST_CASE("in virtual time a drip takes as long as its rate says") {
    auto rule = rule_of(tracker::ActionKind::Drip);
    rule.action.bytes = 10;
    Rig rig(rule);
    const TimePoint start = rig.world.now();
    const auto probe = rig.ask();
    CHECK(text_of(*probe).ends_with("5:peers0:e"));
    const double ideal = static_cast<double>(probe->received().size()) / 10;
    CHECK(to_seconds(*probe->last_received_at() - start) == Approx(ideal).margin(0.3));
}

TEST_CASE("in virtual time silence lasts for its time, then the connection ends without a byte") {
    Rig rig(rule_of(tracker::ActionKind::Silence));
    const TimePoint start = rig.world.now();
    const auto probe = rig.ask();
    CHECK(probe->received().empty());
    REQUIRE(probe->closed_at().has_value());
    CHECK(*probe->closed_at() - start == tracker::kSilence + milliseconds(40));
}

TEST_CASE("a tracker that stops in the middle of a drip leaves nothing behind") {
    auto rule = rule_of(tracker::ActionKind::Drip);
    rule.action.bytes = 1;
    Rig rig(rule);
    const test::HonestExchange honest;
    Probe probe(rig.client);
    probe.dial({test_address(1), 80});
    probe.send(as_bytes(honest.request));
    rig.world.simulator().run_for(seconds(5));
    CHECK_FALSE(probe.received().empty());
    CHECK(rig.node.connection_count() == 1);
    rig.node.stop();
    rig.world.simulator().run_for(seconds(5));
    CHECK(probe.closed_with().has_value());
}
