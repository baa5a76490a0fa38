#include "common/http/server_connection.h"

#include <vector>

#include "tests/support/catch.h"

namespace bt::http {
namespace {

constexpr TimePoint at(std::int64_t s) { return TimePoint(seconds(s)); }

std::string take_output(ServerConnection& server) {
    std::string text;
    for (std::size_t i = 0; i < server.output().segment_count(); ++i) {
        text += to_string(std::get<ByteView>(server.output().segment(i)));
    }
    server.output().mark_sent(server.output().size());
    return text;
}

void send(ServerConnection& server, std::string_view text, TimePoint now = at(0)) {
    const ByteBuffer copy = to_buffer(as_bytes(text));
    server.receive(copy, now);
}

// Answers every request with its own target.
struct Served {
    std::vector<std::string> requests;
    std::string output;
    bool closes = false;

    friend bool operator==(const Served&, const Served&) = default;
};

Served serve(std::string_view text, std::size_t size) {
    Served served;
    ServerConnection server(at(0));
    for (std::size_t i = 0; i < text.size(); i += size) {
        send(server, text.substr(i, size));
        while (const auto request = server.poll_request()) {
            served.requests.push_back(request->method + " " + request->target);
            server.respond(200, "text/plain", as_bytes(request->target), at(0));
        }
    }
    served.output = take_output(server);
    served.closes = server.wants_close();
    return served;
}

std::string status_of(std::string_view text) {
    const Served whole = serve(text, text.size() + 1);
    CHECK(serve(text, 1) == whole);
    CHECK(whole.closes);
    return whole.output.substr(0, 12);
}

std::string request_head_of(std::size_t size) {
    std::string head = "GET / HTTP/1.1\r\nX: ";
    head += std::string(size - head.size() - 4, 'x');
    return head + "\r\n\r\n";
}

std::string target_of(std::size_t size) { return "GET /" + std::string(size - 1, 't') + " HTTP/1.1\r\n\r\n"; }

}  // namespace

TEST_CASE("a request is handed out once it is complete and answered once") {
    ServerConnection server(at(0));
    send(server, "GET /announce?a=1&b=? HTTP/1.1\r\nHost: x\r\n\r");
    CHECK_FALSE(server.poll_request().has_value());
    send(server, "\n");
    const auto request = server.poll_request();
    REQUIRE(request.has_value());
    CHECK(request->method == "GET");
    CHECK(request->path() == "/announce");
    CHECK(request->query() == "a=1&b=?");
    CHECK(request->keep_alive);
    CHECK_FALSE(server.poll_request().has_value());
    server.respond(200, "text/plain", as_bytes("hello"), at(0));
    CHECK(take_output(server) ==
          "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello");
    CHECK_FALSE(server.wants_close());
    CHECK_FALSE(server.poll_request().has_value());
}

TEST_CASE("a target without a question mark has an empty query") {
    CHECK(Request{"GET", "/x", true}.path() == "/x");
    CHECK(Request{"GET", "/x", true}.query().empty());
    CHECK(Request{"GET", "/x?", true}.query().empty());
}

TEST_CASE("keep-alive follows version and header") {
    const auto keeps = [](std::string_view text) {
        const Served served = serve(text, text.size());
        REQUIRE(served.requests.size() == 1);
        const bool says_close = served.output.find("Connection: close") != std::string::npos;
        CHECK(says_close == served.closes);
        return !served.closes;
    };
    CHECK(keeps("GET / HTTP/1.1\r\n\r\n"));
    CHECK_FALSE(keeps("GET / HTTP/1.1\r\nConnection: close\r\n\r\n"));
    CHECK_FALSE(keeps("GET / HTTP/1.0\r\n\r\n"));
    CHECK(keeps("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"));
}

TEST_CASE("pipelined requests are answered in order, in parts of every size") {
    const std::string text =
        "GET /1 HTTP/1.1\r\n\r\n"
        "POST /2 HTTP/1.1\r\nContent-Length: 4\r\n\r\nbody"
        "POST /3 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"
        "\r\nGET /4 HTTP/1.1\r\n\r\n"
        "GET /5 HTTP/1.1\r\nConnection: close\r\n\r\n"
        "GET /6 HTTP/1.1\r\n\r\n";
    const Served whole = serve(text, text.size());
    CHECK(whole.requests == std::vector<std::string>{"GET /1", "POST /2", "POST /3", "GET /4", "GET /5"});
    CHECK(whole.closes);
    for (std::size_t size = 1; size < text.size(); ++size) {
        if (serve(text, size) != whole) FAIL("differs in parts of " << size);
    }
}

TEST_CASE("pipelined requests wait while one is being answered") {
    ServerConnection server(at(0));
    send(server, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n");
    REQUIRE(server.poll_request()->target == "/1");
    send(server, "GET /3 HTTP/1.1\r\n\r\n");
    CHECK_FALSE(server.poll_request().has_value());
    server.respond(200, "text/plain", {}, at(1));
    REQUIRE(server.poll_request()->target == "/2");
    server.respond(200, "text/plain", {}, at(1));
    REQUIRE(server.poll_request()->target == "/3");
}

TEST_CASE("what waits behind a request is bounded: beyond, it is dropped and the connection closes") {
    for (const std::size_t extra : {std::size_t{0}, std::size_t{1}}) {
        ServerConnection server(at(0));
        send(server, "GET /1 HTTP/1.1\r\n\r\n");
        REQUIRE(server.poll_request().has_value());
        std::string more = "GET /2 HTTP/1.1\r\n\r\n";
        more += std::string(kMaxHeldInput + extra - more.size(), '\n');
        send(server, more);
        server.respond(200, "text/plain", {}, at(0));
        CHECK(server.wants_close() == (extra == 1));
        CHECK(server.poll_request().has_value() == (extra == 0));
    }
}

TEST_CASE("HEAD gets the length and no body") {
    const Served served = serve("HEAD /abc HTTP/1.1\r\n\r\n", 100);
    CHECK(served.output.find("Content-Length: 4\r\n") != std::string::npos);
    CHECK(served.output.ends_with("\r\n\r\n"));
}

TEST_CASE("an offer to switch protocols is answered as plain HTTP") {
    const Served served = serve(
        "GET /1 HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n"
        "GET /2 HTTP/1.1\r\n\r\n",
        1000);
    CHECK(served.requests == std::vector<std::string>{"GET /1", "GET /2"});
    CHECK(serve("CONNECT h:1 HTTP/1.1\r\n\r\n", 1000).requests == std::vector<std::string>{"CONNECT h:1"});
}

TEST_CASE("a head of 8 KiB is served, one byte more gets 431") {
    CHECK(serve(request_head_of(kMaxRequestHead), 5000).requests.size() == 1);
    CHECK(serve(request_head_of(kMaxRequestHead), 1).requests.size() == 1);
    CHECK(status_of(request_head_of(kMaxRequestHead + 1)) == "HTTP/1.1 431");
    CHECK(status_of("GET / HTTP/1.1\r\nX:" + std::string(kMaxRequestHead, ' ')) == "HTTP/1.1 431");
    // The limit is that of one head, not of the connection.
    CHECK(serve(request_head_of(kMaxRequestHead) + request_head_of(kMaxRequestHead), 3000).requests.size() == 2);
}

TEST_CASE("a target of 4 KiB is served, one byte more gets 414") {
    CHECK(serve(target_of(kMaxRequestTarget), 1000).requests.size() == 1);
    CHECK(status_of(target_of(kMaxRequestTarget + 1)) == "HTTP/1.1 414");
}

TEST_CASE("a body of 64 KiB is dropped quietly, one byte more gets 413") {
    const auto sized = [](std::size_t size) {
        return "POST / HTTP/1.1\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" + std::string(size, 'x');
    };
    CHECK(serve(sized(kMaxRequestBody), 10'000).requests.size() == 1);
    CHECK(status_of(sized(kMaxRequestBody + 1)) == "HTTP/1.1 413");
    CHECK(status_of("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10001\r\n" +
                    std::string(kMaxRequestBody + 1, 'x')) == "HTTP/1.1 413");
}

TEST_CASE("what is not HTTP gets 400 and a close") {
    CHECK(status_of("\x13"
                    "BitTorrent protocol") == "HTTP/1.1 400");
    CHECK(status_of("hello\r\n\r\n") == "HTTP/1.1 400");
    CHECK(status_of("GET\r\n\r\n") == "HTTP/1.1 400");
    CHECK(status_of("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n") == "HTTP/1.1 400");
    CHECK(status_of("GET / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n") == "HTTP/1.1 400");
    CHECK(status_of("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n") == "HTTP/1.1 400");
    CHECK(status_of("GET /1 HTTP/1.1\r\n\r\nrubbish\r\n").substr(9) == "200");  // the good one is answered first
}

TEST_CASE("after a refusal nothing more is read") {
    ServerConnection server(at(0));
    send(server, "rubbish\r\n");
    CHECK(server.wants_close());
    take_output(server);
    send(server, "GET / HTTP/1.1\r\n\r\n");
    CHECK_FALSE(server.poll_request().has_value());
    CHECK(server.output().empty());
}

TEST_CASE("half a head has 5 s from its first byte, then 408") {
    ServerConnection server(at(0));
    CHECK(server.next_deadline() == at(30));
    send(server, "GET / HT", at(10));
    CHECK(server.next_deadline() == at(15));
    send(server, "TP/1.1\r\n", at(14));
    CHECK(server.next_deadline() == at(15));  // dripping does not help
    server.on_deadline(at(15) - Duration(1));
    CHECK_FALSE(server.wants_close());
    server.on_deadline(at(15));
    CHECK(server.wants_close());
    CHECK(take_output(server).starts_with("HTTP/1.1 408 "));
    CHECK(server.next_deadline() == kNever);
}

TEST_CASE("an idle connection closes without a word after 30 s") {
    ServerConnection server(at(0));
    server.on_deadline(at(30) - Duration(1));
    CHECK_FALSE(server.wants_close());
    server.on_deadline(at(30));
    CHECK(server.wants_close());
    CHECK(server.output().empty());
}

TEST_CASE("the idle time starts again behind a response; an owner may take its time") {
    ServerConnection server(at(0));
    send(server, "GET / HTTP/1.1\r\n\r\n", at(1));
    CHECK(server.next_deadline() == kNever);
    REQUIRE(server.poll_request().has_value());
    CHECK(server.next_deadline() == kNever);
    server.respond(200, "text/plain", {}, at(100));
    CHECK(server.next_deadline() == at(130));
    take_output(server);
    // A half request that was held starts its own time.
    send(server, "GET / HTTP/1.1\r\n\r\nGET", at(101));
    REQUIRE(server.poll_request().has_value());
    server.respond(200, "text/plain", {}, at(110));
    CHECK(server.next_deadline() == at(115));
}

TEST_CASE("a body has 30 s") {
    ServerConnection server(at(0));
    send(server, "POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\n", at(1));
    send(server, "x", at(20));
    CHECK(server.next_deadline() == at(31));
    server.on_deadline(at(31));
    CHECK(take_output(server).starts_with("HTTP/1.1 408 "));
}

TEST_CASE("a response that nobody reads is dropped in the end") {
    ServerConnection server(at(0));
    send(server, "GET / HTTP/1.0\r\n\r\n", at(0));
    REQUIRE(server.poll_request().has_value());
    server.respond(200, "text/plain", as_bytes("x"), at(1));
    CHECK(server.wants_close());
    CHECK_FALSE(server.output().empty());
    CHECK(server.next_deadline() == at(31));
    server.on_deadline(at(31));
    CHECK(server.output().empty());
    CHECK(server.wants_close());
}

TEST_CASE("the head of a request is kept as it came where it is asked for, and ends where the head ends") {
    constexpr std::string_view kFirst = "GET /a HTTP/1.1\r\nuser-agent:  x/1 \r\n\r\n";
    constexpr std::string_view kSecond = "POST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\n";
    const std::string text = std::string(kFirst) + std::string(kSecond) + "hi";
    for (const std::size_t step : {std::size_t{1}, std::size_t{7}, text.size()}) {
        ServerConnection server(at(0));
        server.keep_heads();
        std::vector<std::string> heads;
        for (std::size_t i = 0; i < text.size(); i += step) {
            send(server, std::string_view(text).substr(i, step));
            while (const auto request = server.poll_request()) {
                heads.push_back(request->head);
                server.respond(200, "text/plain", {}, at(0));
            }
        }
        CHECK(heads == std::vector<std::string>{std::string(kFirst), std::string(kSecond)});
    }
    ServerConnection plain(at(0));
    send(plain, kFirst);
    CHECK(plain.poll_request()->head.empty());
}

TEST_CASE("a response that the owner wrote itself ends the request, with the connection or without it") {
    ServerConnection server(at(0));
    send(server, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\nGET /3 HTTP/1.1\r\n\r\n");
    REQUIRE(server.poll_request()->target == "/1");
    CHECK_FALSE(server.will_close());
    server.output().append_bytes(as_bytes("odd "));
    server.end_response(true, at(1));
    REQUIRE(server.poll_request()->target == "/2");
    server.output().append_bytes(as_bytes("last"));
    server.end_response(false, at(1));
    CHECK_FALSE(server.poll_request().has_value());
    CHECK(server.wants_close());
    CHECK(take_output(server) == "odd last");

    ServerConnection once(at(0));
    send(once, "GET /1 HTTP/1.0\r\n\r\n");
    REQUIRE(once.poll_request().has_value());
    CHECK(once.will_close());
    once.end_response(true, at(1));
    CHECK(once.wants_close());
}

}  // namespace bt::http
