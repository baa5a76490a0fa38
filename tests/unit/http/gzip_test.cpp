// gzip replies through a whole exchange.

#define ZLIB_CONST
#include <zlib.h>

#include <array>

#include "common/base/encoding.h"
#include "common/http/client_exchange.h"
#include "tests/support/catch.h"

namespace bt::http {
namespace {

std::string gzip(std::string_view text) {
    z_stream stream{};
    REQUIRE(deflateInit2(&stream, 9, Z_DEFLATED, 16 + MAX_WBITS, 9, Z_DEFAULT_STRATEGY) == Z_OK);
    ByteBuffer packed(deflateBound(&stream, text.size()));
    stream.next_in = as_bytes(text).data();
    stream.avail_in = static_cast<uInt>(text.size());
    stream.next_out = packed.data();
    stream.avail_out = static_cast<uInt>(packed.size());
    REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
    packed.resize(stream.total_out);
    deflateEnd(&stream);
    return to_string(packed);
}

std::string response(const std::string& body, const std::string& encoding = "gzip") {
    return "HTTP/1.1 200 OK\r\nContent-Encoding: " + encoding + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

// The body, or what was wrong.
Result<std::string> read(std::string_view text, std::size_t size, bool close = false) {
    ClientExchange client(Url::parse("http://127.0.0.1:6969/announce").value(), "test");
    for (std::size_t at = 0; at < text.size(); at += size) {
        BT_TRY(client.receive(to_buffer(as_bytes(text.substr(at, size)))));
    }
    if (close) BT_TRY(client.on_end());
    if (client.response() == nullptr) return std::string("incomplete");
    return to_string(client.response()->body);
}

ErrorCode gzip_error_of(const std::string& text, bool close = false) {
    const auto whole = read(text, text.size(), close);
    const auto bytewise = read(text, 1, close);
    REQUIRE_FALSE(whole.has_value());
    REQUIRE_FALSE(bytewise.has_value());
    CHECK(whole.error().code == bytewise.error().code);
    CHECK(whole.error().fault == Fault::Remote);
    return whole.error().code;
}

}  // namespace

TEST_CASE("a gzip body is unpacked, in parts of every size and whatever frames it") {
    const std::string text = "d8:intervali1800e5:peers60:" + std::string(60, 'p') + "e";
    const std::string packed = gzip(text);
    for (const std::string& whole : {response(packed), response(packed, "x-GZIP")}) {
        for (std::size_t size = 1; size <= whole.size(); ++size) CHECK(read(whole, size).value() == text);
    }
    const std::string open = "HTTP/1.0 200 OK\r\ncontent-encoding:gzip\r\n\r\n" + packed;
    CHECK(read(open, 7, true).value() == text);
    const std::string chunked = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n" +
                                packed.substr(0, 1) + "\r\n9\r\n" + packed.substr(1, 9) + "\r\n" +
                                to_hex(std::array{static_cast<Byte>(packed.size() - 10)}) + "\r\n" + packed.substr(10) +
                                "\r\n0\r\n\r\n";
    REQUIRE(packed.size() < 256);
    CHECK(read(chunked, 1).value() == text);
    CHECK(read(chunked, chunked.size()).value() == text);
}

TEST_CASE("an identity body, and an empty one said to be gzip, are what they are") {
    CHECK(read(response("plain", "identity"), 3).value() == "plain");
    CHECK(read(response("", "gzip"), 3).value().empty());
}

TEST_CASE("a gzip body of 1 MiB when unpacked is read, a byte more is refused") {
    const std::string most(kMaxResponseBody, 'x');
    CHECK(read(response(gzip(most)), 100).value() == most);
    CHECK(gzip_error_of(response(gzip(most + "x"))) == ErrorCode::LimitReached);
}

TEST_CASE("bad input: a gzip bomb ends at 1 MiB, long before its own end") {
    const std::string bomb = gzip(std::string(100u << 20, '\0'));
    REQUIRE(bomb.size() < 110'000);
    const std::string whole = response(bomb);
    CHECK(gzip_error_of(whole) == ErrorCode::LimitReached);
    const auto early = read(std::string_view(whole).substr(0, 3000), 1);  // 1 MiB is in the first 1.1 kB
    REQUIRE_FALSE(early.has_value());
    CHECK(early.error().message().find("when unpacked") != std::string::npos);
}

TEST_CASE("bad input: a gzip body that is packed over 1 MiB is refused though little comes out of it") {
    // Stored blocks of nothing, one behind the other.
    std::string empty_blocks = gzip("").substr(0, 10);
    while (empty_blocks.size() <= kMaxResponseBody) empty_blocks += std::string("\x00\x00\x00\xff\xff", 5);
    const std::string endless = "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + empty_blocks;
    const auto outcome = read(endless, 10'000, true);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::LimitReached);
}

TEST_CASE("bad input: gzip bodies that are none, are cut, have a wrong checksum or something behind them") {
    const std::string packed = gzip("d8:intervali1800ee");
    CHECK(gzip_error_of(response("d8:intervali1800ee")) == ErrorCode::InvalidHttp);
    CHECK(gzip_error_of(response(packed.substr(0, packed.size() - 1))) == ErrorCode::InvalidHttp);
    CHECK(gzip_error_of("HTTP/1.0 200 OK\r\nContent-Encoding: gzip\r\n\r\n" + packed.substr(0, 12), true) ==
          ErrorCode::InvalidHttp);
    std::string wrong = packed;
    wrong[wrong.size() - 8] = static_cast<char>(wrong[wrong.size() - 8] ^ 1);
    CHECK(gzip_error_of(response(wrong)) == ErrorCode::InvalidHttp);
    CHECK(gzip_error_of(response(packed + "x")) == ErrorCode::InvalidHttp);
}

TEST_CASE("bad input: encodings that were not asked for, and gzip within gzip, are refused") {
    CHECK(gzip_error_of(response("x", "br")) == ErrorCode::InvalidHttp);
    CHECK(gzip_error_of(response("x", "gzip, gzip")) == ErrorCode::InvalidHttp);
    const std::string twice = gzip(gzip("x"));
    CHECK(gzip_error_of("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Encoding: gzip\r\nContent-Length: " +
                        std::to_string(twice.size()) + "\r\n\r\n" + twice) == ErrorCode::InvalidHttp);
}

}  // namespace bt::http
