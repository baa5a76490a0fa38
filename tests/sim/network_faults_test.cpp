#include <functional>

#include "common/base/encoding.h"
#include "tests/sim/support/probe.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::sim;

namespace {

struct Three {
    Three()
        : world({1, {}}),
          a(world.add_host("a", test_address(1))),
          b(world.add_host("b", test_address(2))),
          c(world.add_host("c", test_address(3))),
          at_b(b, 80),
          at_c(c, 80),
          a_to_b(a),
          a_to_c(a) {
        world.simulator().add_hook([this](const EventInfo&) { world.network().check_invariants(); });
        a_to_b.dial({test_address(2), 80});
        a_to_c.dial({test_address(3), 80});
        run();
    }
    void run() {
        while (world.simulator().step()) {
        }
    }
    World world;
    SimEnv& a;
    SimEnv& b;
    SimEnv& c;
    Acceptor at_b;
    Acceptor at_c;
    Probe a_to_b;
    Probe a_to_c;
};

}  // namespace

TEST_CASE("a partition resets the host's streams on both sides and leaves the others alone") {
    Three three;
    three.world.network().partition(three.b.host());
    CHECK_FALSE(three.a_to_b.closed_with());  // not inside the call
    three.run();
    CHECK(three.a_to_b.closed_with()->code == ErrorCode::ConnectionReset);
    CHECK(three.at_b.probe().closed_with()->code == ErrorCode::ConnectionReset);
    CHECK_FALSE(three.a_to_c.closed_with());
    three.a_to_c.send(test_bytes(5));
    three.run();
    CHECK(three.at_c.probe().received().size() == 5);
}

TEST_CASE("a dial into a partition times out, and succeeds once it is healed") {
    Three three;
    three.world.network().partition(three.b.host());
    Probe dialer(three.a);
    const TimePoint start = three.world.now();
    dialer.dial({test_address(2), 80});
    three.run();
    REQUIRE(dialer.closed_with());
    CHECK(dialer.closed_with()->code == ErrorCode::TimedOut);
    CHECK(dialer.closed_at() == start + seconds(20));
    three.world.network().heal(three.b.host());
    Probe again(three.a);
    again.dial({test_address(2), 80});
    three.run();
    CHECK(again.connected_at());
}

TEST_CASE("a killed host hears nothing more, its peers see a reset one delay later, its files stay") {
    Three three;
    REQUIRE(three.b.files().write("kept", 0, test_bytes(3), three.world.now()));
    bool timer_fired = false;
    bool saved = false;
    const auto timer = three.b.make_timer([&] { timer_fired = true; });
    timer->arm(three.world.now() + seconds(1));
    three.b.disk().save("lost", test_bytes(3), [&](Status) { saved = true; });
    three.a_to_b.send(test_bytes(10));
    const TimePoint start = three.world.now();
    three.b.kill();
    three.run();
    CHECK(three.a_to_b.closed_with()->code == ErrorCode::ConnectionReset);
    CHECK(three.a_to_b.closed_at() == start + milliseconds(20));
    CHECK(three.at_b.probe().received().empty());
    CHECK_FALSE(three.at_b.probe().closed_with());
    CHECK_FALSE(timer_fired);
    CHECK_FALSE(saved);
    CHECK(three.b.files().paths() == std::vector<std::string>{"kept"});

    three.b.revive();
    timer->arm(three.world.now());
    Probe dialer(three.a);
    dialer.dial({test_address(2), 80});
    three.run();
    CHECK(timer_fired);
    CHECK(dialer.closed_with()->code == ErrorCode::ConnectFailed);  // its listener died with it
    Acceptor next(three.b, 80);
    Probe again(three.a);
    again.dial({test_address(2), 80});
    three.run();
    CHECK(again.connected_at());
}

TEST_CASE("reset_streams ends what stands and lets new streams in at once") {
    Three three;
    three.world.network().reset_streams(three.b.host());
    Probe dialer(three.a);
    dialer.dial({test_address(2), 80});
    three.run();
    CHECK(three.a_to_b.closed_with()->code == ErrorCode::ConnectionReset);
    CHECK(dialer.connected_at());
    CHECK(three.world.network().open_streams(three.b.host()) == 1);
}

TEST_CASE("a timer fires once, at its latest deadline, and may destroy itself") {
    World world({1, {}});
    SimEnv& env = world.add_host("a", test_address(1));
    int fired = 0;
    std::unique_ptr<env::Timer> timer;
    timer = env.make_timer([&] {
        ++fired;
        timer.reset();
    });
    timer->arm(TimePoint(seconds(1)));
    timer->arm(TimePoint(seconds(3)));
    world.simulator().run_until(TimePoint(seconds(2)));
    CHECK(fired == 0);
    world.simulator().run_until(TimePoint(seconds(10)));
    CHECK(fired == 1);
    CHECK(timer == nullptr);
    const auto never = env.make_timer([&] { ++fired; });
    never->arm(kNever);
    CHECK(world.simulator().events_waiting() == 0);
    never->arm(TimePoint(seconds(1)));  // past: fires at the next turn
    never->cancel();
    CHECK_FALSE(world.simulator().step());
}

TEST_CASE("the resolver answers text addresses and the name table later, and nothing when cancelled") {
    World world({1, {}});
    SimEnv& env = world.add_host("tracker.test", test_address(9));
    world.add_name("tracker.test", Address::parse("::5").value());
    std::vector<Result<std::vector<Endpoint>>> answers;
    const auto keep = [&](Result<std::vector<Endpoint>> answer) { answers.push_back(std::move(answer)); };
    const auto by_text = env.resolve("10.1.2.3", 80, keep);
    const auto by_name = env.resolve("tracker.test", 81, keep);
    const auto unknown = env.resolve("nobody.test", 82, keep);
    auto cancelled = env.resolve("10.1.2.4", 83, keep);
    cancelled.reset();
    CHECK(answers.empty());
    while (world.simulator().step()) {
    }
    REQUIRE(answers.size() == 3);
    CHECK(answers[0].value() == std::vector<Endpoint>{{Address::v4({10, 1, 2, 3}), 80}});
    CHECK(answers[1].value() == std::vector<Endpoint>{{test_address(9), 81}, {Address::parse("::5").value(), 81}});
    CHECK(answers[2].error().code == ErrorCode::NotFound);
}

namespace {

// A random workload: hosts dial, send, pause, close and are cut off. Every event's host and the bytes that moved are
// logged.
std::string random_run(std::uint64_t rng_seed) {
    World world({rng_seed, {.default_delay = milliseconds(7), .segment_size = 4096, .send_buffer = 32768}});
    Rng rng = world.fork_rng(1);
    std::vector<SimEnv*> envs;
    std::vector<std::unique_ptr<Acceptor>> acceptors;
    std::vector<std::unique_ptr<Probe>> probes;
    for (Byte i = 1; i <= 6; ++i) {
        const LinkSettings links{100'000 + rng.below(100'000), rng.chance(1, 2) ? 0 : 50'000 + rng.below(300'000)};
        envs.push_back(&world.add_host("h" + std::to_string(i), test_address(i), links));
        acceptors.push_back(std::make_unique<Acceptor>(*envs.back(), 80));
    }
    std::string log;
    world.simulator().add_hook([&](const EventInfo& event) {
        world.network().check_invariants();
        log += std::to_string(event.time.time_since_epoch().count()) + " " + std::to_string(event.sequence) + " " +
               (event.host ? std::to_string(event.host->value()) : "-");
        for (const SimEnv* env : envs) log += " " + std::to_string(world.network().traffic(env->host()).bytes_received);
        log += "\n";
    });
    for (int step = 0; step < 600; ++step) {
        world.simulator().run_for(milliseconds(rng.below(40)));
        const auto choice = rng.below(10);
        if (probes.empty() || choice < 3) {
            probes.push_back(std::make_unique<Probe>(*envs[rng.below(envs.size())]));
            probes.back()->dial({test_address(static_cast<Byte>(1 + rng.below(6))), 80});
            continue;
        }
        Probe& probe = *probes[rng.below(probes.size())];
        if (choice < 8) {
            probe.send(test_bytes(rng.below(60'000), rng.next()));
        } else if (choice < 9) {
            world.network().reset_streams(HostId(static_cast<std::uint32_t>(rng.below(6))));
        } else {
            Acceptor& acceptor = *acceptors[rng.below(acceptors.size())];
            if (acceptor.count() == 0) continue;
            env::Stream& stream = acceptor.probe(rng.below(acceptor.count())).stream();
            if (rng.chance(1, 2))
                stream.pause_reading();
            else
                stream.resume_reading();
        }
    }
    while (world.simulator().step()) {
    }
    for (const auto& acceptor : acceptors) {
        for (std::size_t i = 0; i < acceptor->count(); ++i) log += to_hex(acceptor->probe(i).received()).substr(0, 64);
    }
    return log;
}

}  // namespace

TEST_CASE("a random workload runs again event by event from its rng_seed, and otherwise from another") {
    const std::string first = random_run(11);
    CHECK(first.size() > 50'000);
    CHECK(first == random_run(11));
    CHECK(first != random_run(12));
}
