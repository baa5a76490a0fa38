#include "common/base/address_range.h"

#include "tests/support/catch.h"

using namespace bt;

namespace {

bool holds(const char* range, const char* address) {
    return AddressRange::parse(range).value().contains(Address::parse(address).value());
}

}  // namespace

TEST_CASE("a range holds the addresses of its prefix and no other") {
    CHECK(holds("10.0.0.0/8", "10.255.0.1"));
    CHECK_FALSE(holds("10.0.0.0/8", "11.0.0.0"));
    CHECK(holds("192.168.16.0/20", "192.168.31.255"));
    CHECK_FALSE(holds("192.168.16.0/20", "192.168.32.0"));
    CHECK(holds("127.0.0.5", "127.0.0.5"));
    CHECK_FALSE(holds("127.0.0.5", "127.0.0.6"));
    CHECK(holds("0.0.0.0/0", "255.1.2.3"));
    CHECK_FALSE(holds("0.0.0.0/0", "::1"));
    CHECK(holds("fd00::/8", "fd12::1"));
    CHECK_FALSE(holds("fd00::/8", "fe80::1"));
    CHECK(holds("::/0", "2001:db8::1"));
    CHECK_FALSE(holds("::/0", "1.2.3.4"));
}

TEST_CASE("an IPv4 range holds IPv4 addresses that came mapped into IPv6") {
    CHECK(holds("127.0.0.0/8", "::ffff:127.0.0.1"));
    CHECK_FALSE(holds("127.0.0.0/8", "::ffff:128.0.0.1"));
}

TEST_CASE("bad input: text that is no address range is refused") {
    for (const char* text : {"", "/", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/8x", "::/129", "10.0.0.1/8",
                             "10.0.0.0/ 8", "host/8", "300.1.1.1"}) {
        INFO(text);
        CHECK_FALSE(AddressRange::parse(text).has_value());
    }
    CHECK(AddressRange::parse("10.0.0.0/8")->to_string() == "10.0.0.0/8");
    CHECK(AddressRange::parse("::1")->to_string() == "::1/128");
}
