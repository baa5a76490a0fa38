// Announces over TLS, in virtual time.

#include "common/engine/tls_provider.h"
#include "tests/support/certificates.h"
#include "tests/unit/engine/tracker_hosts.h"

using namespace bt;
using namespace bt::test;

namespace {

const CertificateAuthority& authority() {
    static const CertificateAuthority made;
    return made;
}

crypto::TlsServerContext server_for(const std::string& names) {
    const Certificate certificate = authority().issue(names);
    return crypto::TlsServerContext::make(certificate.pem, certificate.key).value();
}

Client::Change trusts(const PemFile& file) {
    return [path = file.path()](engine::TrackerContext& context, engine::AnnouncerSettings&) {
        context.tls = std::make_shared<engine::TlsProvider>(crypto::TlsClientSettings{path, kWithinCertificate});
    };
}

std::vector<std::vector<std::string>> at_https(const std::string& host = "tracker.test") {
    return {{"https://" + host + ":6969/announce"}};
}

}  // namespace

TEST_CASE("announces go out over https to a tracker whose certificate is for its name") {
    World world({.rng_seed = 1});
    auto tls = server_for("DNS:tracker.test");
    HttpHost tracker(
        world, 2, [](const HttpHost::Asked&) { return one_minute(); }, &tls);
    world.add_name("tracker.test", at(2).address);
    const PemFile roots(authority().pem());
    Client client(world, at_https(), trusts(roots));
    client.announcer.start();
    world.simulator().run_for(seconds(100));
    REQUIRE(tracker.asked.size() == 2);
    CHECK(tracker.asked[0].has("event=started"));
    CHECK(client.peers == std::vector<Endpoint>(2, at(9)));
    CHECK(client.failures.empty());
    client.announcer.stop();
    world.simulator().run_for(seconds(4));
    CHECK(tracker.asked.back().has("event=stopped"));
    CHECK(client.finished == 1);
}

TEST_CASE("bad input: an https tracker with another's certificate, or an untrusted one, is told nothing") {
    World world({.rng_seed = 2});
    const bool is_trusted = GENERATE(true, false);
    auto tls = server_for(is_trusted ? "DNS:other.test" : "DNS:tracker.test");
    HttpHost tracker(
        world, 2, [](const HttpHost::Asked&) { return one_minute(); }, &tls);
    world.add_name("tracker.test", at(2).address);
    const PemFile roots(is_trusted ? authority().pem() : CertificateAuthority("Another CA").pem());
    Client client(world, at_https(), trusts(roots));
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    CHECK(tracker.asked.empty());
    REQUIRE(client.failures.size() == 1);
    CHECK(client.failures[0].second.code == ErrorCode::TlsFailed);
    CHECK(client.answers == 0);
}

TEST_CASE("a redirect leads from http to https") {
    World world({.rng_seed = 3});
    auto tls = server_for("DNS:tracker.test");
    HttpHost tracker(
        world, 2, [](const HttpHost::Asked&) { return one_minute(); }, &tls);
    world.add_name("tracker.test", at(2).address);
    HttpHost front(world, 3, [](const HttpHost::Asked& asked) {
        return "HTTP/1.1 302 Found\r\nLocation: https://tracker.test:6969/a?" + asked.query +
               "\r\nContent-Length: 0\r\n\r\n";
    });
    const PemFile roots(authority().pem());
    Client client(world, at_tracker(3), trusts(roots));
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    CHECK(client.answers == 1);
    CHECK(tracker.asked.size() == 1);
}

TEST_CASE("an https tracker without TLS, or with roots that cannot be read, is a failure with a reason") {
    World world({.rng_seed = 4});
    const bool has_provider = GENERATE(true, false);
    world.add_name("tracker.test", at(2).address);
    HttpHost other(world, 2, [](const HttpHost::Asked&) { return one_minute(); });
    Client client(world, at_https(), [&](engine::TrackerContext& context, engine::AnnouncerSettings&) {
        if (!has_provider) return;
        context.tls = std::make_shared<engine::TlsProvider>(crypto::TlsClientSettings{"/nowhere/ca.pem", {}});
    });
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    REQUIRE(client.failures.size() == 1);
    CHECK(client.failures[0].second.message() != "");
    CHECK(other.asked.empty());
}

TEST_CASE("bad input: a TLS handshake that never ends costs an announce its 15 s and no more") {
    World world({.rng_seed = 5});
    HttpHost tracker(world, 2, [](const HttpHost::Asked&) { return std::nullopt; });  // takes the hello as a request
    const PemFile roots(authority().pem());
    Client client(world, at_https("10.0.0.2"), trusts(roots));
    client.announcer.start();
    world.simulator().run_until(TimePoint(seconds(15)));
    REQUIRE(client.failures.size() == 1);
    CHECK(client.failures[0].second.code == ErrorCode::TimedOut);
}
