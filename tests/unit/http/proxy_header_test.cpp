#include "common/http/proxy_header.h"

#include <string>

#include "tests/support/catch.h"

namespace bt::http {
namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);

std::string binary(char command, char family, const std::string& body) {
    std::string header = kSignature;
    header += command;
    header += family;
    header += static_cast<char>(body.size() >> 8);
    header += static_cast<char>(body.size());
    return header + body;
}

const std::string kV4Body{"\x0a\x01\x02\x03\x0a\x00\x00\x01\x1f\x90\x00\x50", 12};

std::optional<ProxyHeader> parse(const std::string& text) {
    const auto parsed = parse_proxy_header(as_bytes(text));
    REQUIRE(parsed);
    return *parsed;
}

bool is_refused(const std::string& text) {
    const auto parsed = parse_proxy_header(as_bytes(text));
    return !parsed && parsed.error().code == ErrorCode::InvalidHttp && parsed.error().fault == Fault::Remote;
}

TEST_CASE("version 1 names the source, and the connection's own bytes begin behind its line") {
    const std::string line = "PROXY TCP4 10.1.2.3 10.0.0.1 8080 80\r\n";
    const auto header = parse(line + "GET / HTTP/1.1\r\n");
    REQUIRE(header);
    CHECK(header->size == line.size());
    CHECK(header->source == Endpoint::parse("10.1.2.3:8080"));
    CHECK(parse("PROXY TCP6 2001:db8::1 ::1 1 0\r\n")->source == Endpoint::parse("[2001:db8::1]:1"));
}

TEST_CASE("version 2 names the source, and what stands behind the addresses is skipped") {
    const std::string plain = binary('\x21', '\x11', kV4Body);
    CHECK(parse(plain)->source == Endpoint::parse("10.1.2.3:8080"));
    CHECK(parse(plain)->size == plain.size());
    const std::string with_tlv = binary('\x21', '\x11', kV4Body + std::string("\x04\x00\x01x", 4));
    CHECK(parse(with_tlv)->source == Endpoint::parse("10.1.2.3:8080"));
    CHECK(parse(with_tlv + "GET")->size == with_tlv.size());
    std::string v6(36, '\0');
    v6[0] = 0x20;
    v6[15] = 1;
    v6[33] = 7;
    CHECK(parse(binary('\x21', '\x21', v6))->source == Endpoint::parse("[2000::1]:7"));
}

TEST_CASE("a connection of the proxy's own, or of a family without addresses, names nobody") {
    for (const std::string& text :
         {std::string("PROXY UNKNOWN\r\n"), std::string("PROXY UNKNOWN what ever\r\n"), binary('\x20', '\x00', ""),
          binary('\x20', '\x11', kV4Body), binary('\x21', '\x00', ""), binary('\x21', '\x12', kV4Body),
          binary('\x21', '\x31', std::string(216, 'x'))}) {
        const auto header = parse(text);
        REQUIRE(header);
        CHECK_FALSE(header->source);
        CHECK(header->size == text.size());
    }
}

TEST_CASE("however a header is cut, more is asked for until it is whole") {
    for (const std::string& text : {std::string("PROXY TCP4 10.1.2.3 10.0.0.1 8080 80\r\n"),
                                    binary('\x21', '\x11', kV4Body + std::string(100, 'x'))}) {
        for (std::size_t n = 0; n < text.size(); ++n) CHECK_FALSE(parse(text.substr(0, n)));
        CHECK(parse(text));
    }
}

TEST_CASE("bad input: what is no PROXY header is refused") {
    for (const std::string& text :
         {std::string("GET / HTTP/1.1\r\n"), std::string("PROXY\r\n"), std::string("PROXY  \r\n"),
          std::string("PROXY TCP5 10.1.2.3 10.0.0.1 1 1\r\n"), std::string("PROXY TCP4 10.1.2.3 10.0.0.1 1\r\n"),
          std::string("PROXY TCP4 10.1.2.3 10.0.0.1 1 65536\r\n"), std::string("PROXY TCP4 10.1.2.3 10.0.0.1 -1 1\r\n"),
          std::string("PROXY TCP4 ::1 ::1 1 1\r\n"), std::string("PROXY TCP6 10.1.2.3 10.0.0.1 1 1\r\n"),
          std::string("PROXY TCP4 10.1.2 10.0.0.1 1 1\r\n"), std::string("PROXY TCP4 10.1.2.3 10.0.0.1  1 1\r\n"),
          binary('\x11', '\x11', kV4Body), binary('\x22', '\x11', kV4Body), binary('\x21', '\x11', "short"),
          binary('\x21', '\x21', kV4Body)}) {
        CAPTURE(text);
        CHECK(is_refused(text));
    }
}

TEST_CASE("bad input: a line of 107 bytes is read, a longer one refused without waiting for its end") {
    const std::string start = "PROXY UNKNOWN ";
    const std::string longest = start + std::string(kMaxProxyLine - start.size() - 2, 'x') + "\r\n";
    CHECK(parse(longest));
    CHECK(is_refused(start + std::string(kMaxProxyLine - start.size(), 'x')));
}

TEST_CASE("bad input: 2048 bytes behind a binary head are read, more refused at once") {
    CHECK(parse(binary('\x20', '\x00', std::string(kMaxProxyBody, 'x'))));
    CHECK(is_refused(binary('\x20', '\x00', std::string(kMaxProxyBody + 1, 'x')).substr(0, 16)));
}

}  // namespace
}  // namespace bt::http
