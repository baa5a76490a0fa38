#include "common/meta/magnet.h"

#include "common/base/encoding.h"
#include "tests/support/catch.h"

using bt::meta::Magnet;

namespace {

const std::string kHex = "c9e15763f722f23e98a29decdfae341b98d53056";
const std::string kLink = "magnet:?xt=urn:btih:" + kHex;

Magnet accepted_link(const std::string& uri) {
    const auto magnet = Magnet::parse(uri);
    if (!magnet) FAIL("refused: " << magnet.error().message());
    return *magnet;
}

void check_magnet_refused(const std::string& uri, std::string_view words, std::size_t offset) {
    const auto magnet = Magnet::parse(uri);
    REQUIRE_FALSE(magnet);
    INFO("answer: " << magnet.error().message());
    CHECK(magnet.error().detail.find(words) != std::string::npos);
    CHECK(magnet.error().code == bt::ErrorCode::InvalidMagnet);
    CHECK(magnet.error().fault == bt::Fault::Remote);
    CHECK(magnet.error().offset == offset);
}

}  // namespace

TEST_CASE("a magnet's hash is read from hex of either case and from base32") {
    CHECK(bt::to_hex(accepted_link(kLink).info_hash) == kHex);
    CHECK(bt::to_hex(accepted_link("MAGNET:?XT=URN:BTIH:C9E15763F722F23E98A29DECDFAE341B98D53056").info_hash) == kHex);
    CHECK(bt::to_hex(accepted_link("magnet:?xt=urn:btih:ZHQVOY7XELZD5GFCTXWN7LRUDOMNKMCW").info_hash) == kHex);
    CHECK(bt::to_hex(accepted_link("magnet:?xt=urn%3Abtih%3A" + kHex).info_hash) == kHex);
    CHECK(bt::to_hex(accepted_link("magnet:?dn=x&xt.1=urn:btih:" + kHex).info_hash) == kHex);
}

TEST_CASE("a magnet without a usable hash is refused") {
    check_magnet_refused("", "does not start", 0);
    check_magnet_refused("http://a/?xt=urn:btih:" + kHex, "does not start", 0);
    check_magnet_refused("magnet:?", "no xt=urn:btih", 8);
    check_magnet_refused("magnet:?dn=x&xt=urn:btmh:1220abcd", "no xt=urn:btih", 33);
    check_magnet_refused("magnet:?dn=x&xt=urn:btih:1234", "neither 40 hex", 13);
    check_magnet_refused(kLink + "0", "neither 40 hex", 8);
    check_magnet_refused("magnet:?xt=urn:btih:" + std::string(40, 'g'), "neither 40 hex", 8);
    check_magnet_refused("magnet:?xt=urn:btih:" + std::string(32, '1'), "neither 40 hex", 8);
}

TEST_CASE("a magnet with two different hashes is refused, one said twice is not") {
    check_magnet_refused(kLink + "&xt=urn:btih:" + std::string(40, 'a'), "two different btih", kLink.size() + 1);
    CHECK(bt::to_hex(accepted_link(kLink + "&xt=urn:btih:" + kHex).info_hash) == kHex);
}

TEST_CASE("a hybrid magnet is taken by its v1 hash") {
    CHECK(bt::to_hex(accepted_link(kLink + "&xt=urn:btmh:1220" + std::string(64, 'a')).info_hash) == kHex);
}

TEST_CASE("a magnet's name is decoded, or taken as written where that is impossible") {
    CHECK(accepted_link(kLink + "&dn=Hello%20big+world").display_name == "Hello big world");
    CHECK(accepted_link(kLink + "&dn=100%+sure").display_name == "100%+sure");
    CHECK(accepted_link(kLink + "&dn=").display_name.empty());
}

TEST_CASE("a magnet's trackers keep their order, without duplicates and without what is no text") {
    const Magnet magnet = accepted_link(
        kLink + "&tr=http%3A%2F%2Fa%2Fann%3Fk%3D1&tr.1=udp://b:1&tr=udp://b:1&tr=&tr=%zz&tr=a%20b&tr=%FF");
    CHECK(magnet.trackers == std::vector<std::string>{"http://a/ann?k=1", "udp://b:1"});
    CHECK(accepted_link(kLink + "&tr=http://a/x+y").trackers == std::vector<std::string>{"http://a/x+y"});
}

TEST_CASE("a magnet's peers are addresses or names with a port") {
    const Magnet magnet = accepted_link(kLink + "&x.pe=127.0.0.2:6881&x.pe=%5B::1%5D:80&x.pe=host.test:81");
    CHECK(magnet.peers ==
          std::vector<bt::Endpoint>{*bt::Endpoint::parse("127.0.0.2:6881"), *bt::Endpoint::parse("[::1]:80")});
    CHECK(magnet.peer_hosts == std::vector<std::string>{"host.test:81"});
    for (const char* bad : {"127.0.0.2", "127.0.0.2:0", "host", "host:", "host:0", "host:65536", "host:x", ":80",
                            "::1:80", "a/b:80", "a%20b:1"}) {
        INFO(bad);
        const Magnet without = accepted_link(kLink + "&x.pe=" + bad);
        CHECK(without.peers.empty());
        CHECK(without.peer_hosts.empty());
    }
    CHECK(accepted_link(kLink + "&x.pe=host:65535").peer_hosts.size() == 1);
}

TEST_CASE("parameters we do not know are left out") {
    const Magnet magnet = accepted_link(kLink + "&&ws=http://a&tracker=x&tr.x=http://b&flag&=1&so=0,2,4-6");
    CHECK(magnet.trackers.empty());
    CHECK(magnet.select_only == "0,2,4-6");
}

TEST_CASE("a magnet of 64 KiB is read and of one byte more refused") {
    const std::string head = kLink + "&dn=";
    const std::string largest = head + std::string(65536 - head.size(), 'n');
    CHECK(accepted_link(largest).display_name.size() == 65536 - head.size());
    check_magnet_refused(largest + "n", "65537 bytes are more than 64 KiB", 65536);
}

TEST_CASE("200 trackers and 200 peers are read, one more is refused") {
    std::string trackers = kLink;
    std::string peers = kLink;
    for (int i = 0; i < 200; ++i) {
        trackers += "&tr=udp://t" + std::to_string(i);
        peers += i % 2 == 0 ? "&x.pe=host:" + std::to_string(i + 1) : "&x.pe=127.0.0.1:" + std::to_string(i);
    }
    CHECK(accepted_link(trackers).trackers.size() == 200);
    CHECK(accepted_link(trackers + "&tr=udp://t0").trackers.size() == 200);
    check_magnet_refused(trackers + "&tr=udp://more", "more than 200 trackers", trackers.size() + 1);
    CHECK(accepted_link(peers).peers.size() == 100);
    check_magnet_refused(peers + "&x.pe=1.2.3.4:5", "more than 200 peers", peers.size() + 1);
}

TEST_CASE("a magnet written out is read back the same") {
    Magnet magnet = accepted_link(kLink);
    magnet.display_name = "100% & more = ?";
    magnet.trackers = {"http://a/announce?key=1&x=2", "udp://b:1"};
    magnet.peers = {*bt::Endpoint::parse("127.0.0.2:6881"), *bt::Endpoint::parse("[::1]:80")};
    magnet.peer_hosts = {"host.test:81"};
    magnet.select_only = "0,2-3";
    CHECK(accepted_link(magnet.to_uri()) == magnet);
    CHECK(accepted_link(kLink).to_uri() == kLink);
}
