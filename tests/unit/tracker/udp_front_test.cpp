#include "tracker/udp_front.h"

#include <algorithm>

#include "common/base/byte_cursor.h"
#include "tests/support/catch.h"

namespace bt::tracker {
namespace {

using wire::AnnounceEvent;

constexpr crypto::SipKey kFrontKey{1, 2, 3};
constexpr TimePoint kNow{seconds(1000)};

Endpoint from_v4(Byte last, std::uint16_t port = 5000) { return {Address::v4({127, 0, 0, last}), port}; }
Endpoint from_v6(Byte last, std::uint16_t port = 5000) {
    std::array<Byte, 16> bytes{0xfd};
    bytes[15] = last;
    return {Address::v6(bytes), port};
}
InfoHash udp_hash_of(Byte b) {
    InfoHash hash;
    hash.fill(b);
    return hash;
}

class Udp {
  public:
    explicit Udp(AnnounceSettings settings = {}, ConnectionIdSettings ids = {})
        : service(std::move(settings), Rng(1)), front(service, kFrontKey, ids, telemetry::Telemetry()) {}

    std::optional<wire::UdpReply> ask(ByteView datagram, const Endpoint& from, TimePoint now = kNow) {
        if (!front.answer(datagram, from, now, out)) return std::nullopt;
        auto reply = wire::parse_udp_reply(out, from.address.family());
        REQUIRE(reply);
        return *reply;
    }
    std::uint64_t connect(const Endpoint& from, TimePoint now = kNow) {
        const auto reply = ask(wire::encode_udp_request({}), from, now);
        REQUIRE(reply);
        return std::get<wire::UdpConnectReply>(reply->body).connection_id;
    }
    ByteBuffer packet(const wire::UdpAnnounceRequest& body, const Endpoint& from, TimePoint now = kNow) {
        return wire::encode_udp_request({connect(from, now), 77, body});
    }
    wire::UdpAnnounceReply announce(const wire::UdpAnnounceRequest& body, const Endpoint& from, TimePoint now = kNow) {
        const auto reply = ask(packet(body, from, now), from, now);
        REQUIRE(reply);
        CHECK(reply->transaction_id == 77);
        REQUIRE(std::holds_alternative<wire::UdpAnnounceReply>(reply->body));
        return std::get<wire::UdpAnnounceReply>(reply->body);
    }
    std::string refusal(ByteView datagram, const Endpoint& from) {
        const auto reply = ask(datagram, from);
        REQUIRE(reply);
        CHECK(reply->transaction_id == 77);
        REQUIRE(std::holds_alternative<wire::UdpErrorReply>(reply->body));
        return std::get<wire::UdpErrorReply>(reply->body).message;
    }
    bool is_silent(ByteView datagram, const Endpoint& from, TimePoint now = kNow) {
        return !ask(datagram, from, now) && out.empty();
    }

    AnnounceService service;
    UdpFront front;
    ByteBuffer out;
};

wire::UdpAnnounceRequest udp_request(std::uint64_t left, std::uint16_t port = 6881) {
    wire::UdpAnnounceRequest request;
    request.announce.info_hash = udp_hash_of(1);
    request.announce.left = left;
    request.announce.port = port;
    return request;
}

TEST_CASE("over UDP a peer connects, announces, is counted, and the next one is told about it") {
    Udp udp;
    const auto first = udp.announce(udp_request(5), from_v4(1));
    CHECK(first.incomplete == 1u);
    CHECK(first.complete == 0u);
    CHECK(first.interval_s == 30u);
    CHECK(first.peers.empty());
    const auto second = udp.announce(udp_request(0), from_v4(2));
    CHECK(second.complete == 1u);
    CHECK(second.peers == std::vector<Endpoint>{from_v4(1, 6881)});
    CHECK(udp.front.counters().connects == 2);
    CHECK(udp.front.counters().announces == 2);
    wire::UdpAnnounceRequest stop = udp_request(5);
    stop.announce.event = AnnounceEvent::Stopped;
    const auto last = udp.announce(stop, from_v4(1));
    CHECK(last.incomplete == 0u);
    CHECK(last.peers.empty());
}

TEST_CASE("peers in a datagram are of the family that it came over") {
    Udp udp;
    for (Byte i = 1; i <= 3; ++i) {
        udp.announce(udp_request(5), from_v4(i));
        udp.announce(udp_request(5), from_v6(i));
    }
    const auto four = udp.announce(udp_request(5), from_v4(9));
    CHECK(four.peers.size() == 3);
    CHECK(four.incomplete == 7u);
    const auto six = udp.announce(udp_request(5), from_v6(9));
    CHECK(six.peers.size() == 3);
    CHECK(udp.out.size() == 20 + 3 * 18);
}

TEST_CASE("a datagram names at most 74 peers, in either family, whatever was wanted") {
    AnnounceSettings settings;
    settings.max_numwant = 1000;
    settings.default_numwant = 1000;
    Udp udp(settings);
    for (Byte i = 1; i <= 100; ++i) {
        udp.announce(udp_request(5), from_v4(i));
        udp.announce(udp_request(5), from_v6(i));
    }
    wire::UdpAnnounceRequest request = udp_request(5);
    for (const auto numwant : {std::optional<std::uint32_t>(74), std::optional<std::uint32_t>(75),
                               std::optional<std::uint32_t>(INT32_MAX), std::optional<std::uint32_t>()}) {
        request.announce.numwant = numwant;
        CHECK(udp.announce(request, from_v4(200)).peers.size() == 74);
        CHECK(udp.announce(request, from_v6(200)).peers.size() == 74);
        CHECK(udp.out.size() == 20 + 74 * 18);
    }
    request.announce.numwant = 73;
    CHECK(udp.announce(request, from_v4(200)).peers.size() == 73);
    request.announce.numwant = 0;
    CHECK(udp.announce(request, from_v4(200)).peers.empty());
}

TEST_CASE(
    "a scrape is answered in the order of the request, at most 74 rows, one for each hash even if it comes twice") {
    Udp udp;
    udp.announce(udp_request(0), from_v4(1));
    udp.announce(udp_request(5), from_v4(2));
    const auto scrape = [&](std::vector<InfoHash> hashes) {
        const auto reply = udp.ask(
            wire::encode_udp_request({udp.connect(from_v4(3)), 78, wire::UdpScrapeRequest{hashes}}), from_v4(3));
        REQUIRE(reply);
        return std::get<wire::UdpScrapeReply>(reply->body).torrents;
    };
    const auto rows = scrape({udp_hash_of(9), udp_hash_of(1), udp_hash_of(8), udp_hash_of(1)});
    REQUIRE(rows.size() == 4);
    CHECK(rows[0].incomplete == 0);
    CHECK(rows[1].incomplete == 1);
    CHECK(rows[1].complete == 1);
    CHECK(rows[2].complete == 0);
    CHECK(rows[3].complete == 1);
    CHECK(scrape(std::vector<InfoHash>(74, udp_hash_of(1))).size() == 74);
    CHECK(scrape(std::vector<InfoHash>(75, udp_hash_of(1))).size() == 74);
    CHECK(udp.out.size() == 8 + 74 * 12);
}

TEST_CASE("bad input: datagrams without a good connection id get no answer, whatever they ask") {
    Udp udp;
    const ByteBuffer good = udp.packet(udp_request(5), from_v4(1));
    const auto connects = udp.front.counters().connects;
    CHECK(udp.is_silent({}, from_v4(1)));
    for (std::size_t size = 0; size < 16; ++size) CHECK(udp.is_silent(ByteView(good).first(size), from_v4(1)));
    CHECK(udp.is_silent(good, from_v4(2)));                       // another address
    CHECK(udp.is_silent(good, from_v4(1), kNow + seconds(121)));  // expired
    CHECK(udp.is_silent(good, from_v4(1), kNow - seconds(1)));    // from the future
    for (std::size_t at = 0; at < 8; ++at) {                 // any byte of it changed
        ByteBuffer bad = good;
        bad[at] = static_cast<Byte>(bad[at] ^ 0x10);
        CHECK(udp.is_silent(bad, from_v4(1)));
    }
    for (std::uint32_t action = 0; action < 12; ++action) {
        ByteBuffer bad = wire::encode_udp_request({0xdeadbeef, 77, udp_request(5)});
        store_u32(bad.data() + 8, action);
        CHECK(udp.is_silent(bad, from_v4(1)));
    }
    ByteBuffer connect = wire::encode_udp_request({});
    connect.resize(15);
    CHECK(udp.is_silent(connect, from_v4(1)));
    CHECK(udp.service.registry().peer_count() == 0);
    CHECK(udp.front.counters().connects == connects);
    CHECK(udp.front.counters().refused == 0);
}

TEST_CASE("a connect may be longer than its 16 bytes, and its answer never is") {
    Udp udp;
    ByteBuffer connect = wire::encode_udp_request({.transaction_id = 5, .body = wire::UdpConnectRequest{}});
    connect.resize(98);
    REQUIRE(udp.ask(connect, from_v4(1)));
    CHECK(udp.out.size() == 16);
}

TEST_CASE("bad input: behind a good connection id what is wrong with a datagram is named in an error packet") {
    Udp udp;
    const ByteBuffer good = udp.packet(udp_request(5), from_v4(1));
    const auto with_action = [&](std::uint32_t action) {
        ByteBuffer bad = good;
        store_u32(bad.data() + 8, action);
        return bad;
    };
    for (const std::uint32_t action : {3u, 4u, 9u, UINT32_MAX}) {
        CHECK(udp.refusal(with_action(action), from_v4(1)).starts_with("action: " + std::to_string(action)));
    }
    CHECK(udp.refusal(with_action(0), from_v4(1)).starts_with("connection id: "));
    for (std::size_t size = 16; size < 98; ++size) {
        CHECK(udp.refusal(ByteView(good).first(size), from_v4(1)).find("98 bytes") != std::string::npos);
    }
    ByteBuffer event = good;
    store_u32(event.data() + 80, 4);
    CHECK(udp.refusal(event, from_v4(1)).find("event") != std::string::npos);
    ByteBuffer port = good;
    store_u16(port.data() + 96, 0);
    CHECK(udp.refusal(port, from_v4(1)).find("port") != std::string::npos);
    const auto id = udp.connect(from_v4(1));
    CHECK(udp.refusal(wire::encode_udp_request({id, 77, wire::UdpScrapeRequest{}}), from_v4(1))
              .find("scrape of nothing") != std::string::npos);
    CHECK(udp.service.registry().peer_count() == 0);
    CHECK(udp.front.counters().refused == 4 + 1 + 82 + 2 + 1);
}

TEST_CASE("bad input: a scrape with stray bytes behind its hashes is answered for the whole ones") {
    Udp udp;
    ByteBuffer scrape = wire::encode_udp_request(
        {udp.connect(from_v4(1)), 77, wire::UdpScrapeRequest{{udp_hash_of(1), udp_hash_of(2)}}});
    scrape.resize(scrape.size() + 3);
    REQUIRE(udp.ask(scrape, from_v4(1)));
    CHECK(udp.out.size() == 8 + 2 * 12);
    scrape.resize(16 + 19);
    CHECK(udp.refusal(scrape, from_v4(1)).find("scrape of nothing") != std::string::npos);
}

TEST_CASE("bad input: 2^64 - 1 in every number of an announce, a negative left among them, is a leecher and no more") {
    Udp udp;
    ByteBuffer packet = udp.packet(udp_request(0), from_v4(1));
    std::fill_n(packet.begin() + 56, 24, Byte{0xff});  // downloaded, left, uploaded
    std::fill_n(packet.begin() + 84, 12, Byte{0xff});  // ip, key, numwant
    const auto reply = udp.ask(packet, from_v4(1));
    REQUIRE(reply);
    const auto& announce = std::get<wire::UdpAnnounceReply>(reply->body);
    CHECK(announce.incomplete == 1u);
    CHECK(announce.complete == 0u);
    udp.announce(udp_request(std::uint64_t{1} << 32), from_v4(2));
    CHECK(udp.announce(udp_request(std::uint64_t{1} << 63), from_v4(3)).incomplete == 3u);
}

TEST_CASE("bad input: an ip field in the datagram does not put anybody else on the list") {
    Udp udp;
    wire::UdpAnnounceRequest request = udp_request(5);
    request.announce.ip = "10.1.2.3";
    udp.announce(request, from_v4(1));
    CHECK(udp.announce(udp_request(5), from_v4(2)).peers == std::vector<Endpoint>{from_v4(1, 6881)});
}

TEST_CASE("bad input: URL data cut off or over the limit does not hurt the announce or is refused") {
    Udp udp;
    ByteBuffer packet = udp.packet(udp_request(5), from_v4(1));
    packet.push_back(2);
    CHECK(udp.ask(packet, from_v4(1)));
    packet.push_back(200);  // more than there is
    CHECK(udp.ask(packet, from_v4(1)));
    wire::UdpAnnounceRequest request = udp_request(5);
    request.url_data = std::string(wire::kMaxUdpUrlData, 'a');
    udp.announce(request, from_v4(1));
    request.url_data += 'a';
    CHECK(udp.refusal(udp.packet(request, from_v4(1)), from_v4(1)).find("URL data") != std::string::npos);
}

TEST_CASE("with a lenient tracker an old connection id still serves its address, and only that") {
    Udp udp({}, {.lenient = true});
    const ByteBuffer packet = udp.packet(udp_request(5), from_v4(1));
    CHECK(udp.ask(packet, from_v4(1, 6000), kNow + std::chrono::hours(2)));
    CHECK(udp.is_silent(packet, from_v4(2), kNow + std::chrono::hours(2)));
}

struct Listener final : ExchangeListener {
    std::unique_ptr<Delivery> on_exchange(Exchange& exchange) override {
        kinds.push_back(exchange.kind);
        answer_size = exchange.answer.size();
        request_size = exchange.request.size();
        refusal = exchange.refusal;
        has_reply = exchange.reply != nullptr && exchange.announce != nullptr;
        hashes = exchange.scrape.size();
        return replace ? std::make_unique<Delivery>() : nullptr;
    }
    std::vector<ExchangeKind> kinds;
    std::size_t answer_size = 0, request_size = 0, hashes = 0;
    std::string refusal;
    bool has_reply = false;
    bool replace = false;
};

TEST_CASE("a listener sees every datagram and its answer, may replace one, and cannot break a silence") {
    Udp udp;
    Listener listener;
    udp.front.set_listener(&listener);
    udp.announce(udp_request(5), from_v4(1));
    CHECK(listener.kinds == std::vector{ExchangeKind::Connect, ExchangeKind::Announce});
    CHECK(listener.answer_size == 20);
    CHECK(listener.request_size == 98);
    CHECK(listener.has_reply);
    udp.ask(wire::encode_udp_request(
                {udp.connect(from_v4(3)), 78, wire::UdpScrapeRequest{{udp_hash_of(1), udp_hash_of(2)}}}),
            from_v4(3));
    CHECK(listener.hashes == 2);
    listener.replace = true;
    CHECK_FALSE(udp.ask(wire::encode_udp_request({}), from_v4(1)));
    CHECK(udp.front.take_delivery() != nullptr);
    CHECK(udp.is_silent(ByteBuffer(98), from_v4(1)));
    CHECK(listener.refusal.starts_with("connection id"));
    CHECK(udp.front.take_delivery() == nullptr);
}

}  // namespace
}  // namespace bt::tracker
