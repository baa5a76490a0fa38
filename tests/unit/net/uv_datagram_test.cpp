#include "common/net/uv_datagram.h"

#include "tests/unit/net/support.h"

using namespace bt;
using namespace bt::net;
using namespace bt::net::test;

namespace {

struct Mailbox final : env::DatagramHandler {
    Mailbox(UvEnv& env, const Endpoint& local) {
        auto opened = env.open_datagram(local, *this);
        REQUIRE(opened);
        socket = std::move(*opened);
    }
    void on_datagram(MutableByteView bytes, const Endpoint& from) override {
        received.emplace_back(to_buffer(bytes), from);
        if (when_received) when_received();
    }
    void on_unreachable(const Endpoint& remote, const Error& error) override {
        unreachable.emplace_back(remote, error);
        if (when_unreachable) when_unreachable();
    }
    [[nodiscard]] Endpoint endpoint() const { return socket->local_endpoint(); }

    std::unique_ptr<env::Datagram> socket;
    std::vector<std::pair<ByteBuffer, Endpoint>> received;
    std::vector<std::pair<Endpoint, Error>> unreachable;
    std::function<void()> when_received;
    std::function<void()> when_unreachable;
};

// Nobody has it: it was just given back.
Endpoint closed_endpoint(UvEnv& env) {
    const Mailbox closed(env, loopback());
    return closed.endpoint();
}

}  // namespace

TEST_CASE("datagrams of every size arrive whole, with the sender's endpoint, over both families") {
    UvLoop loop;
    UvEnv env(loop);
    const Endpoint any = *Endpoint::parse(GENERATE(as<std::string>(), "127.0.0.1:0", "[::1]:0"));
    Mailbox a(env, any);
    Mailbox b(env, any);
    for (const std::size_t size : {0u, 1u, 98u, 1472u, 9000u, 65507u}) {
        const ByteBuffer message = random_bytes(size, size + 1);
        b.received.clear();
        REQUIRE(a.socket->send_to(message, b.endpoint()));
        REQUIRE(run_until(loop, [&] { return !b.received.empty(); }));
        CHECK(b.received[0].first == message);
        CHECK(b.received[0].second == a.endpoint());
    }
}

TEST_CASE("datagrams that come in a burst are all there, over several turns") {
    UvLoop loop;
    UvEnv env(loop);
    Mailbox a(env, loopback());
    Mailbox b(env, loopback());
    constexpr std::size_t kCount = 200;  // what a default receive buffer holds
    for (std::size_t i = 0; i < kCount; ++i) REQUIRE(a.socket->send_to(random_bytes(10, i), b.endpoint()));
    loop.run_turn();
    CHECK(b.received.size() <= kDatagramsPerTurn);
    REQUIRE(run_until(loop, [&] { return b.received.size() == kCount; }));
    CHECK(b.received.back().first == random_bytes(10, kCount - 1));
}

TEST_CASE("a port that nobody has comes back as unreachable, by name, and the socket goes on") {
    UvLoop loop;
    UvEnv env(loop);
    Mailbox a(env, loopback());
    Mailbox b(env, loopback());
    const Endpoint nobody = closed_endpoint(env);
    for (std::size_t round = 1; round <= 3; ++round) {
        REQUIRE(a.socket->send_to(random_bytes(5, 1), nobody));
        // Behind the error, and not eaten by it.
        REQUIRE(a.socket->send_to(random_bytes(5, 2), b.endpoint()));
        REQUIRE(run_until(loop, [&] { return a.unreachable.size() == round && b.received.size() == round; }));
        CHECK(a.unreachable.back().first == nobody);
        CHECK(a.unreachable.back().second.code == ErrorCode::ConnectFailed);
        CHECK(a.unreachable.back().second.fault == Fault::System);
    }
    REQUIRE(b.socket->send_to(random_bytes(5, 3), a.endpoint()));
    REQUIRE(run_until(loop, [&] { return a.received.size() == 1; }));
}

TEST_CASE("what cannot be sent is refused at once, and taken ports are not given twice") {
    UvLoop loop;
    UvEnv env(loop);
    Mailbox a(env, loopback());
    CHECK(a.socket->send_to(ByteBuffer(env::kMaxDatagram + 1), a.endpoint()).error().fault == Fault::Local);
    CHECK(a.socket->send_to(random_bytes(1, 1), *Endpoint::parse("[::1]:9")).error().code == ErrorCode::ConnectFailed);
    CHECK(env.open_datagram(a.endpoint(), a).error().code == ErrorCode::AddressInUse);
    CHECK(env.open_datagram({Address::v4({8, 8, 8, 8}), 0}, a).error().code == ErrorCode::ConnectFailed);
}

TEST_CASE("a datagram socket may be destroyed inside each of its callbacks") {
    UvLoop loop;
    UvEnv env(loop);
    Mailbox a(env, loopback());
    Mailbox b(env, loopback());
    const Endpoint nobody = closed_endpoint(env);
    b.when_received = [&] { b.socket.reset(); };
    const Endpoint target = b.endpoint();
    REQUIRE(a.socket->send_to(random_bytes(5, 1), target));
    REQUIRE(a.socket->send_to(random_bytes(5, 1), target));
    REQUIRE(run_until(loop, [&] { return b.socket == nullptr; }));
    CHECK(b.received.size() == 1);
    a.when_unreachable = [&] { a.socket.reset(); };
    REQUIRE(a.socket->send_to(random_bytes(5, 1), nobody));
    REQUIRE(run_until(loop, [&] { return a.socket == nullptr; }));
    CHECK(a.unreachable.size() == 1);
}

TEST_CASE("answers to a burst leave together, none is missing or mixed up, also the ones too long to wait") {
    UvLoop loop;
    UvEnv env(loop);
    const Endpoint any = *Endpoint::parse(GENERATE(as<std::string>(), "127.0.0.1:0", "[::1]:0"));
    Mailbox server(env, any);
    std::vector<std::unique_ptr<Mailbox>> askers;
    std::size_t answered = 0;
    server.when_received = [&] {
        const auto& [bytes, from] = server.received.back();
        // Twice: more answers than questions fill the batch.
        REQUIRE(server.socket->send_to(bytes, from));
        REQUIRE(server.socket->send_to(bytes, from));
    };
    for (std::size_t i = 0; i < 50; ++i) {
        askers.push_back(std::make_unique<Mailbox>(env, any));
        askers.back()->when_received = [&] { ++answered; };
        const std::size_t size = i % 7 == 0 ? 3000 : i;  // 0, 49 and the sizes around what a batch takes
        REQUIRE(askers.back()->socket->send_to(random_bytes(i == 8   ? 2048
                                                            : i == 9 ? 2049
                                                                     : size,
                                                            i),
                                               server.endpoint()));
    }
    REQUIRE(run_until(loop, [&] { return answered == 100; }));
    for (std::size_t i = 0; i < 50; ++i) {
        REQUIRE(askers[i]->received.size() == 2);
        const std::size_t size = i == 8 ? 2048 : i == 9 ? 2049 : i % 7 == 0 ? 3000 : i;
        CHECK(askers[i]->received[0].first == random_bytes(size, i));
        CHECK(askers[i]->received[1].first == askers[i]->received[0].first);
        CHECK(askers[i]->received[0].second == server.endpoint());
    }
}

TEST_CASE("an answer is not lost when the socket is destroyed inside the callback that sent it") {
    UvLoop loop;
    UvEnv env(loop);
    Mailbox a(env, loopback());
    Mailbox b(env, loopback());
    b.when_received = [&] {
        REQUIRE(b.socket->send_to(random_bytes(9, 9), a.endpoint()));
        b.socket.reset();
    };
    REQUIRE(a.socket->send_to(random_bytes(5, 1), b.endpoint()));
    REQUIRE(run_until(loop, [&] { return !a.received.empty(); }));
    CHECK(a.received[0].first == random_bytes(9, 9));
}

TEST_CASE("an answer from inside a callback to a port that nobody has comes back as unreachable") {
    UvLoop loop;
    UvEnv env(loop);
    Mailbox a(env, loopback());
    Mailbox b(env, loopback());
    const Endpoint nobody = closed_endpoint(env);
    b.when_received = [&] {
        REQUIRE(b.socket->send_to(random_bytes(9, 9), nobody));
        REQUIRE(b.socket->send_to(random_bytes(9, 9), a.endpoint()));
    };
    REQUIRE(a.socket->send_to(random_bytes(5, 1), b.endpoint()));
    REQUIRE(run_until(loop, [&] { return b.unreachable.size() == 1 && a.received.size() == 1; }));
    CHECK(b.unreachable[0].first == nobody);
}

TEST_CASE("two loops have one port when both share it, for datagrams and connections, and one clock when asked to") {
    UvLoop loop;
    UvEnv env(loop);
    UvLoop other_loop(UvLoop::SameClockAs{loop});
    UvEnv other(other_loop);
    CHECK(std::chrono::abs(loop.now() - other_loop.now()) < seconds(1));
    env.share_ports();
    Mailbox a(env, loopback());
    CHECK(other.open_datagram(a.endpoint(), a).error().code == ErrorCode::AddressInUse);
    const auto listener = env.listen(loopback(), [](auto) {});
    REQUIRE(listener);
    const Endpoint at = (*listener)->local_endpoint();
    CHECK(other.listen(at, [](auto) {}).error().code == ErrorCode::AddressInUse);
    other.share_ports();
    CHECK(other.open_datagram(a.endpoint(), a));
    CHECK(other.listen(at, [](auto) {}));
}
