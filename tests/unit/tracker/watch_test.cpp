#include "tracker/watch.h"

#include "tests/support/catch.h"
#include "tests/support/times.h"
#include "tests/unit/tracker/exchanges.h"
#include "tracker/http_front.h"
#include "tracker/udp_front.h"

using namespace bt;
using namespace bt::tracker;
using test::HonestExchange;

namespace {

using bt::test_time::at;

}  // namespace

TEST_CASE("an announce makes a swarm with a peer and whom it was told about; stopped takes it out") {
    Watch watch(minutes(15));
    HonestExchange honest;
    watch.on_seen(honest.exchange, nullptr);
    REQUIRE(watch.swarms().size() == 1);
    REQUIRE(watch.swarms()[0].peers.size() == 1);
    const SeenPeer& peer = watch.swarms()[0].peers[0];
    CHECK(peer.endpoint.to_string() == "127.0.0.7:6881");
    REQUIRE(peer.told.size() == 2);
    CHECK(peer.told[1].to_string() == "127.0.0.2:7002");
    CHECK(watch.find(1)->told == 2);
    CHECK(as_text(watch.find(1)->request) == honest.request);
    honest.announce.event = wire::AnnounceEvent::Stopped;
    watch.on_seen(honest.exchange, nullptr);
    CHECK(watch.swarms()[0].peers.empty());
    CHECK(watch.last_number() == 2);
    watch.check_invariants();
}

TEST_CASE("over UDP only peers of the asker's family were told about") {
    Watch watch(minutes(15));
    HonestExchange honest(Door::Udp);
    honest.reply.peers.push_back({*Endpoint::parse("[::1]:9"), std::nullopt});
    watch.on_seen(honest.exchange, nullptr);
    CHECK(watch.swarms()[0].peers[0].told.size() == 2);
}

TEST_CASE("a rule that changes the peers leaves what was known; its bytes are kept as they went out") {
    Watch watch(minutes(15));
    HonestExchange honest;
    watch.on_seen(honest.exchange, nullptr);
    honest.reply.peers.clear();
    honest.exchange.rule = "r";
    honest.exchange.action = "peersInvented";
    Delivery lie;
    lie.steps.push_back({Duration::zero(), to_buffer(as_bytes("HTTP/1.1 200 OK\r\n\r\n"))});
    lie.steps.push_back({seconds(1), to_buffer(as_bytes("lie"))});
    watch.on_seen(honest.exchange, &lie);
    CHECK(watch.swarms()[0].peers[0].told.size() == 2);
    CHECK(as_text(watch.find(2)->answer).ends_with("\r\n\r\nlie"));
    honest.exchange.action = "delay";
    watch.on_seen(honest.exchange, &lie);
    CHECK(watch.swarms()[0].peers[0].told.empty());
}

TEST_CASE("a refusal is an exchange and no peer; a silence has no answer") {
    Watch watch(minutes(15));
    HonestExchange refused;
    refused.exchange.refusal = "port: must be from 1 to 65535";
    watch.on_seen(refused.exchange, nullptr);
    CHECK(watch.swarms().empty());
    CHECK(watch.find(1)->refusal == "port: must be from 1 to 65535");
    HonestExchange silent(Door::Udp);
    silent.exchange.answer = {};
    silent.exchange.reply = nullptr;
    watch.on_seen(silent.exchange, nullptr);
    CHECK_FALSE(watch.find(2)->is_answered);
}

TEST_CASE("a passkey in a request is kept as stars") {
    Watch watch(minutes(15));
    HonestExchange honest;
    honest.request = "GET /verysecret/announce?x HTTP/1.1\r\nReferer: /verysecret/\r\n\r\n";
    honest.exchange.request = as_bytes(honest.request);
    honest.exchange.secret = "verysecret";
    watch.on_seen(honest.exchange, nullptr);
    CHECK(as_text(watch.find(1)->request) == "GET /**********/announce?x HTTP/1.1\r\nReferer: /**********/\r\n\r\n");
}

TEST_CASE("bad input: a passkey is shown nowhere, whatever the request that holds it") {
    AnnounceSettings settings;
    settings.passkeys = {"sesame-open-1"};
    AnnounceService service(settings, Rng(1));
    Watch watch(minutes(15));
    Observer observer(RuleBook({}, Rng(1), TimePoint()), telemetry::Telemetry());
    observer.set_viewer(&watch);
    HttpFront http(service, {}, telemetry::Telemetry());
    http.set_listener(&observer);
    const Caller caller{*Address::parse("127.0.0.1")};
    for (const char* method : {"GET", "POST"}) {
        for (const char* path :
             {"/sesame-open-1/announce", "/sesame-open-1/scrape", "/sesame-open-1/", "/a/sesame-open-1"}) {
            (void)http.answer({method, std::string(path) + "?left=1", true}, caller, at(1));
        }
    }
    UdpFront udp(service, crypto::SipKey{1}, {}, telemetry::Telemetry());
    const Endpoint from = *Endpoint::parse("127.0.0.1:1000");
    ByteBuffer out;
    REQUIRE(udp.answer(wire::encode_udp_request({}), from, at(1), out));
    const auto id =
        std::get<wire::UdpConnectReply>(wire::parse_udp_reply(out, Address::Family::V4)->body).connection_id;
    udp.set_listener(&observer);
    for (const std::uint16_t port : {std::uint16_t{6881}, std::uint16_t{0}}) {
        wire::UdpAnnounceRequest request;
        request.announce.port = port;
        request.url_data = "/sesame-open-1/announce";
        (void)udp.answer(wire::encode_udp_request({id, 1, request}), from, at(1), out);
    }
    CHECK(watch.exchanges().size() == 10);
    for (const SeenExchange& seen : watch.exchanges()) {
        CHECK(as_text(seen.request).find("sesame") == std::string_view::npos);
    }
}

TEST_CASE("peers and swarms that are quiet for the timeout are forgotten") {
    Watch watch(seconds(10));
    HonestExchange honest;
    honest.exchange.time = at(0);
    watch.on_seen(honest.exchange, nullptr);
    watch.expire(at(9));
    CHECK(watch.swarms().size() == 1);
    watch.expire(at(10));
    CHECK(watch.swarms().empty());
}

TEST_CASE("bad input: exchanges, bytes, swarms and peers are bounded, the quiet ones make room") {
    Watch watch(minutes(15));
    HonestExchange honest;
    honest.request.append(2 * kMaxKeptBytes, 'x');
    honest.exchange.request = as_bytes(honest.request);
    for (std::size_t i = 0; i < kMaxExchanges + 5; ++i) {
        honest.exchange.time = at(static_cast<double>(i));
        honest.announce.port = static_cast<std::uint16_t>(1 + i);
        watch.on_seen(honest.exchange, nullptr);
    }
    watch.check_invariants();
    CHECK(watch.exchanges().size() == kMaxExchanges);
    CHECK(watch.find(5) == nullptr);
    CHECK(watch.find(6)->number == 6);
    CHECK(watch.find(6)->request_size > kMaxKeptBytes);
    CHECK(watch.swarms()[0].peers.size() == kMaxSwarmPeers);
    CHECK(watch.swarms()[0].peers.front().endpoint.port == kMaxExchanges + 5 - kMaxSwarmPeers + 1);
    for (std::size_t i = 0; i < kMaxSwarms; ++i) {
        honest.announce.info_hash = test::hash_of(static_cast<Byte>(i));
        honest.exchange.time = at(static_cast<double>(1000 + i));
        watch.on_seen(honest.exchange, nullptr);
    }
    watch.check_invariants();
    CHECK(watch.swarms().size() == kMaxSwarms);
    CHECK(watch.swarms().front().info_hash == test::hash_of(0));  // the first one was quiet longest
}
