#include "common/base/endpoint.h"

#include "tests/support/catch.h"

using namespace bt;

TEST_CASE("an endpoint is read from text and written the same") {
    for (const char* text : {"127.0.0.1:80", "0.0.0.0:0", "255.255.255.255:65535", "[::1]:80", "[2001:db8::1]:6881"}) {
        INFO(text);
        const auto endpoint = Endpoint::parse(text);
        REQUIRE(endpoint);
        CHECK(endpoint->to_string() == text);
    }
}

TEST_CASE("text that is no endpoint is refused") {
    for (const char* text : {"", ":", "127.0.0.1", "127.0.0.1:", "127.0.0.1:65536", "127.0.0.1:-1", "127.0.0.1:+1",
                             "127.0.0.1: 1", "127.0.0.1:1x", "127.0.0:1", "256.0.0.1:1", "::1:80", "[127.0.0.1]:80",
                             "[::1]", "[::1:80", "host:80", "[]:80"}) {
        INFO(text);
        CHECK_FALSE(Endpoint::parse(text));
    }
    CHECK_FALSE(Address::parse(std::string_view("127.0.0.1\0", 10)));
}

TEST_CASE("the compact forms are 6 and 18 bytes in network order") {
    ByteBuffer out;
    const auto four = *Endpoint::parse("127.0.0.2:6881");
    four.append_compact(out);
    CHECK(out == ByteBuffer{127, 0, 0, 2, 0x1a, 0xe1});
    CHECK(Endpoint::from_compact_v4(out.data()) == four);

    out.clear();
    const auto six = *Endpoint::parse("[2001:db8::1]:443");
    six.append_compact(out);
    REQUIRE(out.size() == 18);
    CHECK(out[0] == 0x20);
    CHECK(out[15] == 1);
    CHECK(out[16] == 0x01);
    CHECK(out[17] == 0xbb);
    CHECK(Endpoint::from_compact_v6(out.data()) == six);
}

TEST_CASE("loopback and unspecified addresses are known in both families") {
    CHECK(Address::parse("127.255.0.9")->is_loopback());
    CHECK(Address::parse("::1")->is_loopback());
    CHECK_FALSE(Address::parse("128.0.0.1")->is_loopback());
    CHECK_FALSE(Address::parse("::2")->is_loopback());
    CHECK_FALSE(Address::parse("::")->is_loopback());
    CHECK(Address::parse("::")->is_unspecified());
    CHECK(Address().is_unspecified());
    CHECK_FALSE(Address::parse("0.0.0.1")->is_unspecified());
}

TEST_CASE("addresses of different families differ although their bytes agree") {
    const Address four = Address::v4({0, 0, 0, 0});
    const Address six = Address::v6({});
    CHECK(four != six);
    CHECK((four < six) != (six < four));
}
