#include "common/wire/udp_tracker.h"

#include "common/base/byte_cursor.h"
#include "common/base/encoding.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::wire;

namespace {

InfoHash hash_of(Byte b) {
    InfoHash hash;
    hash.fill(b);
    return hash;
}

UdpRequest an_announce() {
    UdpAnnounceRequest body;
    body.announce.info_hash = hash_of(0xaa);
    body.announce.peer_id.fill('p');
    body.announce.downloaded = 0x0102030405060708;
    body.announce.left = 1;
    body.announce.uploaded = 2;
    body.announce.event = AnnounceEvent::Started;
    body.announce.numwant = 50;
    body.announce.port = 6881;
    body.key = 0xdeadbeef;
    return {0x1122334455667788, 0x99aabbcc, body};
}

std::string hex(ByteView bytes) { return to_hex(bytes); }

}  // namespace

TEST_CASE("the requests have the bytes of BEP 15") {
    CHECK(hex(encode_udp_request({.transaction_id = 0x01020304, .body = UdpConnectRequest{}})) ==
          "0000041727101980"
          "00000000"
          "01020304");
    CHECK(hex(encode_udp_request(an_announce())) ==
          "1122334455667788"
          "00000001"
          "99aabbcc" +
              std::string(40, 'a') +
              "7070707070707070707070707070707070707070"
              "0102030405060708"
              "0000000000000001"
              "0000000000000002"
              "00000002"
              "00000000"
              "deadbeef"
              "00000032"
              "1ae1");
    CHECK(hex(encode_udp_request({1, 2, UdpScrapeRequest{{hash_of(0x11), hash_of(0x22)}}})) ==
          "0000000000000001"
          "00000002"
          "00000002" +
              std::string(40, '1') + std::string(40, '2'));
}

TEST_CASE("a request is read back as it was written, events, address and absent numwant with it") {
    UdpRequest request = an_announce();
    auto& body = std::get<UdpAnnounceRequest>(request.body);
    body.announce.event =
        GENERATE(AnnounceEvent::None, AnnounceEvent::Started, AnnounceEvent::Completed, AnnounceEvent::Stopped);
    body.announce.ip = GENERATE(as<std::string>(), "", "10.1.2.3");
    body.announce.numwant = GENERATE(as<std::optional<std::uint32_t>>(), std::nullopt, 0, 200);
    const auto read = parse_udp_request(encode_udp_request(request));
    REQUIRE(read);
    CHECK(read->connection_id == request.connection_id);
    CHECK(read->transaction_id == request.transaction_id);
    const auto& found = std::get<UdpAnnounceRequest>(read->body);
    CHECK(found.announce.event == body.announce.event);
    CHECK(found.announce.ip == body.announce.ip);
    CHECK(found.announce.numwant == body.announce.numwant);
    CHECK(found.announce.left == 1);
    CHECK(found.announce.uploaded == 2);
    CHECK(found.announce.downloaded == 0x0102030405060708);
    CHECK(found.announce.port == 6881);
    CHECK(found.key == 0xdeadbeef);
}

TEST_CASE("what UDP has no word for goes as its nearest: paused as none, a huge numwant as the greatest") {
    UdpRequest request = an_announce();
    auto& body = std::get<UdpAnnounceRequest>(request.body);
    body.announce.event = AnnounceEvent::Paused;
    body.announce.numwant = 0xffffffff;
    body.announce.ip = "::1";
    const auto read = parse_udp_request(encode_udp_request(request));
    const auto& found = std::get<UdpAnnounceRequest>(read->body);
    CHECK(found.announce.event == AnnounceEvent::None);
    CHECK(found.announce.numwant == 0x7fffffff);
    CHECK(found.announce.ip.empty());
}

TEST_CASE("path and query of the URL go as BEP 41's options, in parts of 255 bytes") {
    UdpRequest request = an_announce();
    auto& body = std::get<UdpAnnounceRequest>(request.body);
    body.url_data = "/announce?key=1";
    const ByteBuffer small = encode_udp_request(request);
    CHECK(as_text(ByteView(small).subspan(98)) == std::string_view("\x02\x0f/announce?key=1"));
    body.url_data.assign(kMaxUdpUrlData, 'x');
    const auto read = parse_udp_request(encode_udp_request(request));
    REQUIRE(read);
    CHECK(std::get<UdpAnnounceRequest>(read->body).url_data == body.url_data);
    body.url_data += 'x';
    CHECK(parse_udp_request(encode_udp_request(request)).error().code == ErrorCode::InvalidTracker);
}

TEST_CASE("options: padding and unknown ones are passed over, the end ends them, a cut one is not read") {
    const auto [options, url] = GENERATE(table<std::string, std::string>({
        {std::string("\x01\x01\x02\x01/\x07\x02zz\x02\x01x", 12), "/x"},
        {std::string("\x02\x01/\x00\x02\x01x", 7), "/"},
        {std::string("\x02\x01/\x02\x09xyz", 8), "/"},
        {std::string("\x02", 1), ""},
        {std::string("\x09", 1), ""},
    }));
    ByteBuffer packet = encode_udp_request(an_announce());
    append(packet, options);
    const auto read = parse_udp_request(packet);
    REQUIRE(read);
    CHECK(std::get<UdpAnnounceRequest>(read->body).url_data == url);
}

TEST_CASE("bad input: UDP requests that are cut, or break a rule, are refused, each limit exact") {
    const ByteBuffer announce = encode_udp_request(an_announce());
    for (std::size_t size = 0; size < announce.size(); ++size) {
        CHECK(parse_udp_request(ByteView(announce).first(size)).error().fault == Fault::Remote);
    }
    ByteBuffer wrong = announce;
    store_u16(wrong.data() + 96, 0);
    CHECK(parse_udp_request(wrong).error().offset == 96);
    wrong = announce;
    store_u32(wrong.data() + 80, 4);
    CHECK(parse_udp_request(wrong).error().offset == 80);
    wrong = announce;
    store_u32(wrong.data() + 8, 3);
    CHECK(parse_udp_request(wrong).error().offset == 8);
    ByteBuffer connect = encode_udp_request({});
    connect[7] ^= 1;
    CHECK_FALSE(parse_udp_request(connect));

    UdpScrapeRequest scrape;
    CHECK_FALSE(parse_udp_request(encode_udp_request({1, 2, scrape})));
    scrape.info_hashes.assign(kMaxUdpScrape, hash_of(1));
    CHECK(std::get<UdpScrapeRequest>(parse_udp_request(encode_udp_request({1, 2, scrape}))->body).info_hashes.size() ==
          kMaxUdpScrape);
    scrape.info_hashes.push_back(hash_of(2));
    CHECK(std::get<UdpScrapeRequest>(parse_udp_request(encode_udp_request({1, 2, scrape}))->body).info_hashes.size() ==
          kMaxUdpScrape);
}

TEST_CASE("replies of every kind are read back as they were written, peers of the packet's family") {
    const Endpoint four = *Endpoint::parse("10.0.0.1:1");
    const Endpoint six = *Endpoint::parse("[fd00::1]:2");
    const auto family = GENERATE(Address::Family::V4, Address::Family::V6);
    const auto again = [&](const UdpReply& reply) { return *parse_udp_reply(encode_udp_reply(reply, family), family); };

    const auto connect = again({7, UdpConnectReply{0x1234567890}});
    CHECK(connect.transaction_id == 7);
    CHECK(std::get<UdpConnectReply>(connect.body).connection_id == 0x1234567890);
    const auto announce = again({8, UdpAnnounceReply{1800, 3, 4, {four, six}}});
    const auto& told = std::get<UdpAnnounceReply>(announce.body);
    CHECK(told.interval_s == 1800u);
    CHECK(told.incomplete == 3u);
    CHECK(told.complete == 4u);
    CHECK(told.peers == std::vector<Endpoint>{family == Address::Family::V4 ? four : six});
    const auto scrape = again({9, UdpScrapeReply{{{1, 2, 3}, {4, 5, 6}}}});
    const auto& counts = std::get<UdpScrapeReply>(scrape.body).torrents;
    REQUIRE(counts.size() == 2);
    CHECK(counts[1].complete == 4);
    CHECK(counts[1].downloaded == 5);
    CHECK(counts[1].incomplete == 6);
    CHECK(std::get<UdpErrorReply>(again({10, UdpErrorReply{"no"}}).body).message == "no");
    CHECK(hex(encode_udp_reply({8, UdpAnnounceReply{1800, 3, 4, {four}}}, Address::Family::V4)) ==
          "0000000100000008000007080000000300000004"
          "0a0000010001");
}

TEST_CASE(
    "bad input: UDP replies that are cut or of no known action are refused, odd peer lists are read as far as they "
    "go") {
    const auto v4 = Address::Family::V4;
    for (const UdpReply& reply : {UdpReply{1, UdpConnectReply{5}}, UdpReply{1, UdpAnnounceReply{}}}) {
        const ByteBuffer whole = encode_udp_reply(reply, v4);
        for (std::size_t size = 0; size < whole.size(); ++size) {
            CHECK(parse_udp_reply(ByteView(whole).first(size), v4).error().fault == Fault::Remote);
        }
    }
    CHECK_FALSE(parse_udp_reply(ByteBuffer{0, 0, 0, 4, 0, 0, 0, 1}, v4));
    CHECK(udp_transaction_id(ByteBuffer{0, 0, 0, 1, 0, 0, 0, 9}) == 9u);
    CHECK_FALSE(udp_transaction_id(ByteBuffer{0, 0, 0, 1, 0, 0, 0}));

    const Endpoint peer = *Endpoint::parse("10.0.0.1:1");
    ByteBuffer odd = encode_udp_reply({1, UdpAnnounceReply{60, 0, 0, {peer, {}, {peer.address, 0}}}}, v4);
    odd.push_back(77);
    CHECK(std::get<UdpAnnounceReply>(parse_udp_reply(odd, v4)->body).peers == std::vector<Endpoint>{peer});

    UdpAnnounceReply many{60, 0, 0, std::vector<Endpoint>(kMaxAnnouncePeers, peer)};
    CHECK(std::get<UdpAnnounceReply>(parse_udp_reply(encode_udp_reply({1, many}, v4), v4)->body).peers.size() ==
          kMaxAnnouncePeers);
    many.peers.push_back(peer);
    CHECK(std::get<UdpAnnounceReply>(parse_udp_reply(encode_udp_reply({1, many}, v4), v4)->body).peers.size() ==
          kMaxAnnouncePeers);

    UdpErrorReply novel{std::string(kMaxUdpErrorText + 1, 'x')};
    CHECK(std::get<UdpErrorReply>(parse_udp_reply(encode_udp_reply({1, novel}, v4), v4)->body).message.size() ==
          kMaxUdpErrorText);
}

TEST_CASE("bad input: negative intervals and counts over UDP count as not given") {
    ByteBuffer packet = encode_udp_reply({1, UdpAnnounceReply{}}, Address::Family::V4);
    store_u32(packet.data() + 8, 0x80000000);
    store_u32(packet.data() + 12, 0xffffffff);
    store_u32(packet.data() + 16, 0x7fffffff);
    const auto reply = parse_udp_reply(packet, Address::Family::V4);
    const auto& announce = std::get<UdpAnnounceReply>(reply->body);
    CHECK_FALSE(announce.interval_s);
    CHECK_FALSE(announce.incomplete);
    CHECK(announce.complete == 0x7fffffffu);
}
