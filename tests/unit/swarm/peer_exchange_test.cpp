#include "common/swarm/peer_exchange.h"

#include "common/base/crc32c.h"
#include "common/swarm/peer_priority.h"
#include "tests/support/catch.h"

using namespace bt;
using swarm::PeerExchange;
using Verdict = swarm::PeerExchange::Verdict;

namespace {

Endpoint ep(const std::string& text) { return Endpoint::parse(text).value(); }
TimePoint at_s(std::int64_t s) { return TimePoint(seconds(s)); }

std::vector<wire::PexPeer> peers(int first, int count) {
    std::vector<wire::PexPeer> all;
    for (int i = first; i < first + count; ++i) all.push_back({ep("10.0.0." + std::to_string(i) + ":6881"), 0});
    return all;
}

const Endpoint kReceiver = ep("10.0.1.1:6881");

}  // namespace

TEST_CASE("the first exchange tells of everybody but the receiver, at once", "[peer_exchange]") {
    PeerExchange exchange;
    auto connected = peers(1, 3);
    connected.push_back({kReceiver, 0});
    const auto message = exchange.next_message(connected, kReceiver, at_s(5));
    REQUIRE(message.has_value());
    CHECK(message->added == peers(1, 3));
    CHECK(message->dropped.empty());
}

TEST_CASE("later exchanges tell what has changed, a minute apart", "[peer_exchange]") {
    PeerExchange exchange;
    REQUIRE(exchange.next_message(peers(1, 3), kReceiver, at_s(0)).has_value());
    CHECK_FALSE(exchange.next_message(peers(2, 5), kReceiver, at_s(60) - Duration(1)).has_value());
    const auto message = exchange.next_message(peers(2, 5), kReceiver, at_s(60));
    REQUIRE(message.has_value());
    CHECK(message->added == peers(4, 3));
    REQUIRE(message->dropped.size() == 1);
    CHECK(message->dropped[0] == ep("10.0.0.1:6881"));
}

TEST_CASE("nothing new is no message, and takes no time from the next", "[peer_exchange]") {
    PeerExchange exchange;
    CHECK_FALSE(exchange.next_message({}, kReceiver, at_s(0)).has_value());
    REQUIRE(exchange.next_message(peers(1, 1), kReceiver, at_s(1)).has_value());
    CHECK_FALSE(exchange.next_message(peers(1, 1), kReceiver, at_s(61)).has_value());
    CHECK(exchange.next_message(peers(1, 2), kReceiver, at_s(62)).has_value());
}

TEST_CASE("more than fifty new peers are told in turns", "[peer_exchange]") {
    PeerExchange exchange;
    CHECK(exchange.next_message(peers(1, 120), kReceiver, at_s(0))->added.size() == 50);
    CHECK(exchange.next_message(peers(1, 120), kReceiver, at_s(60))->added.size() == 50);
    CHECK(exchange.next_message(peers(1, 120), kReceiver, at_s(120))->added.size() == 20);
    CHECK_FALSE(exchange.next_message(peers(1, 120), kReceiver, at_s(180)).has_value());
    CHECK(exchange.next_message({}, kReceiver, at_s(180))->dropped.size() == 50);
}

TEST_CASE("addresses of this machine are told to, and believed from, peers on it only", "[peer_exchange]") {
    PeerExchange exchange;
    const std::vector<wire::PexPeer> local = {{ep("127.0.0.5:1"), 0}, {ep("[::1]:1"), 0}};
    CHECK_FALSE(exchange.next_message(local, kReceiver, at_s(0)).has_value());
    CHECK(exchange.next_message(local, ep("127.0.0.9:5"), at_s(0))->added.size() == 2);
    CHECK(PeerExchange::may_believe(ep("127.0.0.5:1"), ep("127.0.0.9:5")));
    CHECK_FALSE(PeerExchange::may_believe(ep("127.0.0.5:1"), kReceiver));
    CHECK(PeerExchange::may_believe(kReceiver, ep("127.0.0.9:5")));
}

TEST_CASE("bad input: exchanges that come too early are passed over, the sixth in a row is a flood",
          "[peer_exchange]") {
    PeerExchange exchange;
    CHECK(exchange.on_message(at_s(0)) == Verdict::Take);
    CHECK(exchange.on_message(at_s(55) - Duration(1)) == Verdict::TooEarly);
    CHECK(exchange.on_message(at_s(55)) == Verdict::Take);
    for (int i = 0; i < 5; ++i) CHECK(exchange.on_message(at_s(56 + i)) == Verdict::TooEarly);
    CHECK(exchange.on_message(at_s(62)) == Verdict::Flood);
}

TEST_CASE("a timely exchange makes up for early ones", "[peer_exchange]") {
    PeerExchange exchange;
    CHECK(exchange.on_message(at_s(0)) == Verdict::Take);
    for (int minute = 1; minute < 10; ++minute) {
        for (int i = 0; i < 5; ++i) CHECK(exchange.on_message(at_s(60 * minute - 50 + i)) == Verdict::TooEarly);
        CHECK(exchange.on_message(at_s(60 * minute)) == Verdict::Take);
    }
}

TEST_CASE("CRC-32C has the well-known check value", "[peer_priority]") {
    CHECK(crc32c(as_bytes("123456789")) == 0xe3069283);
    CHECK(crc32c({}) == 0);
}

TEST_CASE("peer priorities are those of BEP 40's examples, from either side", "[peer_priority]") {
    const auto both = [](const char* a, const char* b) {
        const std::uint32_t one = swarm::peer_priority(ep(a), ep(b));
        CHECK(one == swarm::peer_priority(ep(b), ep(a)));
        return one;
    };
    CHECK(both("123.213.32.10:1", "98.76.54.32:2") == 0xec2d7224);
    CHECK(both("123.213.32.10:1", "123.213.32.234:2") == 0x99568189);
    CHECK(both("123.213.32.10:0", "123.213.32.10:0") == crc32c(ByteBuffer{0, 0, 0, 0}));
    CHECK(both("127.0.0.1:258", "127.0.0.1:513") == crc32c(ByteBuffer{1, 2, 2, 1}));
    CHECK(both("127.0.0.1:1", "[::1]:1") == 0);
}

TEST_CASE("the further two addresses are apart, the less of them counts", "[peer_priority]") {
    const auto same = [](const char* a, const char* b, const char* c) {
        return swarm::peer_priority(ep(a), ep(b)) == swarm::peer_priority(ep(a), ep(c));
    };
    CHECK(same("1.2.3.4:1", "5.6.1.0:1", "5.6.3.2:1"));        // bits that 55.55 drops
    CHECK_FALSE(same("1.2.3.4:1", "1.2.1.0:1", "1.2.3.2:1"));  // the same /16: the third byte counts whole
    CHECK(same("1.2.3.4:1", "1.2.8.0:1", "1.2.8.2:1"));
    CHECK_FALSE(same("1.2.3.4:1", "1.2.3.0:1", "1.2.3.2:1"));  // the same /24: everything counts
    CHECK(same("[2001:db8::1]:1", "[2001:db9:0:0200::1]:1", "[2001:db9:0:0000::3]:1"));
    CHECK_FALSE(same("[2001:db8::1]:1", "[2001:db8:0:0200::1]:1", "[2001:db8:0:0800::3]:1"));
}
