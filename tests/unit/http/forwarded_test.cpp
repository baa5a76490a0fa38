#include "common/http/forwarded.h"

#include "tests/support/catch.h"

namespace bt::http {
namespace {

const std::vector<AddressRange> kProxies = {*AddressRange::parse("10.0.0.0/8"), *AddressRange::parse("::1")};

std::optional<Address> source(std::string_view headers) {
    const auto found = forwarded_for("GET / HTTP/1.1\r\n" + std::string(headers) + "\r\n", kProxies);
    REQUIRE(found);
    return *found;
}

TEST_CASE("the rightmost address that is no proxy of ours is whose request it is") {
    CHECK(source("X-Forwarded-For: 192.0.2.1\r\n") == Address::parse("192.0.2.1"));
    CHECK(source("x-forwarded-for:  6.6.6.6 , 192.0.2.1, 10.1.1.1,::1\r\n") == Address::parse("192.0.2.1"));
    CHECK(source("X-Forwarded-For: 6.6.6.6\r\nHost: t\r\nX-Forwarded-For: 192.0.2.1\r\n") ==
          Address::parse("192.0.2.1"));
    CHECK(source("X-Forwarded-For: 192.0.2.1:4711\r\n") == Address::parse("192.0.2.1"));
    CHECK(source("X-Forwarded-For: [2001:db8::1]:80\r\n") == Address::parse("2001:db8::1"));
    CHECK(source("X-Forwarded-For: [2001:db8::1]\r\n") == Address::parse("2001:db8::1"));
    CHECK(source("X-Forwarded-For: 2001:db8::1\r\n") == Address::parse("2001:db8::1"));
}

TEST_CASE("where all are proxies the first of them asked; without the header nobody is named") {
    CHECK(source("X-Forwarded-For: 10.0.0.1, 10.0.0.2\r\n") == Address::parse("10.0.0.1"));
    CHECK_FALSE(source("Host: t\r\nX-Forwarded-Forr: 192.0.2.1\r\nX-Forwarded: 192.0.2.1\r\n"));
    CHECK_FALSE(source(""));
}

TEST_CASE("bad input: an entry that counts and is no address is refused, one that does not count is not read") {
    for (const char* bad : {"unknown", "", "1.2.3", "192.0.2.1, ", "6.6.6.6, host.example", "6.6.6.6,,10.0.0.1"}) {
        const auto found =
            forwarded_for("GET / HTTP/1.1\r\nX-Forwarded-For: " + std::string(bad) + "\r\n\r\n", kProxies);
        REQUIRE_FALSE(found);
        CHECK(found.error().detail.starts_with("X-Forwarded-For: "));
    }
    CHECK(source("X-Forwarded-For: nonsense, 192.0.2.1\r\n") == Address::parse("192.0.2.1"));
}

}  // namespace
}  // namespace bt::http
