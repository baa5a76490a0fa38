#include "common/crypto/tls.h"

#include "tests/support/catch.h"
#include "tests/support/certificates.h"

namespace bt::crypto {
namespace {

using test::Certificate;
using test::CertificateAuthority;
using test::kCertificateBegin;
using test::kCertificateDay;
using test::kCertificateEnd;
using test::kWithinCertificate;
using test::PemFile;

const CertificateAuthority& authority() {
    static const CertificateAuthority made;
    return made;
}

TlsClientContext client_context(std::int64_t now = kWithinCertificate, const std::string& pem = authority().pem()) {
    const PemFile file(pem);
    auto context = TlsClientContext::make({file.path(), now});
    REQUIRE(context.has_value());
    return std::move(*context);
}

TlsServerContext server_context(const Certificate& certificate) {
    auto context = TlsServerContext::make(certificate.pem, certificate.key);
    REQUIRE(context.has_value());
    return std::move(*context);
}

// One end, and what it was told.
struct End {
    explicit End(TlsSession made) : session(std::move(made)) {}

    void poll() {
        while (auto event = session.poll_event()) {
            if (auto* finished = std::get_if<HandshakeFinished>(&*event)) protocol = finished->protocol;
            if (auto* plaintext = std::get_if<PlaintextReceived>(&*event)) append(received, plaintext->bytes);
            if (std::holds_alternative<PeerClosed>(*event)) closed = true;
            if (auto* failed = std::get_if<TlsFailed>(&*event)) error = failed->error;
        }
    }
    // The whole output in parts of `size` bytes to the other end.
    bool give(End& other, std::size_t size) {
        if (session.output().empty()) return false;
        ByteBuffer bytes;
        for (std::size_t i = 0; i < session.output().segment_count(); ++i) {
            append(bytes, std::get<ByteView>(session.output().segment(i)));
        }
        session.output().clear();
        for (ByteView rest = bytes; !rest.empty();) {
            const std::size_t step = std::min(size, rest.size());
            other.session.receive(rest.first(step));
            other.poll();
            rest = rest.subspan(step);
        }
        return true;
    }

    TlsSession session;
    std::string protocol;
    ByteBuffer received;
    bool closed = false;
    std::optional<Error> error;
};

struct Pair {
    Pair(const Certificate& certificate, const std::string& host, TlsClientContext context = client_context())
        : client_settings(std::move(context)),
          server_settings(server_context(certificate)),
          client(TlsSession(client_settings, host)),
          server(TlsSession(server_settings)) {}

    void run(std::size_t part = 1u << 20) {
        bool moved = true;
        while (moved) {
            moved = client.give(server, part);
            moved = server.give(client, part) || moved;
        }
    }

    TlsClientContext client_settings;
    TlsServerContext server_settings;
    End client;
    End server;
};

// What the client says of a certificate.
std::string refusal(const Certificate& certificate, const std::string& host,
                    TlsClientContext context = client_context()) {
    Pair pair(certificate, host, std::move(context));
    pair.run();
    CHECK(pair.client.protocol.empty());
    REQUIRE(pair.client.error.has_value());
    CHECK(pair.client.error->code == ErrorCode::TlsFailed);
    CHECK(pair.client.error->fault == Fault::Remote);
    CHECK_FALSE(pair.client.session.is_ready());
    CHECK(pair.client.session.has_ended());
    // The server is told by an alert and gets no further.
    CHECK(pair.server.error.has_value());
    return pair.client.error->detail;
}

bool accepts(const std::string& names, const std::string& host) {
    Pair pair(authority().issue(names), host);
    pair.run();
    return pair.client.session.is_ready();
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("TLS carries bytes both ways and ends with close_notify, in parts of every kind") {
    const Certificate certificate = authority().issue("DNS:tracker.test");
    for (const std::size_t part : {1u << 20, 1000u, 7u, 1u}) {
        Pair pair(certificate, "tracker.test");
        pair.run(part);
        REQUIRE(pair.client.session.is_ready());
        REQUIRE(pair.server.session.is_ready());
        CHECK(pair.client.protocol == "TLSv1.3");
        CHECK(pair.client.session.send(as_bytes("GET /")) == 5);
        pair.run(part);
        CHECK(to_string(pair.server.received) == "GET /");
        CHECK(pair.server.session.send(as_bytes("200")) == 3);
        pair.server.session.close();
        CHECK(pair.server.session.send(as_bytes("x")) == 0);
        pair.run(part);
        CHECK(to_string(pair.client.received) == "200");
        CHECK(pair.client.closed);
        CHECK(pair.client.session.has_ended());
        CHECK_FALSE(pair.client.error.has_value());
    }
}

TEST_CASE("before its handshake is finished TLS takes nothing to send") {
    Pair pair(authority().issue("DNS:tracker.test"), "tracker.test");
    CHECK(pair.client.session.send(as_bytes("early")) == 0);
    CHECK(pair.server.session.send(as_bytes("early")) == 0);
    pair.client.session.close();
    pair.run();
    CHECK(pair.client.session.is_ready());
}

TEST_CASE("TLS takes up to its limit of output and no byte once that is reached") {
    Pair pair(authority().issue("DNS:tracker.test"), "tracker.test");
    pair.run();
    const ByteBuffer much(1u << 20, 'x');
    const std::size_t taken = pair.server.session.send(much);
    CHECK(taken >= kMaxTlsOutput - kMaxTlsPlaintext);
    CHECK(taken < kMaxTlsOutput + kMaxTlsPlaintext);
    CHECK(pair.server.session.output().size() >= kMaxTlsOutput);
    CHECK(pair.server.session.output().size() < kMaxTlsOutput + kMaxTlsPlaintext + 1024);
    CHECK(pair.server.session.send(as_bytes("y")) == 0);
    pair.server.session.output().mark_sent(0);
    pair.run();
    CHECK(pair.client.received.size() == taken);
    CHECK(pair.server.session.send(as_bytes("y")) == 1);
}

TEST_CASE("a certificate is good for the names in it: exact, in any case, one label of a wildcard, addresses") {
    CHECK(accepts("DNS:tracker.test", "tracker.test"));
    CHECK(accepts("DNS:tracker.test", "TRACKER.test"));
    CHECK(accepts("DNS:tracker.test", "tracker.test."));
    CHECK(accepts("DNS:other.test,DNS:tracker.test", "tracker.test"));
    CHECK(accepts("DNS:*.tracker.test", "a.tracker.test"));
    CHECK(accepts("IP:127.0.0.1", "127.0.0.1"));
    CHECK(accepts("IP:::1", "::1"));
}

TEST_CASE("bad input: a certificate for another name is refused, and the error names both") {
    const std::string wrong = refusal(authority().issue("DNS:other.test,IP:127.0.0.9,IP:::1"), "tracker.test");
    CHECK(has(wrong, "wrong name"));
    CHECK(has(wrong, "tracker.test"));
    CHECK(has(wrong, "other.test, 127.0.0.9, ::1"));
    CHECK(has(refusal(authority().issue("DNS:*.tracker.test"), "a.b.tracker.test"), "wrong name"));
    CHECK(has(refusal(authority().issue("DNS:*.tracker.test"), "tracker.test"), "wrong name"));
    CHECK(has(refusal(authority().issue("DNS:a*.test"), "ab.test"), "wrong name"));
    CHECK(has(refusal(authority().issue("IP:127.0.0.1"), "127.0.0.2"), "wrong name"));
    // An address written as a name is not an address, and the common name counts for nothing.
    CHECK(has(refusal(authority().issue("DNS:127.0.0.1"), "127.0.0.1"), "wrong name"));
    CHECK(has(refusal(authority().issue("", kCertificateBegin, kCertificateEnd, "tracker.test"), "tracker.test"),
              "no host at all"));
    CHECK(has(refusal(authority().issue("DNS:tracker.test"), ""), "wrong name"));
    CHECK(has(refusal(authority().issue("DNS:tracker.test"), "."), "wrong name"));
}

TEST_CASE("bad input: a certificate is refused from the second after its last day and before its first") {
    const Certificate certificate =
        authority().issue("DNS:tracker.test", kCertificateBegin + kCertificateDay, kCertificateEnd - kCertificateDay);
    const auto at = [&](std::int64_t time) {
        Pair pair(certificate, "tracker.test", client_context(time));
        pair.run();
        return pair.client.session.is_ready();
    };
    CHECK(at(kCertificateBegin + kCertificateDay + 1));
    CHECK(at(kCertificateEnd - kCertificateDay - 1));
    const std::string late =
        refusal(certificate, "tracker.test", client_context(kCertificateEnd - kCertificateDay + 1));
    CHECK(has(late, "expired"));
    CHECK(has(late, "2024"));
    CHECK(has(refusal(certificate, "tracker.test", client_context(kCertificateBegin + kCertificateDay - 1)),
              "not valid before"));
}

TEST_CASE("bad input: a certificate that another authority signed is refused as of an unknown issuer") {
    const CertificateAuthority other("Other CA");
    const std::string text = refusal(other.issue("DNS:tracker.test"), "tracker.test");
    CHECK(has(text, "unknown issuer"));
    CHECK(has(text, "Other CA"));
    // One of the same name, but with another key.
    const CertificateAuthority twin("Test CA");
    CHECK_FALSE(refusal(twin.issue("DNS:tracker.test"), "tracker.test").empty());
    // The system's roots do not know ours.
    auto system = TlsClientContext::make({"", kWithinCertificate});
    REQUIRE(system.has_value());
    CHECK(has(refusal(authority().issue("DNS:tracker.test"), "tracker.test", std::move(*system)), "unknown issuer"));
}

TEST_CASE("bad input: a server that does not speak TLS is told apart from one that does it wrongly") {
    TlsClientContext context = client_context();
    End client(TlsSession(context, "tracker.test"));
    client.session.receive(as_bytes("HTTP/1.1 400 Bad Request\r\n\r\n"));
    client.poll();
    REQUIRE(client.error.has_value());
    CHECK(client.error->detail == "TLS with tracker.test: the other side does not speak TLS");
    client.session.receive(as_bytes("more"));
    CHECK_FALSE(client.session.poll_event().has_value());

    TlsServerContext settings = server_context(authority().issue("DNS:tracker.test"));
    End server(TlsSession{settings});
    server.session.receive(as_bytes("GET / HTTP/1.1\r\n\r\n"));
    server.poll();
    REQUIRE(server.error.has_value());
    CHECK(has(server.error->detail, "does not speak TLS"));
}

TEST_CASE("bad input: a record that was changed on its way ends the session, and nothing of it is delivered") {
    Pair pair(authority().issue("DNS:tracker.test"), "tracker.test");
    pair.run();
    REQUIRE(pair.server.session.send(as_bytes("announce")) == 8);
    ByteBuffer record = to_buffer(std::get<ByteView>(pair.server.session.output().segment(0)));
    record.back() ^= 1u;
    pair.client.session.receive(record);
    pair.client.poll();
    REQUIRE(pair.client.error.has_value());
    CHECK(pair.client.error->code == ErrorCode::TlsFailed);
    CHECK(pair.client.received.empty());
    CHECK_FALSE(pair.client.session.is_ready());
}

TEST_CASE("bad input: TLS 1.1 and older are not spoken") {
    TlsServerContext settings = server_context(authority().issue("DNS:tracker.test"));
    End server(TlsSession{settings});
    // A ClientHello of TLS 1.1 without extensions.
    ByteBuffer hello = {0x16, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2};
    hello.resize(hello.size() + 32, 7);
    append(hello, ByteBuffer{0, 0, 2, 0, 0x2f, 1, 0});
    server.session.receive(hello);
    server.poll();
    REQUIRE(server.error.has_value());
    CHECK(has(server.error->detail, "unsupported protocol"));
}

TEST_CASE("bad input: roots and keys that cannot be read are errors that name the file or the reason") {
    const auto missing = TlsClientContext::make({"/nowhere/ca.pem", std::nullopt});
    REQUIRE_FALSE(missing.has_value());
    CHECK(missing.error().code == ErrorCode::NotFound);
    CHECK(has(missing.error().detail, "/nowhere/ca.pem"));
    const PemFile empty("not a certificate\n");
    const auto garbage = TlsClientContext::make({empty.path(), std::nullopt});
    REQUIRE_FALSE(garbage.has_value());
    CHECK(garbage.error().code == ErrorCode::InvalidArgument);
    CHECK(has(garbage.error().detail, "no certificates in it"));

    const Certificate one = authority().issue("DNS:one.test");
    const Certificate two = authority().issue("DNS:two.test");
    CHECK(TlsServerContext::make(one.pem + authority().pem(), one.key).has_value());
    CHECK(has(TlsServerContext::make(one.pem, two.key).error().detail, "does not belong"));
    CHECK(has(TlsServerContext::make("", one.key).error().detail, "no certificate"));
    CHECK(has(TlsServerContext::make(one.pem, "").error().detail, "no usable private key"));
}

TEST_CASE("TLS sessions outlive the context that made them, and can be moved in the middle") {
    std::optional<TlsClientContext> context = client_context();
    TlsServerContext settings = server_context(authority().issue("DNS:tracker.test"));
    End client(TlsSession(*context, "tracker.test"));
    End server(TlsSession{settings});
    context.reset();
    REQUIRE(client.give(server, 1u << 20));
    TlsSession moved = std::move(client.session);
    client.session = std::move(moved);
    REQUIRE(server.give(client, 1u << 20));
    CHECK(client.session.is_ready());
}

}  // namespace bt::crypto
