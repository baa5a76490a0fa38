#include "common/http/url.h"

#include "tests/support/catch.h"

namespace bt::http {
namespace {

std::string roundtrip(std::string_view text) {
    const auto url = Url::parse(text);
    return url ? url->to_string() : "refused: " + url.error().detail;
}

bool refused(std::string_view text) {
    const auto url = Url::parse(text);
    if (url) return false;
    CHECK(url.error().code == ErrorCode::InvalidHttp);
    CHECK(url.error().fault == Fault::Remote);
    CHECK(url.error().offset.has_value());
    return true;
}

}  // namespace

TEST_CASE("a URL is taken apart") {
    const auto url = Url::parse("HTTP://Tracker.Example.ORG:6969/x/announce?a=b&c=/#top");
    REQUIRE(url.has_value());
    CHECK(url->scheme == "http");
    CHECK(url->host == "tracker.example.org");
    CHECK(url->port == 6969);
    CHECK(url->target == "/x/announce?a=b&c=/");
    CHECK(url->host_header() == "tracker.example.org:6969");
    CHECK(url->to_string() == "http://tracker.example.org:6969/x/announce?a=b&c=/");
}

TEST_CASE("the port of the scheme is left out, and is the default") {
    CHECK(Url::parse("http://h/")->port == 80);
    CHECK(Url::parse("https://h/")->port == 443);
    CHECK(Url::parse("http://h:/")->port == 80);
    CHECK(roundtrip("http://h:80/a") == "http://h/a");
    CHECK(roundtrip("https://h:443/a") == "https://h/a");
    CHECK(roundtrip("https://h:80/a") == "https://h:80/a");
    CHECK(roundtrip("udp://h:80/announce") == "udp://h:80/announce");
    CHECK(refused("udp://h/announce"));
}

TEST_CASE("an empty path becomes a slash, a fragment is dropped") {
    CHECK(roundtrip("http://h") == "http://h/");
    CHECK(roundtrip("http://h?q=1") == "http://h/?q=1");
    CHECK(roundtrip("http://h#f") == "http://h/");
    CHECK(roundtrip("http://h/a#f?x") == "http://h/a");
}

TEST_CASE("IPv6 addresses stand in brackets") {
    const auto url = Url::parse("http://[::1]:8080/a");
    REQUIRE(url.has_value());
    CHECK(url->host == "::1");
    CHECK(url->port == 8080);
    CHECK(url->host_header() == "[::1]:8080");
    CHECK(Url::parse("http://[2001:DB8::1]")->host_header() == "[2001:db8::1]");
    CHECK(refused("http://[::1/a"));
    CHECK(refused("http://[127.0.0.1]/"));
    CHECK(refused("http://[]/"));
    CHECK(refused("http://[::1]x/"));
    CHECK(refused("http://::1/"));
}

TEST_CASE("ports from 1 to 65535") {
    CHECK(Url::parse("http://h:1/")->port == 1);
    CHECK(Url::parse("http://h:65535/")->port == 65535);
    for (const char* bad :
         {"http://h:0/", "http://h:65536/", "http://h:-1/", "http://h:8x/", "http://h:99999999999/"}) {
        CHECK(refused(bad));
    }
}

TEST_CASE("what is no URL of ours is refused") {
    for (const char* bad :
         {"", "h", "h/announce", "://h/", "http:/h", "http://", "http:///announce", "http://:80/", "ftp://h/",
          "wss://h/", "http://user@h/", "http://user:password@h/", "http://h h/", "http://h/a b", "http://h/a\r\nX: y",
          "http://h/\x7f", "http://h_\xc3\xa4/", "http://h%41/"}) {
        INFO(bad);
        CHECK(refused(bad));
    }
    CHECK(refused(std::string_view("http://h/\0", 10)));
    CHECK(refused(" http://h/"));
}

TEST_CASE("an at sign in path or query is no user name") {
    CHECK(roundtrip("http://h/@x?mail=a@b") == "http://h/@x?mail=a@b");
}

TEST_CASE("bytes beyond ASCII in the path are percent-encoded") {
    CHECK(roundtrip("http://h/\xc3\xa4") == "http://h/%C3%A4");
}

TEST_CASE("host names go up to 253 bytes, URLs up to 8192") {
    CHECK_FALSE(refused("http://" + std::string(253, 'a') + "/"));
    CHECK(refused("http://" + std::string(254, 'a') + "/"));
    CHECK_FALSE(refused("http://h/" + std::string(8192 - 9, 'a')));
    CHECK(refused("http://h/" + std::string(8192 - 8, 'a')));
}

TEST_CASE("a location is resolved against the URL that answered") {
    const Url base = Url::parse("https://h:8443/a/b?q").value();
    const auto resolved = [&base](std::string_view location) {
        const auto url = base.resolve(location);
        return url ? url->to_string() : std::string("refused");
    };
    CHECK(resolved("/c?d=1") == "https://h:8443/c?d=1");
    CHECK(resolved("http://other/x") == "http://other/x");
    CHECK(resolved("//other/x") == "https://other/x");
    CHECK(resolved("c") == "refused");
    CHECK(resolved("") == "refused");
    CHECK(resolved("/c d") == "refused");
    CHECK(Url::parse("http://[::1]:1/a")->resolve("/b")->to_string() == "http://[::1]:1/b");
}

}  // namespace bt::http
