#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/net/support.h"

using namespace bt;
using namespace bt::net;
using namespace bt::net::test;

namespace {

// Sends all of the queue, whenever there is room.
void pump(env::Stream& stream, Recorder& events, OutputQueue& queue) {
    events.when_writable = [&stream, &queue] { stream.send(queue); };
    stream.send(queue);
}

// The kernel's end of a stream that a test needs in person.
Fd raw_connection(const Endpoint& remote) {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const SocketAddress address = to_socket_address(remote);
    REQUIRE(connect(fd.get(), address.get(), address.size) == 0);
    return fd;
}

}  // namespace

TEST_CASE("bytes of every size come back from an echo unchanged") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    OutputQueue back;
    pair.server_events.when_received = [&](MutableByteView bytes) {
        back.append_bytes(bytes);
        pair.server->send(back);
    };
    pair.server_events.when_writable = [&] { pair.server->send(back); };
    for (const std::size_t size : {1u, 2u, 13u, 1448u, 16384u, 16397u, 65536u, 262144u, 262145u, 3000001u}) {
        const ByteBuffer message = random_bytes(size, size);
        OutputQueue queue;
        queue.append_bytes(message);
        pair.client_events.received.clear();
        pump(*pair.client, pair.client_events, queue);
        REQUIRE(run_until(loop, [&] { return pair.client_events.received.size() >= size; }));
        CHECK(pair.client_events.received == message);
    }
    CHECK(pair.server_events.largest_receive <= loop.receive_buffer().size());
}

TEST_CASE("an accepted stream knows both endpoints and is never told that it connected") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    CHECK(pair.server->remote_endpoint() == pair.client->local_endpoint());
    CHECK(pair.client->remote_endpoint() == pair.server->local_endpoint());
    CHECK_FALSE(pair.server_events.connected);
}

TEST_CASE("a stream dials from the address it is given, with any port or a given one") {
    UvLoop loop;
    UvEnv env(loop);
    std::vector<std::unique_ptr<env::Stream>> accepted;
    auto listener = env.listen(loopback(), [&](std::unique_ptr<env::Stream> s) { accepted.push_back(std::move(s)); });
    REQUIRE(listener);
    Recorder any;
    Recorder given;
    Recorder server;
    auto first = env.connect((*listener)->local_endpoint(), Endpoint{Address::v4({127, 0, 0, 7}), 0});
    first->set_handler(&any);
    REQUIRE(run_until(loop, [&] { return any.connected && accepted.size() == 1; }));
    accepted[0]->set_handler(&server);
    CHECK(first->local_endpoint().address == Address::v4({127, 0, 0, 7}));
    CHECK(accepted[0]->remote_endpoint() == first->local_endpoint());
    const Endpoint source{Address::v4({127, 0, 0, 8}), first->local_endpoint().port};
    auto second = env.connect((*listener)->local_endpoint(), source);
    second->set_handler(&given);
    REQUIRE(run_until(loop, [&] { return given.connected; }));
    CHECK(second->local_endpoint() == source);
}

TEST_CASE("IPv6 streams work where the machine has IPv6") {
    UvLoop loop;
    UvEnv env(loop);
    Recorder server_events;
    std::unique_ptr<env::Stream> server;
    auto listener = env.listen({*Address::parse("::1"), 0}, [&](std::unique_ptr<env::Stream> s) {
        server = std::move(s);
        server->set_handler(&server_events);
    });
    if (!listener) {
        WARN("skipped: no IPv6 here: " << listener.error().message());
        return;
    }
    Recorder events;
    auto client = env.connect((*listener)->local_endpoint(), std::nullopt);
    client->set_handler(&events);
    REQUIRE(run_until(loop, [&] { return events.connected && server; }));
    CHECK(server->remote_endpoint() == client->local_endpoint());
    CHECK_FALSE(client->local_endpoint().address.is_v4());
}

TEST_CASE("nothing is taken before the stream is connected") {
    UvLoop loop;
    UvEnv env(loop);
    auto listener = env.listen(loopback(), [](std::unique_ptr<env::Stream>) {});
    REQUIRE(listener);
    Recorder events;
    auto client = env.connect((*listener)->local_endpoint(), std::nullopt);
    client->set_handler(&events);
    OutputQueue queue;
    queue.append_bytes(as_bytes("early"));
    client->send(queue);
    CHECK(queue.size() == 5);
}

TEST_CASE("send takes no more than it may") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    OutputQueue queue;
    queue.append_bytes(as_bytes("0123456789"));
    pair.client->send(queue, 4);
    CHECK(queue.size() == 6);
    pair.client->send(queue, 0);
    CHECK(queue.size() == 6);
    REQUIRE(run_until(loop, [&] { return !pair.server_events.received.empty(); }));
    CHECK(to_string(pair.server_events.received) == "0123");
    pair.client->send(queue);
    CHECK(queue.empty());
    REQUIRE(run_until(loop, [&] { return pair.server_events.received.size() == 10; }));
    CHECK(pair.client_events.writable == 0);
}

TEST_CASE("a full socket leaves the rest in the queue and calls on_writable once there is room") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    pair.server->pause_reading();
    const ByteBuffer message = random_bytes(24u << 20, 1);
    OutputQueue queue;
    queue.append_bytes(message);
    pair.client->send(queue);
    const std::uint64_t left = queue.size();
    REQUIRE(left > 0);
    REQUIRE(left < message.size());
    pair.client->send(queue);  // waits for room: takes nothing
    CHECK(queue.size() == left);
    for (int i = 0; i < 5; ++i) loop.run_ready_turn();
    CHECK(pair.client_events.writable == 0);
    CHECK(pair.server_events.received.empty());

    pair.server->resume_reading();
    REQUIRE(run_until(loop, [&] { return pair.client_events.writable > 0; }));
    for (int i = 0; i < 20; ++i) loop.run_ready_turn();
    CHECK(pair.client_events.writable == 1);
    pump(*pair.client, pair.client_events, queue);
    REQUIRE(run_until(loop, [&] { return pair.server_events.received.size() == message.size(); }));
    CHECK(pair.server_events.received == message);
    CHECK(queue.empty());
}

TEST_CASE("a paused stream delivers nothing until it is resumed") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    pair.server_events.when_received = [&](MutableByteView) { pair.server->pause_reading(); };
    OutputQueue queue;
    queue.append_bytes(random_bytes(600000, 2));
    pump(*pair.client, pair.client_events, queue);
    REQUIRE(run_until(loop, [&] { return !pair.server_events.received.empty(); }));
    const std::size_t first = pair.server_events.received.size();
    CHECK(first <= loop.receive_buffer().size());
    for (int i = 0; i < 5; ++i) loop.run_ready_turn();
    CHECK(pair.server_events.received.size() == first);
    pair.server_events.when_received = nullptr;
    pair.server->resume_reading();
    CHECK(run_until(loop, [&] { return pair.server_events.received.size() == 600000; }));
}

TEST_CASE("a stream that is resumed for some bytes delivers exactly those and pauses itself") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    pair.server->resume_reading(1);
    const ByteBuffer message = random_bytes(300000, 12);
    OutputQueue queue;
    queue.append_bytes(message);
    pump(*pair.client, pair.client_events, queue);
    REQUIRE(run_until(loop, [&] { return !pair.server_events.received.empty(); }));
    for (int i = 0; i < 5; ++i) loop.run_ready_turn();
    CHECK(pair.server_events.received.size() == 1);
    pair.server->resume_reading(100000);
    REQUIRE(run_until(loop, [&] { return pair.server_events.received.size() >= 100001; }));
    for (int i = 0; i < 5; ++i) loop.run_ready_turn();
    CHECK(pair.server_events.received.size() == 100001);

    // The handler may go on inside the call that used the last of them up.
    pair.server_events.when_received = [&](MutableByteView) { pair.server->resume_reading(1000); };
    pair.server->resume_reading(1000);
    REQUIRE(run_until(loop, [&] { return pair.server_events.received.size() == message.size(); }));
    CHECK(pair.server_events.received == message);
}

TEST_CASE("a refused connection comes as on_closed, not from inside connect") {
    UvLoop loop;
    UvEnv env(loop);
    Endpoint nobody;
    {
        auto listener = env.listen(loopback(), [](std::unique_ptr<env::Stream>) {});
        REQUIRE(listener);
        nobody = (*listener)->local_endpoint();
    }
    Recorder events;
    auto client = env.connect(nobody, std::nullopt);
    client->set_handler(&events);
    CHECK_FALSE(events.closed);
    REQUIRE(run_until(loop, [&] { return events.closed.has_value(); }));
    CHECK(events.closed->code == ErrorCode::ConnectFailed);
    CHECK(events.closed->fault == Fault::System);
    CHECK_FALSE(events.connected);
}

TEST_CASE("a source address that is not ours comes as on_closed") {
    UvLoop loop;
    UvEnv env(loop);
    Recorder events;
    auto client = env.connect(loopback(9), Endpoint{Address::v4({192, 0, 2, 1}), 0});
    client->set_handler(&events);
    CHECK_FALSE(events.closed);
    REQUIRE(run_until(loop, [&] { return events.closed.has_value(); }));
    CHECK(events.closed->code == ErrorCode::ConnectFailed);
}

TEST_CASE("an orderly close delivers what was sent before it, then EndOfStream once") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    OutputQueue queue;
    const ByteBuffer message = random_bytes(700000, 3);
    queue.append_bytes(message);
    pair.server_events.when_writable = [&] {
        pair.server->send(queue);
        if (queue.empty()) pair.server.reset();
    };
    pair.server_events.when_writable();
    REQUIRE(run_until(loop, [&] { return pair.client_events.closed.has_value(); }));
    CHECK(pair.client_events.closed->code == ErrorCode::EndOfStream);
    CHECK(pair.client_events.received == message);
    for (int i = 0; i < 5; ++i) loop.run_ready_turn();
    CHECK(pair.client_events.closed_count == 1);
}

TEST_CASE("with the hint that a stream closes behind its queue everything arrives, then the end, large or small") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    const ByteBuffer message = random_bytes(GENERATE(1u, 500u, 70'000u, 3'000'000u), 1);
    OutputQueue queue;
    queue.append_bytes(message);
    pair.server->closes_behind_queue();
    const auto go_on = [&] {
        pair.server->send(queue);
        if (queue.empty()) pair.server.reset();
    };
    pair.server_events.when_writable = go_on;
    go_on();
    REQUIRE(run_until(loop, [&] { return pair.client_events.closed_count == 1; }));
    CHECK(pair.client_events.received == message);
    CHECK(pair.client_events.closed->code == ErrorCode::EndOfStream);
}

TEST_CASE("what somebody says with the connection is heard though the stream was not watched yet, and so is silence") {
    UvLoop loop;
    UvEnv env(loop);
    Recorder server_events;
    std::unique_ptr<env::Stream> server;
    auto listening = env.listen(loopback(), [&](std::unique_ptr<env::Stream> stream) {
        server = std::move(stream);
        server->set_handler(&server_events);
    });
    REQUIRE(listening);
    Recorder client_events;
    const auto client = env.connect((*listening)->local_endpoint(), std::nullopt);
    client->set_handler(&client_events);
    OutputQueue queue;
    const ByteBuffer message = random_bytes(100, 1);
    const bool at_once = GENERATE(true, false);
    if (at_once) {
        client_events.when_connected = [&] {
            queue.append_bytes(message);
            client->send(queue);
        };
    }
    REQUIRE(run_until(loop, [&] { return server && client_events.connected; }));
    for (int turn = 0; turn < 5; ++turn) loop.run_ready_turn();
    if (!at_once) {
        CHECK(server_events.received.empty());
        queue.append_bytes(message);
        client->send(queue);
    }
    REQUIRE(run_until(loop, [&] { return server_events.received.size() == message.size(); }));
    CHECK(server_events.received == message);
    CHECK(server_events.closed_count == 0);
}

TEST_CASE("a close with unread input still delivers what was sent last") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    OutputQueue question;
    question.append_bytes(random_bytes(5000, 4));
    OutputQueue answer;
    answer.append_bytes(as_bytes("no"));
    pair.server->pause_reading();
    pair.client->send(question);
    pair.server->send(answer);
    pair.server.reset();
    REQUIRE(run_until(loop, [&] { return pair.client_events.closed.has_value(); }));
    CHECK(pair.client_events.closed->code == ErrorCode::EndOfStream);
    CHECK(to_string(pair.client_events.received) == "no");
}

TEST_CASE("a reset connection is told as such, after the bytes that came before it") {
    UvLoop loop;
    UvEnv env(loop);
    Recorder events;
    std::unique_ptr<env::Stream> server;
    auto listener = env.listen(loopback(), [&](std::unique_ptr<env::Stream> s) {
        server = std::move(s);
        server->set_handler(&events);
    });
    REQUIRE(listener);
    Fd raw = raw_connection((*listener)->local_endpoint());
    REQUIRE(send(raw.get(), "last words", 10, 0) == 10);
    const linger abort_on_close{1, 0};
    REQUIRE(setsockopt(raw.get(), SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close) == 0);
    raw.reset();
    REQUIRE(run_until(loop, [&] { return events.closed.has_value(); }));
    CHECK(events.closed->code == ErrorCode::ConnectionReset);
    CHECK(to_string(events.received) == "last words");
    CHECK(events.closed_count == 1);
}

TEST_CASE("a stream that is to reset on close cuts the other side off behind what was sent") {
    UvLoop loop;
    UvEnv env(loop);
    Pair pair(env);
    OutputQueue answer;
    answer.append_bytes(as_bytes("half of"));
    pair.server->send(answer);
    pair.server->reset_on_close();
    for (int i = 0; i < 3; ++i) loop.run_ready_turn();
    CHECK_FALSE(pair.client_events.closed);  // not before it is destroyed
    pair.server.reset();
    REQUIRE(run_until(loop, [&] { return pair.client_events.closed.has_value(); }));
    CHECK(pair.client_events.closed->code == ErrorCode::ConnectionReset);
    CHECK(to_string(pair.client_events.received) == "half of");
}

TEST_CASE("sending into a connection that is gone is answered by on_closed later, even while reading is paused") {
    UvLoop loop;
    UvEnv env(loop);
    Recorder events;
    std::unique_ptr<env::Stream> server;
    auto listener = env.listen(loopback(), [&](std::unique_ptr<env::Stream> s) {
        server = std::move(s);
        server->set_handler(&events);
    });
    REQUIRE(listener);
    Fd raw = raw_connection((*listener)->local_endpoint());
    REQUIRE(run_until(loop, [&] { return server != nullptr; }));
    server->pause_reading();
    const linger abort_on_close{1, 0};
    REQUIRE(setsockopt(raw.get(), SOL_SOCKET, SO_LINGER, &abort_on_close, sizeof abort_on_close) == 0);
    raw.reset();
    OutputQueue queue;
    queue.append_bytes(as_bytes("anybody?"));
    server->send(queue);
    CHECK_FALSE(events.closed);
    REQUIRE(run_until(loop, [&] { return events.closed.has_value(); }));
    CHECK(events.closed->code == ErrorCode::ConnectionReset);
    CHECK(events.closed_count == 1);
}

TEST_CASE("a stream may be destroyed inside each of its callbacks") {
    UvLoop loop;
    UvEnv env(loop);
    SECTION("on_connected") {
        auto listener = env.listen(loopback(), [](std::unique_ptr<env::Stream>) {});
        REQUIRE(listener);
        Recorder events;
        auto client = env.connect((*listener)->local_endpoint(), std::nullopt);
        client->set_handler(&events);
        events.when_connected = [&] { client.reset(); };
        REQUIRE(run_until(loop, [&] { return events.connected; }));
        loop.run_ready_turn();
        CHECK_FALSE(events.closed);
    }
    SECTION("on_received") {
        Pair pair(env);
        pair.server_events.when_received = [&](MutableByteView) { pair.server.reset(); };
        OutputQueue queue;
        queue.append_bytes(random_bytes(1000000, 5));
        pump(*pair.client, pair.client_events, queue);
        REQUIRE(run_until(loop, [&] { return pair.client_events.closed.has_value(); }));
        CHECK(pair.server_events.received.size() <= loop.receive_buffer().size());
        CHECK_FALSE(pair.server_events.closed);
    }
    SECTION("on_writable") {
        Pair pair(env);
        OutputQueue queue;
        queue.append_bytes(random_bytes(24u << 20, 6));
        pair.client_events.when_writable = [&] { pair.client.reset(); };
        pair.client->send(queue);
        REQUIRE(run_until(loop, [&] { return pair.server_events.closed.has_value(); }));
        CHECK(pair.client_events.writable == 1);
    }
    SECTION("on_closed") {
        Pair pair(env);
        pair.client_events.when_closed = [&] { pair.client.reset(); };
        pair.server.reset();
        REQUIRE(run_until(loop, [&] { return pair.client_events.closed.has_value(); }));
        CHECK_FALSE(pair.client);
    }
}

TEST_CASE("a stream that is destroyed while it has news never tells them") {
    UvLoop loop;
    UvEnv env(loop);
    Recorder events;
    auto client = env.connect(loopback(9), Endpoint{Address::v4({192, 0, 2, 1}), 0});
    client->set_handler(&events);
    client.reset();
    loop.run_ready_turn();
    CHECK_FALSE(events.closed);
}

TEST_CASE("a port that is taken is AddressInUse, and is free again once its listener is gone") {
    UvLoop loop;
    UvEnv env(loop);
    auto first = env.listen(loopback(), [](std::unique_ptr<env::Stream>) {});
    REQUIRE(first);
    const Endpoint taken = (*first)->local_endpoint();
    CHECK(taken.port != 0);
    auto second = env.listen(taken, [](std::unique_ptr<env::Stream>) {});
    REQUIRE_FALSE(second);
    CHECK(second.error().code == ErrorCode::AddressInUse);
    first->reset();
    CHECK(env.listen(taken, [](std::unique_ptr<env::Stream>) {}));
}

TEST_CASE("a listener may be destroyed by the connection it accepts, which lives on") {
    UvLoop loop;
    UvEnv env(loop);
    Recorder events;
    std::unique_ptr<env::Listener> listener;
    std::unique_ptr<env::Stream> server;
    auto listening = env.listen(loopback(), [&](std::unique_ptr<env::Stream> s) {
        server = std::move(s);
        server->set_handler(&events);
        listener.reset();
    });
    REQUIRE(listening);
    listener = std::move(*listening);
    const Endpoint there = listener->local_endpoint();
    const Fd first = raw_connection(there);
    const Fd second = raw_connection(there);
    REQUIRE(run_until(loop, [&] { return server != nullptr; }));
    CHECK_FALSE(listener);
    REQUIRE(send(first.get(), "hi", 2, 0) == 2);
    CHECK(run_until(loop, [&] { return events.received.size() == 2; }));
}

TEST_CASE("a listener without descriptors to give waits and accepts when there are some") {
    UvLoop loop;
    UvEnv env(loop);
    std::vector<std::unique_ptr<env::Stream>> accepted;
    Recorder events;
    auto listener = env.listen(loopback(), [&](std::unique_ptr<env::Stream> s) {
        s->set_handler(&events);
        accepted.push_back(std::move(s));
    });
    REQUIRE(listener);
    // UBSan looks at an object's vptr through a pipe when it meets one for the first time, and there will be no
    // descriptor for one: let it meet them all before.
    const Fd earlier = raw_connection((*listener)->local_endpoint());
    REQUIRE(run_until(loop, [&] { return accepted.size() == 1; }));
    for (int i = 0; i < 5; ++i) loop.run_ready_turn();
    const Fd raw = raw_connection((*listener)->local_endpoint());
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_NOFILE, &before) == 0);
    // Not one descriptor more than are open now.
    const Fd highest(dup(raw.get()));
    const rlimit none{static_cast<rlim_t>(highest.get()), before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &none) == 0);
    for (int i = 0; i < 5; ++i) loop.run_ready_turn();
    const bool waited = accepted.size() == 1;
    REQUIRE(setrlimit(RLIMIT_NOFILE, &before) == 0);
    CHECK(waited);
    CHECK(run_until(loop, [&] { return accepted.size() == 2; }));
}
