#include "common/wire/http_announce.h"

#include <numeric>

#include "tests/support/catch.h"

namespace bt::wire {
namespace {

const std::string kHash = "info_hash=%00%01%02aaaaaaaaaaaaaaaaa";
const std::string kPeer = "peer_id=-XX0001-abcdefghijkl";
const std::string kSmallest = kHash + "&" + kPeer + "&port=6881&left=0";

std::string detail(std::string_view query) {
    const auto result = parse_announce_query(query);
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().code == ErrorCode::InvalidTracker);
    CHECK(result.error().fault == Fault::Remote);
    return result.error().detail;
}

bool takes(const std::string& parameter) { return parse_announce_query(kSmallest + "&" + parameter).has_value(); }

Result<AnnounceReply> parse_reply(std::string_view text) { return parse_announce_reply(as_bytes(text)); }

std::vector<std::string> endpoints(const AnnounceReply& reply) {
    std::vector<std::string> texts;
    for (const AnnouncePeer& peer : reply.peers) texts.push_back(peer.endpoint.to_string());
    return texts;
}

AnnouncePeer peer(std::string_view endpoint) { return {*Endpoint::parse(endpoint), std::nullopt}; }

// A literal with zero bytes in it.
template <std::size_t N>
std::string bytes(const char (&text)[N]) {
    return {text, N - 1};
}

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a request becomes the query string that trackers expect") {
    AnnounceRequest request;
    std::iota(request.info_hash.begin(), request.info_hash.end(), Byte{0x78});
    request.peer_id.fill('p');
    request.port = 6881;
    request.left = 7;
    CHECK(to_query(request) ==
          "info_hash=xyz%7B%7C%7D~%7F%80%81%82%83%84%85%86%87%88%89%8A%8B&peer_id=pppppppppppppppppppp&port=6881&"
          "uploaded=0&downloaded=0&left=7&compact=1");
}

TEST_CASE("a full request survives the way through the query string") {
    AnnounceRequest request;
    for (std::size_t i = 0; i < 20; ++i) request.info_hash[i] = static_cast<Byte>(i * 13);
    for (std::size_t i = 0; i < 20; ++i) request.peer_id[i] = static_cast<Byte>(255 - i);
    request.port = 65535;
    request.uploaded = 1;
    request.downloaded = 1ull << 40;
    request.left = ~0ull;
    request.event = AnnounceEvent::Paused;
    request.numwant = 0;
    request.compact = false;
    request.no_peer_id = true;
    request.key = "a&b=c%";
    request.tracker_id = "t +\xff";
    request.ip = "::1";
    const auto parsed = parse_announce_query(to_query(request));
    REQUIRE(parsed.has_value());
    CHECK(parsed->info_hash == request.info_hash);
    CHECK(parsed->peer_id == request.peer_id);
    CHECK(parsed->port == request.port);
    CHECK(parsed->uploaded == request.uploaded);
    CHECK(parsed->downloaded == request.downloaded);
    CHECK(parsed->left == request.left);
    CHECK(parsed->event == request.event);
    CHECK(parsed->numwant == request.numwant);
    CHECK(parsed->compact == false);
    CHECK(parsed->no_peer_id);
    CHECK(parsed->key == request.key);
    CHECK(parsed->tracker_id == request.tracker_id);
    CHECK(parsed->ip == request.ip);
}

TEST_CASE("every event has its name and comes back from it") {
    for (const AnnounceEvent event : {AnnounceEvent::None, AnnounceEvent::Started, AnnounceEvent::Completed,
                                      AnnounceEvent::Stopped, AnnounceEvent::Paused}) {
        const auto parsed = parse_announce_query(kSmallest + "&event=" + std::string(event_name(event)));
        REQUIRE(parsed.has_value());
        CHECK(parsed->event == event);
    }
    CHECK(parse_announce_query(kSmallest + "&event=empty")->event == AnnounceEvent::None);
    CHECK(detail(kSmallest + "&event=begun") ==
          "event: must be started, completed, stopped, paused or empty (BEP 3, paused: BEP 21)");
}

TEST_CASE("the smallest query is enough, unknown parameters and order do not matter") {
    const auto parsed = parse_announce_query("&x=%zz&left=0&" + kPeer + "&&port=6881&supportcrypto&" + kHash + "&");
    REQUIRE(parsed.has_value());
    CHECK(parsed->info_hash[1] == 1);
    CHECK(parsed->info_hash[19] == 'a');
    CHECK(parsed->uploaded == 0);
    CHECK_FALSE(parsed->compact.has_value());
    CHECK_FALSE(parsed->numwant.has_value());
}

TEST_CASE("a missing parameter is named") {
    CHECK(detail("") == "info_hash: missing (BEP 3)");
    CHECK(detail(kPeer + "&port=1&left=0") == "info_hash: missing (BEP 3)");
    CHECK(detail(kHash + "&port=1&left=0") == "peer_id: missing (BEP 3)");
    CHECK(detail(kHash + "&" + kPeer + "&left=0") == "port: missing (BEP 3)");
    CHECK(detail(kHash + "&" + kPeer + "&port=1") == "left: missing (BEP 3)");
}

TEST_CASE("info_hash and peer_id have exactly 20 bytes and come once") {
    const std::string rest = "&" + kPeer + "&port=1&left=0";
    CHECK(detail("info_hash=" + std::string(19, 'a') + rest) == "info_hash: must be 20 bytes, not 19 (BEP 3)");
    CHECK(detail("info_hash=" + std::string(21, 'a') + rest) == "info_hash: must be 20 bytes, not 21 (BEP 3)");
    CHECK(detail("info_hash=" + std::string(40, 'a') + rest) == "info_hash: must be 20 bytes, not 40 (BEP 3)");
    CHECK(detail("info_hash" + rest) == "info_hash: must be 20 bytes, not 0 (BEP 3)");
    CHECK(detail(kSmallest + "&" + kHash) == "info_hash: given twice (BEP 3)");
    CHECK(detail(kSmallest + "&" + kPeer) == "peer_id: given twice (BEP 3)");
    CHECK(detail(kSmallest + "&port=1") == "port: given twice (BEP 3)");
    CHECK(detail(kHash + "&peer_id=short&port=1&left=0") == "peer_id: must be 20 bytes, not 5 (BEP 3)");
}

TEST_CASE("a bad percent escape is refused with the place of its parameter") {
    const auto result = parse_announce_query(kPeer + "&info_hash=%0x");
    REQUIRE_FALSE(result.has_value());
    CHECK(result.error().detail == "info_hash: '%' without two hex digits behind it (BEP 3)");
    CHECK(result.error().offset == kPeer.size() + 1);
}

TEST_CASE("a plus sign is a plus sign") {
    const auto parsed = parse_announce_query("info_hash=++++++++++++++++++++&" + kPeer + "&port=1&left=0");
    REQUIRE(parsed.has_value());
    CHECK(parsed->info_hash[0] == '+');
}

TEST_CASE("ports from 1 to 65535") {
    const std::string rest = "&" + kHash + "&" + kPeer + "&left=0";
    CHECK(parse_announce_query("port=1" + rest).has_value());
    CHECK(parse_announce_query("port=65535" + rest).has_value());
    for (const char* bad : {"0", "65536", "-1", "", "80x", " 80", "4294967297"}) {
        CHECK(detail("port=" + std::string(bad) + rest) == "port: must be from 1 to 65535 (BEP 3)");
    }
}

TEST_CASE("counters are 64 bits, and neither negative nor text") {
    CHECK(parse_announce_query(kHash + "&" + kPeer + "&port=1&left=18446744073709551615")->left == ~0ull);
    CHECK(takes("uploaded=18446744073709551615"));
    CHECK_FALSE(takes("uploaded=18446744073709551616"));
    CHECK_FALSE(takes("uploaded=-1"));
    CHECK_FALSE(takes("downloaded="));
    CHECK_FALSE(takes("downloaded=1e3"));
    CHECK_FALSE(takes("left=-1"));
}

TEST_CASE("numwant: negative is as absent, large is clamped, text is refused") {
    const auto numwant = [](const std::string& value) {
        return parse_announce_query(kSmallest + "&numwant=" + value)->numwant;
    };
    CHECK(numwant("0") == 0u);
    CHECK(numwant("50") == 50u);
    CHECK(numwant("99999999999") == 4'294'967'295u);
    CHECK_FALSE(numwant("-1").has_value());
    CHECK_FALSE(takes("numwant=all"));
    CHECK_FALSE(takes("numwant=-"));
}

TEST_CASE("flags are 0 or 1") {
    CHECK(parse_announce_query(kSmallest + "&compact=1")->compact == true);
    CHECK(parse_announce_query(kSmallest + "&compact=0")->compact == false);
    CHECK_FALSE(takes("compact=2"));
    CHECK_FALSE(takes("compact="));
    CHECK(parse_announce_query(kSmallest + "&no_peer_id=1")->no_peer_id);
}

TEST_CASE("a compact reply with both families is read") {
    const auto reply =
        parse_reply(std::string("d8:completei3e10:incompletei4e8:intervali1800e12:min intervali60e5:peers12:") +
                    bytes("\x7f\0\0\1\x1a\xe1\x7f\0\0\2\0\x50") +
                    "6:peers618:" + bytes("\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1\x1a\xe1") +
                    "10:tracker id2:id15:warning message4:slowe");
    REQUIRE(reply.has_value());
    CHECK(reply->interval_s == 1800u);
    CHECK(reply->min_interval_s == 60u);
    CHECK(reply->complete == 3u);
    CHECK(reply->incomplete == 4u);
    CHECK(reply->tracker_id == "id");
    CHECK(reply->warning_message == "slow");
    CHECK_FALSE(reply->failure_reason.has_value());
    CHECK(endpoints(*reply) == Texts{"127.0.0.1:6881", "127.0.0.2:80", "[2001:db8::1]:6881"});
}

TEST_CASE("a dictionary reply is read; host names, bad ports and odd elements are dropped") {
    const auto reply = parse_reply(
        "d8:intervali5e5:peersl"
        "d2:ip9:127.0.0.17:peer id20:aaaaaaaaaaaaaaaaaaaa4:porti1ee"
        "d2:ip3:::17:peer id3:abc4:porti65535ee"
        "d2:ip11:example.org4:porti80ee"
        "d2:ip9:127.0.0.24:porti0ee"
        "d2:ip9:127.0.0.24:porti65536ee"
        "d2:ip9:127.0.0.24:port2:80e"
        "d2:ipi5e4:porti80ee"
        "d4:porti80ee"
        "i7e3:foole"
        "ee");
    REQUIRE(reply.has_value());
    CHECK(endpoints(*reply) == Texts{"127.0.0.1:1", "[::1]:65535"});
    CHECK(reply->peers[0].peer_id.has_value());
    CHECK_FALSE(reply->peers[1].peer_id.has_value());
}

TEST_CASE("sloppy replies are taken") {
    CHECK(parse_reply("de")->peers.empty());
    CHECK_FALSE(parse_reply("d5:peers0:e")->interval_s.has_value());
    CHECK(parse_reply("d5:peers0:8:intervali9ee")->interval_s == 9u);  // unsorted
    CHECK(parse_reply("d8:intervali9ee\r\n")->interval_s == 9u);       // a line end behind it
    CHECK_FALSE(parse_reply("d8:intervali-1ee")->interval_s.has_value());
    CHECK_FALSE(parse_reply("d8:interval2:10e")->interval_s.has_value());
    CHECK(parse_reply("d8:intervali99999999999ee")->interval_s == 4'294'967'295u);
    CHECK_FALSE(parse_reply("d8:completei-1ee")->complete.has_value());
}

TEST_CASE("a failure reason is kept, of whatever type, and the peers are not read") {
    CHECK(parse_reply("d14:failure reason12:unregisterede")->failure_reason == "unregistered");
    CHECK(parse_reply("d14:failure reasoni5ee")->failure_reason == "");
    const auto reply = parse_reply("d14:failure reason2:no5:peers5:abcdee");
    REQUIRE(reply.has_value());
    CHECK(reply->peers.empty());
}

TEST_CASE("retry in comes with a failure reason: minutes as number or text, or never") {
    const auto retry = [](const std::string& value) {
        return parse_reply("d14:failure reason2:no8:retry in" + value + "e")->retry_in;
    };
    CHECK(retry("i15e") == RetryIn{15});
    CHECK(retry("2:15") == RetryIn{15});
    CHECK(retry("5:never") == RetryIn{});
    CHECK_FALSE(retry("5:NEVER"));
    CHECK_FALSE(retry("3:15m"));
    CHECK_FALSE(retry("0:"));
    CHECK_FALSE(retry("i-1e"));
    CHECK_FALSE(parse_reply("d5:peers0:8:retry ini5ee")->retry_in);
    AnnounceReply reply;
    reply.failure_reason = "no";
    reply.retry_in = RetryIn{};
    CHECK(as_text(encode_announce_reply(reply, true, false)) == "d14:failure reason2:no8:retry in5:nevere");
    reply.retry_in = RetryIn{7};
    CHECK(as_text(encode_announce_reply(reply, true, false)) == "d14:failure reason2:no8:retry ini7ee");
}

TEST_CASE("the external ip has 4 or 16 bytes, others count as not given") {
    const auto external = [](const std::string& value) {
        return parse_reply("d11:external ip" + std::to_string(value.size()) + ":" + value + "e")->external_ip;
    };
    CHECK(external(bytes("\x0a\0\0\1")) == Address::parse("10.0.0.1"));
    CHECK(external(std::string(15, '\0') + "\1") == Address::parse("::1"));
    CHECK_FALSE(external("10.0.0.1"));
    CHECK_FALSE(external(std::string(4, '\0')));
    CHECK_FALSE(external(""));
    AnnounceReply reply;
    reply.external_ip = Address::parse("10.0.0.1");
    CHECK(parse_announce_reply(encode_announce_reply(reply, true, false))->external_ip == reply.external_ip);
}

TEST_CASE("compact lists must be whole, ports of 0 and unspecified addresses are dropped") {
    for (const std::size_t size : {5u, 7u, 11u}) {
        const auto reply = parse_reply("d5:peers" + std::to_string(size) + ":" + std::string(size, 'x') + "e");
        REQUIRE_FALSE(reply.has_value());
        CHECK(reply.error().code == ErrorCode::InvalidTracker);
        CHECK(reply.error().offset == 8);
    }
    CHECK(parse_reply("d5:peers6:xxxxxxe")->peers.size() == 1);
    CHECK_FALSE(parse_reply("d6:peers617:" + std::string(17, 'x') + "e").has_value());
    CHECK(parse_reply("d6:peers618:" + std::string(18, 'x') + "e")->peers.size() == 1);
    CHECK_FALSE(parse_reply("d6:peers619:" + std::string(19, 'x') + "e").has_value());
    CHECK(parse_reply(bytes("d5:peers6:\x7f\0\0\1\0\0e"))->peers.empty());
    CHECK(parse_reply(bytes("d5:peers6:\0\0\0\0\0\1e"))->peers.empty());
    CHECK_FALSE(parse_reply("d5:peersi5ee").has_value());
}

TEST_CASE("at most 3,000 peers of both families are kept") {
    const auto compact = [](std::size_t v4, std::size_t v6) {
        return "d5:peers" + std::to_string(6 * v4) + ":" + std::string(6 * v4, 'x') + "6:peers6" +
               std::to_string(18 * v6) + ":" + std::string(18 * v6, 'y') + "e";
    };
    CHECK(parse_reply(compact(2999, 0))->peers.size() == 2999);
    CHECK(parse_reply(compact(3000, 0))->peers.size() == 3000);
    CHECK(parse_reply(compact(3001, 0))->peers.size() == 3000);
    CHECK(parse_reply(compact(2990, 20))->peers.size() == 3000);
}

TEST_CASE("a reply of 1 MiB is read, one byte more is refused") {
    const std::size_t rest = std::string_view("d1:x1048000:e").size();
    const std::string head = "d1:x" + std::to_string(kMaxAnnounceReply - rest) + ":";
    const std::string body = head + std::string(kMaxAnnounceReply - rest, ' ') + "e";
    REQUIRE(body.size() == kMaxAnnounceReply);
    CHECK(parse_reply(body).has_value());
    const auto more = parse_reply(body + " ");
    REQUIRE_FALSE(more.has_value());
    CHECK(more.error().code == ErrorCode::InvalidTracker);
}

TEST_CASE("garbage is refused as the tracker's fault") {
    for (const std::string_view text : {"", "<html><body>502</body></html>", "le", "i1e", "4:spam", "d8:interval",
                                        "d5:peers999999999999:e", "d5:peersl", "d8:intervali1e"}) {
        const auto reply = parse_reply(text);
        REQUIRE_FALSE(reply.has_value());
        CHECK(reply.error().fault == Fault::Remote);
        CHECK((reply.error().code == ErrorCode::InvalidBencode || reply.error().code == ErrorCode::InvalidTracker));
        CHECK(reply.error().offset.has_value());
    }
}

TEST_CASE("replies are written as trackers write them") {
    AnnounceReply reply;
    reply.interval_s = 30;
    reply.min_interval_s = 5;
    reply.complete = 1;
    reply.incomplete = 2;
    reply.peers = {peer("[::1]:3"), peer("127.0.0.1:1")};
    reply.peers[1].peer_id.emplace().fill('p');
    CHECK(to_string(encode_announce_reply(reply, true, false)) ==
          bytes("d8:completei1e10:incompletei2e8:intervali30e12:min intervali5e5:peers6:\x7f\0\0\1\0\1"
                "6:peers618:\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1\0\3e"));
    CHECK(to_string(encode_announce_reply(reply, false, false)) ==
          "d8:completei1e10:incompletei2e8:intervali30e12:min intervali5e5:peersl"
          "d2:ip3:::14:porti3eed2:ip9:127.0.0.17:peer id20:pppppppppppppppppppp4:porti1eeee");
    CHECK(to_string(encode_announce_reply(reply, false, true)).find("peer id") == std::string::npos);

    AnnounceReply none;
    CHECK(to_string(encode_announce_reply(none, true, false)) == "d5:peers0:e");
    CHECK(to_string(encode_announce_reply(none, false, false)) == "d5:peerslee");
    reply.failure_reason = "no";
    CHECK(to_string(encode_announce_reply(reply, true, false)) == "d14:failure reason2:noe");
}

TEST_CASE("what we write we read") {
    AnnounceReply reply;
    reply.interval_s = 4'294'967'295u;
    reply.complete = ~0ull;  // beyond bencode's integers: clamped
    reply.tracker_id = bytes("\0x");
    reply.warning_message = "w";
    reply.peers = {peer("127.0.0.1:1"), peer("127.0.0.2:2"), peer("[::1]:3")};
    for (const bool compact : {true, false}) {
        const auto back = parse_announce_reply(encode_announce_reply(reply, compact, false));
        REQUIRE(back.has_value());
        CHECK(back->interval_s == reply.interval_s);
        CHECK(back->complete == (1ull << 63) - 1);
        CHECK(back->tracker_id == reply.tracker_id);
        CHECK(back->warning_message == reply.warning_message);
        CHECK(endpoints(*back) == endpoints(reply));
    }
}

TEST_CASE("the compact reply that is written by hand has the bytes of the other one") {
    constexpr std::uint64_t kLargest = (std::uint64_t{1} << 63) - 1;
    ByteBuffer written{1, 2, 3};
    for (const std::vector<AnnouncePeer>& peers : {std::vector<AnnouncePeer>{},
                                                   {peer("1.2.3.4:5")},
                                                   {peer("[fd00::1]:6")},
                                                   {peer("1.2.3.4:5"), peer("[fd00::1]:6")},
                                                   std::vector<AnnouncePeer>(300, peer("9.8.7.6:54321"))}) {
        for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1234}, kLargest}) {
            AnnounceReply reply;
            reply.complete = count;
            reply.incomplete = count;
            reply.interval_s = UINT32_MAX;
            reply.min_interval_s = static_cast<std::uint32_t>(count);
            reply.peers = peers;
            ByteBuffer v4;
            ByteBuffer v6;
            for (const AnnouncePeer& p : peers) p.endpoint.append_compact(p.endpoint.address.is_v4() ? v4 : v6);
            write_compact_announce_reply(count, count, UINT32_MAX, *reply.min_interval_s, v4, v6, written);
            CHECK(to_string(written) == to_string(encode_announce_reply(reply, true, false)));
        }
    }
}

TEST_CASE("scrape URLs follow the examples of BEP 48") {
    CHECK(scrape_url("http://example.com/announce") == "http://example.com/scrape");
    CHECK(scrape_url("http://example.com/x/announce") == "http://example.com/x/scrape");
    CHECK(scrape_url("http://example.com/announce.php") == "http://example.com/scrape.php");
    CHECK(scrape_url("http://example.com/announce?x2%0644") == "http://example.com/scrape?x2%0644");
    CHECK(scrape_url("https://example.com/announce") == "https://example.com/scrape");
    CHECK_FALSE(scrape_url("http://example.com/a").has_value());
    CHECK_FALSE(scrape_url("http://example.com/announce?x=2/4").has_value());
    CHECK_FALSE(scrape_url("http://example.com/x%064announce").has_value());
    CHECK_FALSE(scrape_url("http://announce.example.com").has_value());
    CHECK_FALSE(scrape_url("udp://example.com/announce").has_value());
    CHECK_FALSE(scrape_url("").has_value());
}

}  // namespace bt::wire
