#include "lab/sim/network.h"

#include "tests/sim/support/probe.h"
#include "tests/support/catch.h"
#include "tests/support/sizes.h"

using namespace bt;
using namespace bt::sim;

namespace {

using bt::test_size::kKiB;
using bt::test_size::kMiB;

struct Pair {
    explicit Pair(LinkSettings from = {}, LinkSettings to = {}, NetworkSettings network = {})
        : world({1, network}),
          a(world.add_host("a", test_address(1), from)),
          b(world.add_host("b", test_address(2), to)) {
        world.simulator().add_hook([this](const EventInfo&) {
            world.simulator().check_invariants();
            world.network().check_invariants();
        });
    }
    void run() {
        while (world.simulator().step()) {
        }
    }
    World world;
    SimEnv& a;
    SimEnv& b;
};

double seconds_of(std::optional<TimePoint> time) { return to_seconds(time.value().time_since_epoch()); }

}  // namespace

TEST_CASE("a connect takes one round trip, and the accepted side is there after half of it") {
    Pair world;
    world.world.network().set_delay(world.a.host(), world.b.host(), milliseconds(35));
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    probe.dial({test_address(2), 80});
    CHECK_FALSE(probe.connected_at());
    world.world.simulator().run_until(TimePoint(milliseconds(34)));
    CHECK(acceptor.count() == 0);
    world.world.simulator().run_until(TimePoint(milliseconds(35)));
    CHECK(acceptor.count() == 1);
    CHECK_FALSE(probe.connected_at());
    world.run();
    CHECK(probe.connected_at() == TimePoint(milliseconds(70)));
    CHECK(probe.stream().remote_endpoint() == acceptor.endpoint());
    CHECK(probe.stream().local_endpoint() == acceptor.probe().stream().remote_endpoint());
    CHECK(probe.stream().local_endpoint().address == test_address(1));
}

TEST_CASE("a dial is refused after a round trip where nobody listens, at once without the source address") {
    Pair world;
    Probe refused(world.a);
    refused.dial({test_address(2), 80});
    Probe unknown(world.a);
    unknown.dial({test_address(99), 80});
    Probe foreign(world.a);
    foreign.attach(world.a.connect({test_address(2), 80}, Endpoint{test_address(77), 0}));
    CHECK_FALSE(foreign.closed_with());
    world.run();
    REQUIRE(refused.closed_with());
    CHECK(refused.closed_with()->code == ErrorCode::ConnectFailed);
    CHECK(refused.closed_at() == TimePoint(milliseconds(40)));
    CHECK(unknown.closed_with()->code == ErrorCode::ConnectFailed);
    CHECK(foreign.closed_with()->code == ErrorCode::ConnectFailed);
    CHECK(foreign.closed_at() == TimePoint{});
}

TEST_CASE("listening: a taken port is refused, port 0 gives a free one, a stopped listener refuses") {
    Pair world;
    Acceptor acceptor(world.b, 80);
    CHECK(world.b.listen({test_address(2), 80}, [](auto) {}).error().code == ErrorCode::AddressInUse);
    CHECK(world.b.listen({test_address(3), 81}, [](auto) {}).error().code == ErrorCode::ConnectFailed);
    const auto any = world.b.listen({Address(), 0}, [](auto) {});
    REQUIRE(any);
    CHECK((*any)->local_endpoint().port == 40000);
    acceptor.stop();
    Probe probe(world.a);
    probe.dial({test_address(2), 80});
    world.run();
    CHECK(probe.closed_with()->code == ErrorCode::ConnectFailed);
    CHECK(world.b.listen({test_address(2), 80}, [](auto) {}));
}

TEST_CASE("1 MiB over a link of 128 KiB/s takes 8 s and a delay after the hand-shake") {
    // Tolerance 1 ms: a segment's time is rounded up to a nanosecond, nothing else is inexact.
    Pair world({.uplink_bytes_per_s = 128 * kKiB});
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    const ByteBuffer content = test_bytes(kMiB);
    probe.send(content);
    probe.dial({test_address(2), 80});
    world.run();
    CHECK(equal_bytes(acceptor.probe().received(), content));
    CHECK(seconds_of(acceptor.probe().last_received_at()) == Approx(0.040 + 8.0 + 0.020).margin(0.001));
    CHECK(probe.writable_calls() > 0);
    CHECK(probe.queue().empty());
    CHECK(world.world.network().traffic(world.b.host()).bytes_received == kMiB);
}

TEST_CASE("a downlink is as exact as an uplink, and adds one segment's time behind one of the same rate") {
    const ByteBuffer content = test_bytes(kMiB);
    const std::uint64_t uplink = GENERATE(std::uint64_t{0}, 128 * kKiB);
    Pair world({.uplink_bytes_per_s = uplink}, {.downlink_bytes_per_s = 128 * kKiB});
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    probe.send(content);
    probe.dial({test_address(2), 80});
    world.run();
    CHECK(equal_bytes(acceptor.probe().received(), content));
    const double one_segment = uplink == 0 ? 0.0 : 16.0 / 128.0;
    CHECK(seconds_of(acceptor.probe().last_received_at()) == Approx(0.060 + 8.0 + one_segment).margin(0.001));
}

TEST_CASE("an unlimited link is bounded by the send buffer a round trip alone") {
    Pair world({}, {}, {.default_delay = milliseconds(50), .send_buffer = 256 * kKiB});
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    probe.send(test_bytes(kMiB));
    probe.dial({test_address(2), 80});
    world.run();
    // Four windows: the last leaves three round trips after the first.
    CHECK(seconds_of(acceptor.probe().last_received_at()) == Approx(0.100 + 3 * 0.100 + 0.050).margin(0.001));
}

TEST_CASE("two streams share an uplink evenly, and each has all of it when alone") {
    Pair world({.uplink_bytes_per_s = 256 * kKiB});
    SimEnv& c = world.world.add_host("c", test_address(3));
    Acceptor at_b(world.b, 80);
    Acceptor at_c(c, 80);
    Probe to_b(world.a);
    Probe to_c(world.a);
    to_b.send(test_bytes(kMiB));
    to_c.send(test_bytes(2 * kMiB));
    to_b.dial({test_address(2), 80});
    to_c.dial({test_address(3), 80});
    const TimePoint middle(milliseconds(2060));
    world.world.simulator().run_until(middle);
    // After 2 s half a MiB has left; neither is more than a segment ahead.
    const auto got_b = static_cast<double>(at_b.probe().received().size());
    const auto got_c = static_cast<double>(at_c.probe().received().size());
    CHECK(got_b + got_c == Approx(512.0 * kKiB).margin(16.0 * kKiB));
    CHECK(got_b == Approx(got_c).margin(16.0 * kKiB));
    world.run();
    // The shorter needs 2 MiB of the link's time, the longer all 3 MiB.
    CHECK(seconds_of(at_b.probe().last_received_at()) == Approx(0.060 + 8.0).margin(0.07));
    CHECK(seconds_of(at_c.probe().last_received_at()) == Approx(0.060 + 12.0).margin(0.001));
}

TEST_CASE("a reader that pauses stops the sender within the send buffer, and gets every byte afterwards") {
    Pair world;
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    const ByteBuffer content = test_bytes(kMiB);
    probe.dial({test_address(2), 80});
    world.world.simulator().run_until(TimePoint(milliseconds(40)));
    acceptor.probe().stream().pause_reading();
    probe.send(content);
    world.run();
    CHECK(acceptor.probe().received().empty());
    CHECK(probe.queue().size() == kMiB - 256 * kKiB);
    CHECK(probe.writable_calls() == 0);
    acceptor.probe().stream().resume_reading();
    CHECK(acceptor.probe().received().empty());  // not inside the call
    world.run();
    CHECK(equal_bytes(acceptor.probe().received(), content));
    CHECK(probe.writable_calls() > 0);
}

TEST_CASE("a simulated stream that is resumed for some bytes delivers exactly those and pauses itself") {
    Pair world;
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    const ByteBuffer content = test_bytes(kMiB);
    probe.dial({test_address(2), 80});
    world.world.simulator().run_until(TimePoint(milliseconds(40)));
    acceptor.probe().stream().resume_reading(1);
    probe.send(content);
    world.run();
    CHECK(acceptor.probe().received().size() == 1);
    acceptor.probe().stream().resume_reading(100'000);
    world.run();
    CHECK(acceptor.probe().received().size() == 100'001);
    acceptor.probe().stream().resume_reading();
    world.run();
    CHECK(equal_bytes(acceptor.probe().received(), content));
}

TEST_CASE("send takes no more than max_bytes and then promises nothing") {
    Pair world;
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    probe.dial({test_address(2), 80});
    world.run();
    OutputQueue queue;
    queue.append_bytes(test_bytes(100));
    probe.stream().send(queue, 40);
    CHECK(queue.size() == 60);
    world.run();
    CHECK(acceptor.probe().received().size() == 40);
    CHECK(probe.writable_calls() == 0);
    probe.stream().send(queue, 0);
    CHECK(queue.size() == 60);
    probe.stream().send(queue);
    CHECK(queue.empty());
}

TEST_CASE("before the connection stands nothing is taken") {
    Pair world;
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    probe.dial({test_address(2), 80});
    probe.send(test_bytes(10));
    CHECK(probe.queue().size() == 10);
    world.run();
    CHECK(probe.queue().empty());
    CHECK(acceptor.probe().received().size() == 10);
}

TEST_CASE("closing delivers what was sent, then EndOfStream") {
    Pair world({.uplink_bytes_per_s = 64 * kKiB});
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    const ByteBuffer content = test_bytes(128 * kKiB);
    probe.send(content);
    probe.dial({test_address(2), 80});
    world.world.simulator().run_until(TimePoint(milliseconds(40)));
    CHECK(probe.queue().empty());
    probe.close();
    world.run();
    CHECK(equal_bytes(acceptor.probe().received(), content));
    REQUIRE(acceptor.probe().closed_with());
    CHECK(acceptor.probe().closed_with()->code == ErrorCode::EndOfStream);
    CHECK(seconds_of(acceptor.probe().closed_at()) == Approx(0.060 + 2.0).margin(0.001));
    CHECK(acceptor.probe().closed_at() >= acceptor.probe().last_received_at());
}

TEST_CASE("EndOfStream waits behind a paused reader's bytes") {
    Pair world;
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    probe.dial({test_address(2), 80});
    world.run();
    acceptor.probe().stream().pause_reading();
    probe.send(test_bytes(100));
    probe.close();
    world.run();
    CHECK_FALSE(acceptor.probe().closed_with());
    acceptor.probe().stream().resume_reading();
    world.run();
    CHECK(acceptor.probe().received().size() == 100);
    CHECK(acceptor.probe().closed_with()->code == ErrorCode::EndOfStream);
}

TEST_CASE("bytes for a closed stream, and closing with bytes unread, come back as a reset") {
    Pair world;
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    probe.dial({test_address(2), 80});
    world.run();
    SECTION("bytes after the close") {
        probe.send(test_bytes(10));
        world.world.simulator().run_for(milliseconds(1));
        acceptor.probe().close();  // 19 ms before they arrive
        world.world.simulator().run_for(milliseconds(18));
        CHECK_FALSE(probe.closed_with());
        world.run();
        // The close itself was on its way already.
        CHECK(probe.closed_with()->code == ErrorCode::EndOfStream);
    }
    SECTION("unread bytes") {
        acceptor.probe().stream().pause_reading();
        probe.send(test_bytes(10));
        world.run();
        acceptor.probe().close();
        world.run();
        CHECK(probe.closed_with()->code == ErrorCode::ConnectionReset);
    }
}

TEST_CASE("a simulated stream that is to reset on close cuts the other side off behind what was sent") {
    Pair world;
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    probe.dial({test_address(2), 80});
    world.run();
    acceptor.probe().send(test_bytes(10));
    acceptor.probe().stream().reset_on_close();
    acceptor.probe().close();
    world.run();
    CHECK(probe.received().size() == 10);
    CHECK(probe.closed_with()->code == ErrorCode::ConnectionReset);
}

TEST_CASE("a dial that is given up never reaches the listener") {
    Pair world;
    Acceptor acceptor(world.b, 80);
    Probe probe(world.a);
    probe.dial({test_address(2), 80});
    probe.close();
    world.run();
    CHECK(acceptor.count() == 0);
    CHECK_FALSE(probe.connected_at());
}
