#include "lab/relay.h"

#include "common/net/uv_env.h"
#include "common/net/uv_loop.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

Address address(const std::string& text) { return *Address::parse(text); }

// Two nodes, hidden at .1 and .2, open at .11 and .12; the first dials the second, which answers what it gets. They are
// nodes 0 and 1, or the other way round.
struct RelayBench : env::StreamHandler {
    struct Echo : env::StreamHandler {
        void on_connected() override {}
        void on_received(MutableByteView bytes) override {
            output.append_bytes(bytes);
            stream->send(output);
        }
        void on_writable() override { stream->send(output); }
        void on_closed(const Error&) override { closed = true; }
        std::unique_ptr<env::Stream> stream;
        OutputQueue output;
        bool closed = false;
    };

    void begin(lab::Link first = {}, lab::Link second = {}, bool other_way_round = false) {
        std::vector<RelayNode> nodes{{address("127.9.8.1"), address("127.9.8.11"), first},
                                     {address("127.9.8.2"), address("127.9.8.12"), second}};
        if (other_way_round) std::swap(nodes[0], nodes[1]);
        relay.emplace(env, std::move(nodes), Rng(1));
        auto listening = env.listen({address("127.9.8.2"), 0}, [this](std::unique_ptr<env::Stream> accepted) {
            source = accepted->remote_endpoint().address.to_string();
            echo.stream = std::move(accepted);
            echo.stream->set_handler(&echo);
        });
        REQUIRE(listening);
        listener = std::move(*listening);
        REQUIRE(relay->open(other_way_round ? 0 : 1, listener->local_endpoint().port));
        stream =
            env.connect({address("127.9.8.12"), listener->local_endpoint().port}, Endpoint{address("127.9.8.1"), 0});
        stream->set_handler(this);
    }
    void on_connected() override { stream->send(output); }
    void on_received(MutableByteView bytes) override {
        received += bytes.size();
        if (received == wanted) loop.stop();
    }
    void on_writable() override { stream->send(output); }
    void on_closed(const Error&) override { loop.stop(); }
    // Seconds until all that is sent has come back, or `limit` is over.
    double exchange(std::size_t bytes, double limit = 10) {
        wanted += bytes;
        output.append_bytes(ByteBuffer(bytes, 'x'));
        stream->send(output);
        const auto timeout = env.make_timer([this] { loop.stop(); });
        const TimePoint start = loop.now();
        timeout->arm(start + from_seconds(limit));
        loop.run();
        return to_seconds(loop.now() - start);
    }

    net::UvLoop loop;
    net::UvEnv env{loop, 1};
    std::optional<Relay> relay;
    std::unique_ptr<env::Listener> listener;
    Echo echo;
    std::unique_ptr<env::Stream> stream;
    OutputQueue output;
    std::size_t received = 0, wanted = 0;
    std::string source;
};

}  // namespace

TEST_CASE_METHOD(RelayBench, "a relayed connection carries everything, and seems to come from the sender's open address") {
    begin();
    (void)exchange(3'000'000);
    CHECK(received == 3'000'000);
    CHECK(source == "127.9.8.11");
    CHECK(relay->connection_count() == 1);
}

TEST_CASE_METHOD(RelayBench, "a delayed link takes both nodes' delays, each way") {
    lab::Link first, second;
    first.delay = milliseconds(30);
    second.delay = milliseconds(20);
    begin(first, second);
    const double took = exchange(1000);
    CHECK(received == 1000);
    CHECK(took >= 0.1);
    CHECK(took < 2);
}

TEST_CASE_METHOD(RelayBench, "a lossy link brings everything in order, late by retransmission times") {
    lab::Link lossy;
    lossy.loss = kMostLoss;
    begin(lossy);
    const double took = exchange(20'000, 60);
    CHECK(received == 20'000);
    CHECK(took >= 0.2);
}

TEST_CASE_METHOD(RelayBench, "a node's rate holds for what it sends") {
    lab::Link slow;
    slow.rate.upload = 400'000;
    begin(slow);
    const double took = exchange(200'000);
    CHECK(received == 200'000);
    CHECK(took >= 0.4);
    CHECK(took < 3);
}

TEST_CASE_METHOD(RelayBench, "a cut link stalls and loses nothing; healed, it goes on") {
    begin();
    (void)exchange(1000);
    relay->set_cut(0, 1, true);
    CHECK(exchange(1000, 0.2) >= 0.2);
    CHECK(received == 1000);
    relay->set_cut(0, 1, false);
    (void)exchange(0);
    CHECK(received == 2000);
    CHECK_FALSE(echo.closed);
}

TEST_CASE_METHOD(RelayBench, "a connection that is opened over a cut link waits, whoever of the two opens it") {
    begin({}, {}, GENERATE(false, true));
    relay->set_cut(1, 0, true);
    CHECK(exchange(1000, 0.2) >= 0.2);
    CHECK(source.empty());
    relay->set_cut(0, 1, false);
    (void)exchange(0);
    CHECK(received == 1000);
}
