#include "tracker/tracker_node.h"

#include <algorithm>

#include "tests/unit/tracker/fake_env.h"

namespace bt::tracker {
namespace {

using test::FakeEnv;
using test::FakeLink;

const Endpoint kLocal{Address::v4({127, 0, 0, 1}), 0};

class EventLog final : public telemetry::EventSink {
  public:
    [[nodiscard]] bool wants(telemetry::Level) const override { return true; }
    void on_event(const telemetry::Event& event) override { lines.push_back(telemetry::to_json_line("t", event)); }
    [[nodiscard]] std::size_t count(std::string_view kind) const {
        std::size_t n = 0;
        for (const std::string& line : lines) {
            n += line.find("\"event\":\"" + std::string(kind) + "\"") != std::string::npos ? 1u : 0u;
        }
        return n;
    }
    std::vector<std::string> lines;
};

// A node that listens, and its world.
struct NodeBench {
    explicit NodeBench(NodeSettings settings = {})
        : node(env, std::move(settings), Rng(1), telemetry::Telemetry(&log)) {
        REQUIRE(node.start(kLocal));
    }
    ~NodeBench() { node.check_invariants(); }
    FakeEnv env;
    EventLog log;
    TrackerNode node;
};

std::string get_request(const std::string& target, const std::string& headers = "") {
    return "GET " + target + " HTTP/1.1\r\nHost: t\r\n" + headers + "\r\n";
}

std::string announce_from_port(int port) {
    return get_request("/announce?info_hash=" + std::string(20, 'h') + "&peer_id=" + std::string(20, 'p') +
                       "&uploaded=0&downloaded=0&left=5&port=" + std::to_string(port));
}

std::size_t responses(const FakeLink& link) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = link.sent.find("HTTP/1.1 ", at)) != std::string::npos; ++at) ++n;
    return n;
}

TEST_CASE("the node says where it listens, with the port that the world chose") {
    NodeBench bench;
    CHECK(bench.node.local_endpoint().port == 40404);
    CHECK(bench.node.announce_url() == "http://127.0.0.1:40404/announce");
    REQUIRE(bench.log.count("ready") == 1);
    CHECK(bench.log.lines[0].find("\"announce\":\"http://127.0.0.1:40404/announce\"") != std::string::npos);
}

TEST_CASE("listening on all addresses it names loopback in the announce URL") {
    FakeEnv env;
    TrackerNode node(env, {}, Rng(1), telemetry::Telemetry());
    REQUIRE(node.start({Address(), 7}));
    CHECK(node.announce_url() == "http://127.0.0.1:7/announce");
}

TEST_CASE("a UDP door with port 0 has the number of the HTTP door, and both try another where UDP cannot have it") {
    FakeEnv env;
    env.taken_udp_ports = {40404, 40405};
    TrackerNode node(env, {}, Rng(1), telemetry::Telemetry());
    REQUIRE(node.start({.http = {kLocal}, .udp = {kLocal}}));
    CHECK(node.local_endpoint().port == 40406);
    CHECK(node.udp_url() == "udp://127.0.0.1:40406/announce");
    node.stop();
    CHECK_FALSE(env.has_datagram());
    CHECK(node.udp_url().empty());
}

TEST_CASE(
    "a UDP port that was asked for by number and is taken is an error of start, and so is one that nobody finds") {
    FakeEnv env;
    TrackerNode node(env, {}, Rng(1), telemetry::Telemetry());
    env.taken_udp_ports = {7};
    CHECK(node.start({.http = {{Address(), 7}}, .udp = {{Address(), 7}}}).error().code == ErrorCode::AddressInUse);
    CHECK_FALSE(env.is_listening());
    for (std::uint16_t i = 0; i < kPortTries; ++i) env.taken_udp_ports.insert(static_cast<std::uint16_t>(40405 + i));
    CHECK(node.start({.http = {kLocal}, .udp = {kLocal}}).error().code == ErrorCode::AddressInUse);
    CHECK(node.start({.http = {kLocal}, .udp = {kLocal}}));
}

TEST_CASE("who announces over UDP is told about over HTTP, and is in the stats") {
    FakeEnv env;
    EventLog log;
    NodeSettings settings;
    settings.stats_interval = seconds(1);
    TrackerNode node(env, settings, Rng(1), telemetry::Telemetry(&log));
    REQUIRE(node.start({.http = {kLocal}, .udp = {kLocal}}));
    env.send_datagram(wire::encode_udp_request({}), 2);
    REQUIRE(env.datagrams.size() == 1);
    const auto connected = wire::parse_udp_reply(env.datagrams[0], Address::Family::V4);
    wire::UdpAnnounceRequest request;
    request.announce.info_hash.fill('h');
    request.announce.port = 0x4142;
    request.announce.left = 1;
    env.send_datagram(
        wire::encode_udp_request({std::get<wire::UdpConnectReply>(connected->body).connection_id, 1, request}), 2);
    REQUIRE(env.datagrams.size() == 2);
    FakeLink& link = env.dial(1);
    link.deliver(announce_from_port(5000));
    CHECK(link.sent.find(std::string("5:peers6:\x7f\0\0\2AB", 15)) != std::string::npos);
    env.advance(seconds(1));
    CHECK(log.count("announced") == 2);
    const auto stats = std::ranges::find_if(log.lines, [](const auto& l) { return l.find("\"stats\"") != l.npos; });
    REQUIRE(stats != log.lines.end());
    CHECK(stats->find("\"announces\":2") != std::string::npos);
}

TEST_CASE("a port in use is an error of start") {
    FakeEnv env;
    TrackerNode node(env, {}, Rng(1), telemetry::Telemetry());
    const Status status = node.start({Address(), 1});
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::AddressInUse);
}

TEST_CASE("an announce is answered and the connection stays for the next one") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.deliver(announce_from_port(1000));
    CHECK(link.sent.starts_with("HTTP/1.1 200 OK\r\n"));
    CHECK(link.sent.find("10:incompletei1e") != std::string::npos);
    CHECK(link.is_open());
    link.deliver(announce_from_port(1001));
    CHECK(responses(link) == 2);
    CHECK(link.sent.find("10:incompletei2e") != std::string::npos);
}

TEST_CASE("a request that comes in single bytes is answered all the same") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    for (const char c : announce_from_port(1000)) link.deliver(std::string_view(&c, 1));
    CHECK(responses(link) == 1);
}

TEST_CASE("Connection: close closes behind the answer") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.deliver(get_request("/nothing", "Connection: close\r\n"));
    CHECK(link.sent.starts_with("HTTP/1.1 404"));
    CHECK_FALSE(link.is_open());
    CHECK(bench.node.connection_count() == 0);
}

TEST_CASE("half a request is refused with 408 after five seconds and closed a second later") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.deliver("GET /announce HTTP/1.1\r\n");
    bench.env.advance(milliseconds(4900));
    CHECK(link.sent.empty());
    bench.env.advance(milliseconds(200));
    CHECK(link.sent.starts_with("HTTP/1.1 408"));
    CHECK(link.is_open());
    bench.env.advance(seconds(1));
    CHECK_FALSE(link.is_open());
}

TEST_CASE("an idle connection is closed after thirty seconds, not before") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.deliver(announce_from_port(1000));
    bench.env.advance(milliseconds(29'900));
    CHECK(link.is_open());
    bench.env.advance(milliseconds(200));
    CHECK_FALSE(link.is_open());
}

TEST_CASE("what is not HTTP gets 400, what it sends behind that is not answered, and it is closed") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.deliver(
        "\x13"
        "BitTorrent protocol");
    CHECK(link.sent.starts_with("HTTP/1.1 400"));
    CHECK(link.is_open());
    link.deliver(announce_from_port(1000));
    CHECK(responses(link) == 1);
    bench.env.advance(kLinger);
    CHECK_FALSE(link.is_open());
    CHECK(bench.node.front().counters().announces == 0);
}

TEST_CASE("beyond max_connections the connection that was quiet longest is closed") {
    NodeSettings settings;
    settings.max_connections = 2;
    NodeBench bench(settings);
    FakeLink& first = bench.env.dial(1);
    FakeLink& second = bench.env.dial(2);
    first.deliver(announce_from_port(1000));
    CHECK(second.is_open());
    FakeLink& third = bench.env.dial(3);
    CHECK(first.is_open());
    CHECK_FALSE(second.is_open());
    CHECK(third.is_open());
    CHECK(bench.node.connection_count() == 2);
    bench.node.check_invariants();
}

TEST_CASE("a reader that takes nothing stops being read, is served when it reads, and loses nothing") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.room = 10;
    std::string requests;
    constexpr std::size_t kRequests = 1000;
    for (std::size_t i = 0; i < kRequests; ++i) requests += get_request("/nothing");
    link.deliver(requests);
    CHECK(link.paused);
    CHECK(bench.node.front().counters().refused < kRequests);
    bench.node.check_invariants();
    while (link.wants_writable) link.give_room(5000);
    CHECK_FALSE(link.paused);
    CHECK(responses(link) == kRequests);
    CHECK(link.is_open());
}

TEST_CASE("bad input: who asks for more than is held and reads nothing is not read any more, not even to drop it") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.room = 10;
    std::string requests;
    while (requests.size() < kMaxOutput + http::kMaxHeldInput + (64u << 10)) requests += get_request("/nothing");
    link.deliver(requests);
    CHECK(link.paused);
    link.give_room(1u << 20);
    bench.env.advance(kLinger);
    CHECK_FALSE(link.is_open());
    FakeLink& last = bench.env.dial();
    last.room = 10;
    last.deliver(get_request("/nothing", "Connection: close\r\n"));
    CHECK(last.paused);
    last.give_room(1000);
    bench.env.advance(kLinger);
    CHECK_FALSE(last.is_open());
}

TEST_CASE("a reader that takes nothing for thirty seconds is closed") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.room = 10;
    std::string requests;
    for (int i = 0; i < 1000; ++i) requests += get_request("/nothing");
    link.deliver(requests);
    bench.env.advance(seconds(29));
    CHECK(link.is_open());
    bench.env.advance(seconds(1));
    CHECK_FALSE(link.is_open());
}

TEST_CASE("a connection that the other side closes or breaks is forgotten") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.handler->on_closed(remote_error(ErrorCode::ConnectionReset, "reset"));
    CHECK_FALSE(link.is_open());
    CHECK(bench.node.connection_count() == 0);
    CHECK(bench.log.count("connection_closed") == 1);
}

TEST_CASE("peers that no longer announce are swept out without any request") {
    NodeSettings settings;
    settings.announce.registry.peer_timeout = seconds(60);
    NodeBench bench(settings);
    bench.env.dial().deliver(announce_from_port(1000));
    bench.env.advance(seconds(59));
    CHECK(bench.node.service().registry().peer_count() == 1);
    bench.env.advance(seconds(3));
    CHECK(bench.node.service().registry().peer_count() == 0);
    CHECK(bench.log.count("peers_expired") == 1);
}

TEST_CASE("stats are emitted every interval, and not at all when it is zero") {
    NodeSettings settings;
    settings.stats_interval = seconds(2);
    NodeBench with(settings);
    with.env.advance(seconds(10));
    CHECK(with.log.count("stats") == 5);
    NodeBench without;
    without.env.advance(seconds(10));
    CHECK(without.log.count("stats") == 0);
}

TEST_CASE("stop closes the listener and every connection") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    bench.node.stop();
    CHECK_FALSE(link.is_open());
    CHECK_FALSE(bench.env.is_listening());
    bench.env.advance(seconds(100));
}

TEST_CASE("a connection from a listed proxy says first whose it is, however the bytes are cut") {
    NodeSettings settings;
    settings.http.proxies = {*AddressRange::parse("127.0.0.9")};
    settings.http.proxy_protocol = true;
    settings.announce.external_ip = true;
    NodeBench bench(settings);
    const std::string header = "PROXY TCP4 10.1.2.3 127.0.0.1 8080 80\r\n";
    FakeLink& whole = bench.env.dial(9);
    whole.deliver(header + announce_from_port(1000));
    CHECK(whole.sent.find(std::string("external ip4:\x0a\x01\x02\x03", 17)) != std::string::npos);
    whole.deliver(announce_from_port(1001));
    CHECK(responses(whole) == 2);
    FakeLink& cut = bench.env.dial(9);
    for (const char c : header + announce_from_port(1000)) cut.deliver(std::string_view(&c, 1));
    CHECK(responses(cut) == 1);
    FakeLink& direct = bench.env.dial(8);
    direct.deliver(announce_from_port(1000));
    CHECK(direct.sent.find(std::string("external ip4:\x7f\x00\x00\x08", 17)) != std::string::npos);
}

TEST_CASE("bad input: a connection from a proxy without its header is closed, and so is half a header in the end") {
    NodeSettings settings;
    settings.http.proxies = {*AddressRange::parse("127.0.0.9")};
    settings.http.proxy_protocol = true;
    NodeBench bench(settings);
    FakeLink& bare = bench.env.dial(9);
    bare.deliver(announce_from_port(1000));
    CHECK_FALSE(bare.is_open());
    FakeLink& half = bench.env.dial(9);
    half.deliver("PROXY TCP4 ");
    bench.env.advance(http::kIdleTimeout);
    CHECK_FALSE(half.is_open());
    FakeLink& forged = bench.env.dial(8);
    forged.deliver("PROXY TCP4 10.1.2.3 127.0.0.1 8080 80\r\n" + announce_from_port(1000));
    CHECK(forged.sent.starts_with("HTTP/1.1 400"));
    CHECK(bench.node.service().registry().peer_count() == 0);
}

TEST_CASE("the head of a request is read for X-Forwarded-For where the connection is a listed proxy's") {
    NodeSettings settings;
    settings.http.proxies = {*AddressRange::parse("127.0.0.9")};
    settings.announce.external_ip = true;
    NodeBench bench(settings);
    FakeLink& link = bench.env.dial(9);
    std::string request = announce_from_port(1000);
    request.insert(request.size() - 2, "X-Forwarded-For: 10.1.2.3\r\n");
    link.deliver(request + announce_from_port(1000));
    CHECK(responses(link) == 2);
    CHECK(link.sent.find(std::string("external ip4:\x0a\x01\x02\x03", 17)) != std::string::npos);
    CHECK(link.sent.find(std::string("external ip4:\x7f\x00\x00\x09", 17)) != std::string::npos);
}

TEST_CASE("a reload that keeps its doors keeps their connections, and new settings hold at once") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    link.deliver(announce_from_port(1000));
    NodeSettings settings;
    settings.announce.interval = seconds(77);
    settings.http.full_scrape = true;
    settings.stats_interval = seconds(1);
    REQUIRE(bench.node.reload(settings, Doors{.http = {kLocal}}));
    CHECK(link.is_open());
    link.deliver(announce_from_port(1001));
    CHECK(link.sent.find("8:intervali77e") != std::string::npos);
    CHECK(link.sent.find("10:incompletei2e") != std::string::npos);
    link.deliver(get_request("/scrape"));
    CHECK(link.sent.find("5:files") != std::string::npos);
    bench.env.advance(seconds(3));
    CHECK(bench.log.count("stats") == 3);
    bench.node.check_invariants();
}

TEST_CASE("a proxy that a reload lists is believed on the connection that it has already") {
    NodeBench bench;
    FakeLink& link = bench.env.dial(9);
    link.deliver(announce_from_port(1000));
    NodeSettings settings;
    settings.http.proxies = {*AddressRange::parse("127.0.0.9")};
    settings.announce.external_ip = true;
    REQUIRE(bench.node.reload(settings, Doors{.http = {kLocal}}));
    std::string request = announce_from_port(1000);
    request.insert(request.size() - 2, "X-Forwarded-For: 10.1.2.3\r\n");
    link.deliver(request);
    CHECK(link.sent.find(std::string("external ip4:\x0a\x01\x02\x03", 17)) != std::string::npos);
}

TEST_CASE("a reload whose doors cannot be had changes nothing") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    NodeSettings settings;
    settings.announce.interval = seconds(77);
    bench.env.taken_udp_ports = {9};
    const Status refused = bench.node.reload(settings, Doors{.http = {kLocal}, .udp = {{Address(), 9}}});
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::AddressInUse);
    REQUIRE_FALSE(bench.node.reload(settings, Doors{.http = {kLocal}, .https = {{Address(), 10}}}));
    CHECK(link.is_open());
    link.deliver(announce_from_port(1000));
    CHECK(link.sent.find("8:intervali30e") != std::string::npos);
    CHECK(bench.node.endpoints().size() == 1);
}

TEST_CASE("a door that a reload does not name is closed with its connections, one that it adds is opened") {
    NodeBench bench;
    FakeLink& link = bench.env.dial();
    REQUIRE(bench.node.reload({}, Doors{.udp = {{Address(), 9}}}));
    CHECK_FALSE(link.is_open());
    CHECK_FALSE(bench.env.is_listening());
    CHECK(bench.env.has_datagram());
    REQUIRE(bench.node.endpoints().size() == 1);
    CHECK(bench.node.endpoints()[0].first == Door::Udp);
    CHECK(bench.node.announce_url().starts_with("udp://"));
}

}  // namespace
}  // namespace bt::tracker
