#include "common/env/secure_stream.h"

#include "tests/sim/support/probe.h"
#include "tests/support/catch.h"
#include "tests/support/certificates.h"

using namespace bt;
using namespace bt::sim;

namespace {

const test::CertificateAuthority& stream_authority() {
    static const test::CertificateAuthority made;
    return made;
}

crypto::TlsClientContext client_context() {
    const test::PemFile file(stream_authority().pem());
    return crypto::TlsClientContext::make({file.path(), test::kWithinCertificate}).value();
}

crypto::TlsServerContext server_context(const std::string& names) {
    const test::Certificate certificate = stream_authority().issue(names);
    return crypto::TlsServerContext::make(certificate.pem, certificate.key).value();
}

// A client host and a server host; every stream that the server accepts is secured, or raw where asked.
struct Rig {
    explicit Rig(const std::string& names = "DNS:tracker.test", bool secure_server = true, NetworkSettings network = {})
        : world({1, network}),
          a(world.add_host("client", test_address(1))),
          b(world.add_host("server", test_address(2))),
          clients(client_context()),
          servers(server_context(names)),
          probe(a) {
        world.network().set_delay(a.host(), b.host(), milliseconds(10));
        auto listening = b.listen({b.address(), 443}, [this, secure_server](std::unique_ptr<env::Stream> stream) {
            server.emplace(b);
            if (secure_server) stream = std::make_unique<env::SecureStream>(std::move(stream), servers);
            server->attach(std::move(stream));
        });
        listener = std::move(listening).value();
        probe.attach(std::make_unique<env::SecureStream>(a.connect({b.address(), 443}, std::nullopt), clients,
                                                            "tracker.test"));
    }
    void run() {
        while (world.simulator().step()) {
        }
    }

    World world;
    SimEnv& a;
    SimEnv& b;
    crypto::TlsClientContext clients;
    crypto::TlsServerContext servers;
    std::unique_ptr<env::Listener> listener;
    std::optional<Probe> server;
    Probe probe;
};

}  // namespace

TEST_CASE("a secure stream in virtual time connects after the handshake, not before, and carries bytes both ways") {
    Rig rig;
    rig.probe.send(as_bytes("GET /announce"));  // nothing is taken before on_connected
    CHECK(rig.probe.queue().size() == 13);
    rig.run();
    REQUIRE(rig.probe.connected_at().has_value());
    CHECK(*rig.probe.connected_at() >= TimePoint(milliseconds(40)));  // two round trips
    CHECK(to_string(rig.server->received()) == "GET /announce");
    CHECK_FALSE(rig.server->connected_at().has_value());
    rig.server->send(as_bytes("200 OK"));
    rig.run();
    CHECK(to_string(rig.probe.received()) == "200 OK");
    CHECK(rig.probe.stream().remote_endpoint() == Endpoint{test_address(2), 443});
}

TEST_CASE("the end of a secure stream is EndOfStream on the other side, behind all bytes") {
    Rig rig;
    rig.run();
    rig.server->send(as_bytes("last words"));
    rig.server->close();
    rig.run();
    CHECK(to_string(rig.probe.received()) == "last words");
    REQUIRE(rig.probe.closed_with().has_value());
    CHECK(rig.probe.closed_with()->code == ErrorCode::EndOfStream);
}

TEST_CASE("a secure stream that is to reset on close says no close_notify") {
    Rig rig;
    rig.run();
    rig.server->stream().reset_on_close();
    rig.server->close();
    rig.run();
    CHECK(rig.probe.received().empty());
    REQUIRE(rig.probe.closed_with().has_value());
    CHECK(rig.probe.closed_with()->code == ErrorCode::ConnectionReset);
}

TEST_CASE("a server may send from the start: it is taken when the handshake is finished") {
    Rig rig;
    rig.world.simulator().run_until([&] { return rig.server.has_value(); }, TimePoint(seconds(1)));
    rig.server->send(as_bytes("welcome"));
    CHECK(rig.server->queue().size() == 7);
    rig.run();
    CHECK(rig.server->writable_calls() == 1);
    CHECK(to_string(rig.probe.received()) == "welcome");
}

TEST_CASE("a secure stream sends much more than its room, asked on by on_writable, and no more than it was allowed") {
    NetworkSettings small;
    small.send_buffer = 10'000;
    Rig rig("DNS:tracker.test", true, small);
    rig.run();
    const ByteBuffer much = test_bytes(1u << 20);
    rig.server->send(much);
    CHECK(rig.server->queue().size() > (1u << 20) - 2 * crypto::kMaxTlsOutput);
    rig.run();
    CHECK(rig.probe.received() == much);
    CHECK(rig.server->writable_calls() > 1);
    CHECK(rig.server->queue().empty());

    const int calls = rig.server->writable_calls();
    OutputQueue queue;
    queue.append_bytes(as_bytes("abcdef"));
    rig.server->stream().send(queue, 4);
    CHECK(queue.size() == 2);
    rig.run();
    CHECK(rig.server->writable_calls() == calls);
    CHECK(rig.probe.received().size() == much.size() + 4);
}

TEST_CASE("a paused secure stream hears nothing more until it is resumed, and then everything") {
    Rig rig;
    rig.run();
    rig.probe.stream().pause_reading();
    rig.server->send(as_bytes("later"));
    rig.run();
    CHECK(rig.probe.received().empty());
    rig.probe.stream().resume_reading();
    rig.run();
    CHECK(to_string(rig.probe.received()) == "later");

    rig.probe.stream().resume_reading(3);
    rig.server->send(as_bytes("one"));
    rig.run();
    rig.server->send(as_bytes("two"));
    rig.run();
    CHECK(to_string(rig.probe.received()) == "laterone");
    rig.probe.stream().resume_reading(100);
    rig.run();
    CHECK(to_string(rig.probe.received()) == "lateronetwo");
}

TEST_CASE("bad input: a server whose certificate is for another host never becomes connected") {
    Rig rig("DNS:other.test");
    rig.probe.send(as_bytes("secret"));
    rig.run();
    CHECK_FALSE(rig.probe.connected_at().has_value());
    REQUIRE(rig.probe.closed_with().has_value());
    CHECK(rig.probe.closed_with()->code == ErrorCode::TlsFailed);
    CHECK(rig.probe.closed_with()->detail.find("wrong name") != std::string::npos);
    CHECK(rig.server->received().empty());
    REQUIRE(rig.server->closed_with().has_value());
    CHECK(rig.server->closed_with()->code == ErrorCode::TlsFailed);
}

TEST_CASE("bad input: a connection that is cut without close_notify was reset, however it was cut") {
    Rig rig("DNS:tracker.test", false);
    rig.world.simulator().run_until([&] { return rig.server.has_value(); }, TimePoint(seconds(1)));
    rig.server->close();
    rig.run();
    REQUIRE(rig.probe.closed_with().has_value());
    CHECK(rig.probe.closed_with()->code == ErrorCode::ConnectionReset);

    // Finished handshake, then the host of the server is gone without a word from its TLS.
    Rig late;
    late.run();
    late.b.kill();
    late.run();
    REQUIRE(late.probe.closed_with().has_value());
    CHECK(late.probe.closed_with()->code != ErrorCode::EndOfStream);
}

TEST_CASE("bad input: a server that answers in clear text is not spoken to any further") {
    Rig rig("DNS:tracker.test", false);
    rig.world.simulator().run_until([&] { return rig.server.has_value(); }, TimePoint(seconds(1)));
    rig.server->send(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
    rig.run();
    REQUIRE(rig.probe.closed_with().has_value());
    CHECK(rig.probe.closed_with()->code == ErrorCode::TlsFailed);
    CHECK_FALSE(rig.probe.connected_at().has_value());
}

namespace {

// Destroys its stream inside the callback that is named.
class Leaver final : public env::StreamHandler {
  public:
    Leaver(std::unique_ptr<env::Stream> stream, std::string where)
        : stream_(std::move(stream)), where_(std::move(where)) {
        stream_->set_handler(this);
    }
    void on_connected() override {
        queue_.append_bytes(as_bytes("hello"));
        leave("connected");
        if (stream_) stream_->send(queue_);
    }
    void on_received(MutableByteView) override { leave("received"); }
    void on_writable() override { leave("writable"); }
    void on_closed(const Error&) override { leave("closed"); }
    [[nodiscard]] bool has_left() const { return stream_ == nullptr; }

  private:
    void leave(const char* where) {
        if (where_ != where) return;
        stream_.reset();
    }
    std::unique_ptr<env::Stream> stream_;
    std::string where_;
    OutputQueue queue_;
};

}  // namespace

TEST_CASE("a secure stream may be destroyed inside each of its callbacks") {
    for (const std::string where : {"connected", "received", "closed"}) {
        Rig rig;
        rig.run();
        Leaver leaver(std::make_unique<env::SecureStream>(rig.a.connect({rig.b.address(), 443}, std::nullopt),
                                                             rig.clients, "tracker.test"),
                      where);
        rig.run();
        if (where == "connected") {
            CHECK(leaver.has_left());
            // It said goodbye: the handshake's last flight and close_notify.
            REQUIRE(rig.server->closed_with().has_value());
            CHECK(rig.server->closed_with()->code == ErrorCode::EndOfStream);
            continue;
        }
        CHECK_FALSE(leaver.has_left());
        rig.server->send(as_bytes("one"));
        rig.server->close();
        rig.run();
        CHECK(leaver.has_left());
    }
}
