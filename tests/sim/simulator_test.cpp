#include "lab/sim/simulator.h"

#include <string>

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::sim;

namespace {
TimePoint at(int milliseconds_since_start) { return TimePoint(milliseconds(milliseconds_since_start)); }
}  // namespace

TEST_CASE("events run by time, and in the order of asking when times are equal") {
    Simulator simulator(1);
    std::string order;
    simulator.schedule(at(20), std::nullopt, [&] { order += 'd'; });
    simulator.schedule(at(10), std::nullopt, [&] { order += 'a'; });
    simulator.schedule(at(10), std::nullopt, [&] { order += 'b'; });
    simulator.schedule(at(10), std::nullopt, [&] {
        order += 'c';
        CHECK(simulator.now() == at(10));
    });
    while (simulator.step()) simulator.check_invariants();
    CHECK(order == "abcd");
    CHECK(simulator.now() == at(20));
    CHECK(simulator.events_run() == 4);
}

TEST_CASE("an event asked for in the past runs now and never inside the call") {
    Simulator simulator(1);
    std::string order;
    simulator.schedule(at(10), std::nullopt, [&] {
        simulator.schedule(at(3), std::nullopt, [&] {
            order += 'p';
            CHECK(simulator.now() == at(10));
        });
        order += 'a';
    });
    simulator.schedule(at(10), std::nullopt, [&] { order += 'b'; });
    while (simulator.step()) {
    }
    CHECK(order == "abp");
}

TEST_CASE("a cancelled event does not run, and cancelling twice or late does nothing") {
    Simulator simulator(1);
    int runs = 0;
    const EventId cancelled = simulator.schedule(at(1), std::nullopt, [&] { runs += 100; });
    const EventId kept = simulator.schedule(at(2), std::nullopt, [&] { ++runs; });
    simulator.cancel(cancelled);
    simulator.cancel(cancelled);
    simulator.cancel(EventId{});
    CHECK(simulator.events_waiting() == 1);
    simulator.check_invariants();
    CHECK(simulator.step());
    CHECK_FALSE(simulator.step());
    simulator.schedule(at(3), std::nullopt, [&] { ++runs; });  // may live where `kept` lived
    simulator.cancel(kept);
    CHECK(simulator.step());
    CHECK(runs == 2);
}

TEST_CASE("run_until stops at its time, at its condition, at its deadline, or when nothing is left") {
    Simulator simulator(1);
    int runs = 0;
    for (int i = 1; i <= 10; ++i) simulator.schedule(at(10 * i), std::nullopt, [&] { ++runs; });
    simulator.run_until(at(30));
    CHECK(runs == 3);
    CHECK(simulator.now() == at(30));
    simulator.run_for(milliseconds(5));
    CHECK(simulator.now() == at(35));
    CHECK(simulator.run_until([&] { return runs == 5; }, at(1000)));
    CHECK(simulator.now() == at(50));
    CHECK_FALSE(simulator.run_until([&] { return runs == 100; }, at(75)));
    CHECK(runs == 7);
    CHECK(simulator.now() == at(75));
    CHECK_FALSE(simulator.run_until([&] { return runs == 100; }, at(1000)));
    CHECK(runs == 10);
    CHECK(simulator.now() == at(100));
}

TEST_CASE("hooks hear of every event after it ran, with its host") {
    Simulator simulator(1);
    int runs = 0;
    std::string heard;
    simulator.add_hook([&](const EventInfo& event) {
        heard += event.host ? std::to_string(event.host->value()) : "-";
        heard += std::to_string(runs);
        CHECK(event.time == simulator.now());
    });
    simulator.post(HostId(4), [&] { ++runs; });
    simulator.post(std::nullopt, [&] { ++runs; });
    while (simulator.step()) {
    }
    CHECK(heard == "41-2");
}
