#include "tests/sim/support/probe.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::sim;

namespace {

struct Mailbox final : env::DatagramHandler {
    Mailbox(SimEnv& e, std::uint16_t port) : Mailbox(e, Endpoint{e.address(), port}) {}
    Mailbox(SimEnv& e, const Endpoint& local) : env(e) {
        auto opened = e.open_datagram(local, *this);
        socket = std::move(opened).value();
    }
    void on_datagram(MutableByteView bytes, const Endpoint& from) override {
        received.push_back({env.now(), to_buffer(bytes), from});
        if (when_received) when_received();
    }
    void on_unreachable(const Endpoint& remote, const Error& error) override {
        unreachable.push_back({env.now(), remote, error});
    }
    struct Received {
        TimePoint time;
        ByteBuffer bytes;
        Endpoint from;
    };
    struct Unreachable {
        TimePoint time;
        Endpoint remote;
        Error error;
    };
    SimEnv& env;
    std::unique_ptr<env::Datagram> socket;
    std::vector<Received> received;
    std::vector<Unreachable> unreachable;
    std::function<void()> when_received;
};

struct Two {
    explicit Two(LinkSettings from = {}, LinkSettings to = {}, NetworkSettings network = {}, std::uint64_t seed = 1)
        : world({seed, network}),
          a(world.add_host("a", test_address(1), from)),
          b(world.add_host("b", test_address(2), to)) {}
    void run() {
        while (world.simulator().step()) {
        }
    }
    World world;
    SimEnv& a;
    SimEnv& b;
};

constexpr std::uint16_t kPort = 6881;

}  // namespace

TEST_CASE("a datagram arrives whole after the delay of the link, with its sender's address") {
    Two world;
    Mailbox a(world.a, kPort);
    Mailbox b(world.b, 80);
    const ByteBuffer message = test_bytes(1400);
    REQUIRE(a.socket->send_to(message, {test_address(2), 80}));
    CHECK(b.received.empty());
    world.run();
    REQUIRE(b.received.size() == 1);
    CHECK(b.received[0].bytes == message);
    CHECK(b.received[0].from == Endpoint{test_address(1), kPort});
    CHECK(b.received[0].time == TimePoint(milliseconds(20)));
    CHECK(a.received.empty());
}

TEST_CASE("datagrams share the rate of a link with one another, and what waits too long for it is lost") {
    Two world({.uplink_bytes_per_s = 100'000}, {}, {.datagram_queue = 10'000});
    Mailbox a(world.a, kPort);
    Mailbox b(world.b, 80);
    for (int i = 0; i < 20; ++i) REQUIRE(a.socket->send_to(test_bytes(1000), {test_address(2), 80}));
    world.run();
    REQUIRE(b.received.size() == 10);
    CHECK(b.received.front().time == TimePoint(milliseconds(30)));
    CHECK(b.received.back().time == TimePoint(milliseconds(120)));
}

TEST_CASE("a slow downlink delays datagrams, and drops those that it has no room for") {
    Two world({}, {.downlink_bytes_per_s = 100'000}, {.datagram_queue = 10'000});
    Mailbox a(world.a, kPort);
    Mailbox b(world.b, 80);
    for (int i = 0; i < 20; ++i) {
        REQUIRE(a.socket->send_to(test_bytes(1000), {test_address(2), 80}));
        world.world.simulator().run_for(milliseconds(1));
    }
    world.run();
    CHECK(b.received.size() >= 10);
    CHECK(b.received.size() <= 13);  // 20 ms of it pass while they come
    CHECK(b.received[0].time == TimePoint(milliseconds(30)));
}

TEST_CASE("datagrams are lost at the rate that was asked for, and the same ones in every run") {
    const auto arrivals = [](std::uint64_t seed) {
        Two world({.loss_per_mille = 100}, {.loss_per_mille = 100}, {}, seed);
        Mailbox a(world.a, kPort);
        Mailbox b(world.b, 80);
        for (int i = 0; i < 2000; ++i) {
            const Byte number[2] = {static_cast<Byte>(i >> 8), static_cast<Byte>(i)};
            REQUIRE(a.socket->send_to(number, {test_address(2), 80}));
            world.world.simulator().run_for(milliseconds(1));
        }
        world.run();
        std::vector<ByteBuffer> got;
        for (const auto& one : b.received) got.push_back(one.bytes);
        return got;
    };
    const auto first = arrivals(1);
    CHECK(first.size() > 1540);  // 0.9 x 0.9 x 2000 = 1620, give or take four deviations
    CHECK(first.size() < 1700);
    CHECK(first == arrivals(1));
    CHECK(first != arrivals(2));
}

TEST_CASE("a datagram to a port that nobody has, or to no host, comes back as unreachable") {
    Two world;
    Mailbox a(world.a, kPort);
    REQUIRE(a.socket->send_to(test_bytes(10), {test_address(2), 81}));
    world.run();
    REQUIRE(a.unreachable.size() == 1);
    CHECK(a.unreachable[0].remote == Endpoint{test_address(2), 81});
    CHECK(a.unreachable[0].error.code == ErrorCode::ConnectFailed);
    CHECK(a.unreachable[0].time == TimePoint(milliseconds(40)));
    REQUIRE(a.socket->send_to(test_bytes(10), {test_address(99), 81}));
    world.run();
    REQUIRE(a.unreachable.size() == 2);
    CHECK(a.unreachable[1].remote.address == test_address(99));
}

TEST_CASE("what cannot be sent is refused at once") {
    Two world;
    Mailbox a(world.a, kPort);
    Mailbox b(world.b, 80);
    CHECK(a.socket->send_to(ByteBuffer(env::kMaxDatagram), {test_address(2), 80}));
    CHECK(a.socket->send_to(ByteBuffer(env::kMaxDatagram + 1), {test_address(2), 80}).error().fault == Fault::Local);
    CHECK(a.socket->send_to(test_bytes(1), *Endpoint::parse("[::1]:80")).error().code == ErrorCode::ConnectFailed);
    world.run();
    REQUIRE(b.received.size() == 1);
    CHECK(b.received[0].bytes.size() == env::kMaxDatagram);
    CHECK(world.a.open_datagram({test_address(1), kPort}, a).error().code == ErrorCode::AddressInUse);
    CHECK(world.a.open_datagram({test_address(2), 1}, a).error().code == ErrorCode::ConnectFailed);
}

TEST_CASE("hosts that are cut off or killed hear and say nothing, and a closed socket is gone at once") {
    Two world;
    Mailbox a(world.a, kPort);
    Mailbox b(world.b, 80);
    world.world.network().partition(world.b.host());
    REQUIRE(a.socket->send_to(test_bytes(1), {test_address(2), 80}));
    world.run();
    world.world.network().heal(world.b.host());
    CHECK(b.received.empty());
    CHECK(a.unreachable.empty());

    REQUIRE(a.socket->send_to(test_bytes(1), {test_address(2), 80}));
    b.socket.reset();  // while it is on its way
    world.run();
    CHECK(b.received.empty());
    CHECK(a.unreachable.size() == 1);

    Mailbox c(world.b, 80);  // the port is free again
    c.when_received = [&] { c.socket.reset(); };
    for (int i = 0; i < 3; ++i) REQUIRE(a.socket->send_to(test_bytes(1), {test_address(2), 80}));
    world.run();
    CHECK(c.received.size() == 1);

    Mailbox d(world.b, 81);
    REQUIRE(a.socket->send_to(test_bytes(1), {test_address(2), 81}));
    world.b.kill();
    world.run();
    world.b.revive();
    REQUIRE(a.socket->send_to(test_bytes(1), {test_address(2), 81}));
    world.run();
    CHECK(d.received.empty());
}

TEST_CASE("a host with an address of each family is reached at both and sends from the fitting one") {
    Two world;
    const Address six = *Address::parse("fd00::2");
    world.world.network().add_address(world.b.host(), six);
    const Address six_of_a = *Address::parse("fd00::1");
    world.world.network().add_address(world.a.host(), six_of_a);
    Mailbox a(world.a, {six_of_a, 7});
    Mailbox b(world.b, {Address::v6({}), 80});
    REQUIRE(a.socket->send_to(test_bytes(5), {six, 80}));
    world.run();
    REQUIRE(b.received.size() == 1);
    CHECK(b.received[0].from == Endpoint{six_of_a, 7});

    Acceptor acceptor(world.b, Endpoint{Address::v6({}), 81});
    Acceptor other(world.b, 82);  // IPv4: another port, though of the same number
    Probe probe(world.a);
    probe.dial({six, 81});
    Probe refused(world.a);
    refused.dial({six, 82});
    world.run();
    CHECK(other.count() == 0);
    REQUIRE(acceptor.count() == 1);
    CHECK(acceptor.probe().stream().remote_endpoint().address == six_of_a);
}
