#include "common/http/client_exchange.h"

#include "tests/support/catch.h"

namespace bt::http {
namespace {

Url url() { return Url::parse("http://127.0.0.1:6969/announce?x=1").value(); }

ClientExchange exchange() { return ClientExchange(url(), "Swarmlab/0.1"); }

// What came of a response fed in parts of `size`; closed behind it if asked.
struct Outcome {
    std::optional<Response> response;
    std::optional<Error> error;
};

Outcome feed(std::string_view text, std::size_t size, bool close = false) {
    Outcome outcome;
    ClientExchange client = exchange();
    for (std::size_t at = 0; at < text.size() && !outcome.error; at += size) {
        const ByteBuffer part = to_buffer(as_bytes(text.substr(at, size)));
        if (auto status = client.receive(part); !status) outcome.error = status.error();
    }
    if (close && !outcome.error) {
        if (auto status = client.on_end(); !status) outcome.error = status.error();
    }
    if (const Response* response = client.response()) outcome.response = *response;
    return outcome;
}

ErrorCode error_of(std::string_view text, bool close = false) {
    const Outcome outcome = feed(text, text.size() + 1, close);
    REQUIRE(outcome.error.has_value());
    CHECK(outcome.error->fault == Fault::Remote);
    CHECK_FALSE(outcome.response.has_value());
    // The same verdict byte by byte.
    const Outcome bytewise = feed(text, 1, close);
    REQUIRE(bytewise.error.has_value());
    CHECK(bytewise.error->code == outcome.error->code);
    return outcome.error->code;
}

std::string answer_head_of(std::size_t size) {
    std::string head = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: ";
    head += std::string(size - head.size() - 4, 'x');
    return head + "\r\n\r\n";
}

}  // namespace

TEST_CASE("the request names host, agent and that the connection closes") {
    CHECK(to_string(exchange().request_bytes()) ==
          "GET /announce?x=1 HTTP/1.1\r\nHost: 127.0.0.1:6969\r\nUser-Agent: Swarmlab/0.1\r\nAccept: */*\r\n"
          "Accept-Encoding: gzip\r\nConnection: close\r\n\r\n");
}

TEST_CASE("a response with a length is complete at its last byte, in parts of every size") {
    const std::string text = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        const Outcome outcome = feed(text, size);
        REQUIRE(outcome.response.has_value());
        CHECK(outcome.response->status == 200);
        CHECK(to_string(outcome.response->body) == "hello");
        CHECK_FALSE(feed(text.substr(0, text.size() - 1), size).response.has_value());
    }
}

TEST_CASE("chunked bodies are joined") {
    const std::string text =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: v\r\n\r\n";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        const Outcome outcome = feed(text, size);
        REQUIRE(outcome.response.has_value());
        CHECK(to_string(outcome.response->body) == "abc0123456789");
    }
}

TEST_CASE("a response without length ends with the connection") {
    const std::string text = "HTTP/1.0 200 OK\r\n\r\nd5:peers0:e";
    CHECK_FALSE(feed(text, 4).response.has_value());
    const Outcome outcome = feed(text, 4, true);
    REQUIRE(outcome.response.has_value());
    CHECK(to_string(outcome.response->body) == "d5:peers0:e");
}

TEST_CASE("a redirect hands out its location") {
    const Outcome outcome =
        feed("HTTP/1.1 302 Found\r\nLOCATION: /other?x\r\nLocation: /second\r\nContent-Length: 0\r\n\r\n", 5);
    REQUIRE(outcome.response.has_value());
    CHECK(outcome.response->status == 302);
    CHECK(outcome.response->location == "/other?x");
}

TEST_CASE("interim responses are passed over") {
    const Outcome outcome = feed(
        "HTTP/1.1 100 Continue\r\nLocation: /no\r\n\r\nHTTP/1.1 103 Early\r\n\r\nHTTP/1.1 404 No\r\nContent-Length: "
        "1\r\n\r\nx",
        3);
    REQUIRE(outcome.response.has_value());
    CHECK(outcome.response->status == 404);
    CHECK(outcome.response->location.empty());
    CHECK(error_of("HTTP/1.1 101 Switch\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n") == ErrorCode::InvalidHttp);
}

TEST_CASE("bytes behind the response are ignored, and so is the end") {
    ClientExchange client = exchange();
    REQUIRE(client.receive(as_bytes("HTTP/1.1 204 No Content\r\n\r\nrubbish")).has_value());
    REQUIRE(client.response() != nullptr);
    CHECK(client.receive(as_bytes("more")).has_value());
    CHECK(client.on_end().has_value());
    CHECK(client.response()->body.empty());
}

TEST_CASE("what is not HTTP is refused") {
    CHECK(error_of("SSH-2.0-OpenSSH_9.2\r\n") == ErrorCode::InvalidHttp);
    CHECK(error_of("<html>") == ErrorCode::InvalidHttp);
    CHECK(error_of("HTTP/9.9 200 OK\r\n\r\n") == ErrorCode::InvalidHttp);
    CHECK(error_of("HTTP/1.1 abc OK\r\n\r\n") == ErrorCode::InvalidHttp);
    CHECK(error_of("HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n") == ErrorCode::InvalidHttp);
    CHECK(error_of("HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n") == ErrorCode::InvalidHttp);
    CHECK(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n") == ErrorCode::InvalidHttp);
    CHECK(error_of("HTTP/1.1 200 OK\r\nno colon\r\n\r\n") == ErrorCode::InvalidHttp);
    CHECK(error_of("HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx") ==
          ErrorCode::InvalidHttp);
}

TEST_CASE("a close in the middle is the end of the stream") {
    CHECK(error_of("", true) == ErrorCode::EndOfStream);
    CHECK(error_of("HTTP/1.1 200", true) == ErrorCode::EndOfStream);
    CHECK(error_of("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhell", true) == ErrorCode::EndOfStream);
    CHECK(error_of("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true) ==
          ErrorCode::EndOfStream);
    CHECK(error_of("HTTP/1.1 100 Continue\r\n\r\n", true) == ErrorCode::EndOfStream);
}

TEST_CASE("an error is terminal") {
    ClientExchange client = exchange();
    CHECK_FALSE(client.receive(as_bytes("rubbish\r\n")).has_value());
    const auto again = client.receive(as_bytes("HTTP/1.1 204 No Content\r\n\r\n"));
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().code == ErrorCode::InvalidHttp);
    CHECK_FALSE(client.on_end().has_value());
    CHECK(client.response() == nullptr);
}

TEST_CASE("a response head of 16 KiB is read, one byte more is refused") {
    for (const std::size_t size : {std::size_t{1}, std::size_t{1000}, std::size_t{100'000}}) {
        CHECK(feed(answer_head_of(kMaxResponseHead), size).response.has_value());
        const Outcome over = feed(answer_head_of(kMaxResponseHead + 1), size);
        REQUIRE(over.error.has_value());
        CHECK(over.error->code == ErrorCode::LimitReached);
        CHECK(over.error->offset == kMaxResponseHead);
    }
    // Spaces in front of a value count too, though nothing of them is kept.
    CHECK(error_of("HTTP/1.1 200 OK\r\nX:" + std::string(kMaxResponseHead, ' ')) == ErrorCode::LimitReached);
}

TEST_CASE("a body of 1 MiB is read; a byte more is refused by its announced length, at once") {
    const std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
    const Outcome most = feed(head + "1048576\r\n\r\n" + std::string(kMaxResponseBody, 'x'), 60'000);
    REQUIRE(most.response.has_value());
    CHECK(most.response->body.size() == kMaxResponseBody);
    CHECK(error_of(head + "1048577\r\n\r\n") == ErrorCode::LimitReached);
}

TEST_CASE("a body without length, or in parts, stops at 1 MiB too") {
    const std::string eof = "HTTP/1.1 200 OK\r\n\r\n" + std::string(kMaxResponseBody, 'x');
    CHECK(feed(eof, 60'000, true).response.has_value());
    const Outcome over = feed(eof + "x", 60'000, true);
    REQUIRE(over.error.has_value());
    CHECK(over.error->code == ErrorCode::LimitReached);
    const std::string chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n100000\r\n" +
                                std::string(kMaxResponseBody, 'x') + "\r\n1\r\nx\r\n0\r\n\r\n";
    CHECK(feed(chunked, 60'000).error->code == ErrorCode::LimitReached);
}

TEST_CASE("an exchange can be moved in the middle") {
    ClientExchange first = exchange();
    REQUIRE(first.receive(as_bytes("HTTP/1.1 200 OK\r\nContent-")).has_value());
    ClientExchange second = std::move(first);
    REQUIRE(second.receive(as_bytes("Length: 2\r\n\r\nok")).has_value());
    REQUIRE(second.response() != nullptr);
    CHECK(to_string(second.response()->body) == "ok");
}

}  // namespace bt::http
