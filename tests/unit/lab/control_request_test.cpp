#include "lab/control_request.h"

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

template <class Request>
Request asked(std::string_view line) {
    const ControlLine read = read_control_line(line);
    INFO(line);
    INFO((read.request ? "" : read.request.error().message()));
    REQUIRE(read.request);
    REQUIRE(std::holds_alternative<Request>(*read.request));
    return std::get<Request>(*read.request);
}

// Of a request without the braces.
std::string refusal(const std::string& fields) {
    const ControlLine read = read_control_line('{' + fields + '}');
    if (read.request) return "";
    CHECK(read.request.error().code == ErrorCode::InvalidArgument);
    return read.request.error().message();
}

std::string text(std::size_t bytes) { return '"' + std::string(bytes, 'x') + '"'; }

// A value with so many levels; the request around it is one more.
std::string nested(std::size_t levels) { return levels == 0 ? "0" : R"({"a":)" + nested(levels - 1) + '}'; }

}  // namespace

TEST_CASE("an id of any kind comes back as it was, and null where there is none") {
    CHECK(read_control_line(R"({"do":"nodes","id":7})").id == "7");
    CHECK(read_control_line(R"({"id":18446744073709551615,"do":"nodes"})").id == "18446744073709551615");
    CHECK(read_control_line(R"({"id":"one\nline","do":"nodes"})").id == R"("one\nline")");
    CHECK(read_control_line(R"({"id":[1, {"a":"ü"}],"do":"nodes"})").id == R"([1,{"a":"ü"}])");
    CHECK(read_control_line(R"({"do":"nodes"})").id == "null");
}

TEST_CASE("a start names a scenario, or brings it as an object or as text") {
    const auto named = asked<StartRequest>(R"({"do":"start","scenario":"small"})");
    CHECK(named.from == StartRequest::From::File);
    CHECK(named.scenario == "small");
    CHECK(named.out.empty());
    CHECK_FALSE(named.keep);
    CHECK_FALSE(named.capture);
    const auto object = asked<StartRequest>(R"({"do":"start","inline":{"name":"a"},"out":"o","keep":true})");
    CHECK(object.from == StartRequest::From::Json);
    CHECK(object.scenario == R"({"name":"a"})");
    CHECK(object.out == "o");
    CHECK(object.keep);
    const auto toml = asked<StartRequest>(R"({"do":"start","inline":"name = \"a\"\n","scenario":null,"capture":true})");
    CHECK(toml.from == StartRequest::From::Toml);
    CHECK(toml.scenario == "name = \"a\"\n");
    CHECK(toml.capture);
}

TEST_CASE("bad input: a start without a scenario, with two, or with one of another kind") {
    const std::string either = "wanted either scenario (a file) or inline";
    CHECK(refusal(R"("do":"start")") == either);
    CHECK(refusal(R"("do":"start","scenario":"")") == either);
    CHECK(refusal(R"("do":"start","scenario":"small","inline":{})") == either);
    CHECK(refusal(R"("do":"start","scenario":5)") == "scenario: wanted a text");
    CHECK(refusal(R"("do":"start","inline":[])").starts_with("inline: wanted a scenario"));
    CHECK(refusal(R"("do":"start","scenario":"small","keep":1)") == "keep: wanted true or false");
    CHECK(refusal(R"("do":"start","scenario":"small","capture":"yes")") == "capture: wanted true or false");
    CHECK(refusal(R"("do":"start","scenario":"a\u0000b")") == "scenario: has a zero byte");
}

TEST_CASE("a wait is for ready, for complete, or for a condition, and as long as it says") {
    const auto ready = asked<WaitRequest>(R"({"do":"wait","for":"ready"})");
    CHECK_FALSE(ready.condition);
    CHECK_FALSE(ready.timeout);
    const auto complete = asked<WaitRequest>(R"({"do":"wait","for":"complete","timeout":1.5})");
    REQUIRE(complete.condition);
    CHECK(complete.condition->text == "all complete");
    CHECK(complete.timeout == milliseconds(1500));
    const auto half = asked<WaitRequest>(R"({"do":"wait","for":"client-2 has 50%","timeout":0})");
    REQUIRE(half.condition);
    CHECK(half.condition->nodes() == "client-2");
    CHECK(half.timeout == Duration::zero());
    CHECK_FALSE(asked<WaitRequest>(R"({"do":"wait","for":"ready","timeout":null})").timeout);
}

TEST_CASE("bad input: a wait for nothing that can come") {
    CHECK(refusal(R"("do":"wait")").starts_with("for: ready or complete, else wanted a condition"));
    CHECK(refusal(R"("do":"wait","for":"nonsense")").starts_with("for: ready or complete"));
    CHECK(refusal(R"("do":"wait","for":"3 events client-1: stats")") == "for: subscribe to events instead");
    CHECK(refusal(R"("do":"wait","for":["ready"])") == "for: wanted a text");
    CHECK(refusal(R"("do":"wait","for":"ready","timeout":-0.1)") == "timeout: wanted seconds, 0 or more");
    CHECK(refusal(R"("do":"wait","for":"ready","timeout":"5")") == "timeout: wanted seconds, 0 or more");
}

TEST_CASE("a timeout longer than the longest is the longest") {
    const auto of = [](const std::string& seconds) {
        return asked<WaitRequest>(R"({"do":"wait","for":"ready","timeout":)" + seconds + '}').timeout;
    };
    CHECK(of("999999.5") == from_seconds(999999.5));
    CHECK(of("1000000") == from_seconds(kMaxControlTimeout));
    CHECK(of("1000001") == from_seconds(kMaxControlTimeout));
    CHECK(of("1e300") == from_seconds(kMaxControlTimeout));
}

TEST_CASE("what a timeline does to nodes can be asked for") {
    const auto kill = asked<ActRequest>(R"({"do":"ctl","node":"client-*","action":"kill"})").entry;
    CHECK(kill.deed == Deed::Kill);
    CHECK(kill.nodes == "client-*");
    const auto cut = asked<ActRequest>(R"({"do":"ctl","node":"a","action":"partition","from":"b"})").entry;
    CHECK(cut.deed == Deed::Partition);
    CHECK(cut.others == "b");
    const auto limit = asked<ActRequest>(R"({"do":"ctl","node":"a","action":"limit","upload":0,"download":5})").entry;
    CHECK(limit.limits == RateLimits{0, 5});
    const auto corrupt = asked<ActRequest>(R"({"do":"ctl","node":"a","action":"corrupt","piece":3})").entry;
    CHECK(corrupt.piece == 3u);
    CHECK_FALSE(asked<ActRequest>(R"({"do":"ctl","node":"a","action":"corrupt"})").entry.piece);
}

TEST_CASE("bad input: an action that there is not, of nobody, or with what belongs to another") {
    const auto of = [](const std::string& more) { return refusal(R"("do":"ctl","node":"a",)" + more); };
    CHECK(of(R"("action":"frob")").starts_with("action: \"frob\" is none of start, stop, kill"));
    CHECK(of(R"("action":null)").starts_with("action: \"\" is none of"));
    CHECK(refusal(R"("do":"ctl","action":"kill")").starts_with("node: wanted a name"));
    CHECK(of(R"("action":"kill","from":"b")") == "from: is for partition and heal");
    CHECK(of(R"("action":"kill","upload":5)") == "upload: is for limit");
    CHECK(of(R"("action":"kill","download":5)") == "download: is for limit");
    CHECK(of(R"("action":"kill","piece":5)") == "piece: is for corrupt");
    CHECK(of(R"("action":"limit")") == "limit: wanted upload or download, bytes/s");
    CHECK(of(R"("action":"limit","upload":1.5)").starts_with("upload: wanted a whole number"));
    CHECK(of(R"("action":"limit","upload":-1)").starts_with("upload: wanted a whole number"));
}

TEST_CASE("a piece and a rate are numbers that a scenario may have too") {
    const auto of = [](const std::string& more) { return refusal(R"("do":"ctl","node":"a",)" + more); };
    CHECK(of(R"("action":"corrupt","piece":4294967295)").empty());
    CHECK(of(R"("action":"corrupt","piece":4294967296)") == "piece: wanted a whole number, 0 to 4294967295");
    const std::string most = std::to_string(kMaxControlRate), more = std::to_string(kMaxControlRate + 1);
    CHECK(of(R"("action":"limit","upload":)" + most).empty());
    CHECK(of(R"("action":"limit","upload":)" + more) == "upload: wanted a whole number, 0 to " + most);
}

TEST_CASE("events are all of them or what a query picks, up to the most that one answer has") {
    const auto all = asked<EventsRequest>(R"({"do":"events"})");
    CHECK_FALSE(all.query);
    CHECK(all.limit == kMaxEvents);
    const auto some = asked<EventsRequest>(R"({"do":"events","query":"client-1: stats","limit":0})");
    REQUIRE(some.query);
    CHECK(some.query->nodes() == "client-1");
    CHECK(some.limit == 0);
    CHECK(asked<EventsRequest>(R"({"do":"events","limit":9999})").limit == 9999);
    CHECK(asked<EventsRequest>(R"({"do":"events","limit":10001})").limit == kMaxEvents);
    CHECK_FALSE(asked<SubscribeRequest>(R"({"do":"subscribe","query":""})").query);
    CHECK(asked<SubscribeRequest>(R"({"do":"subscribe","query":"stats"})").query);
    CHECK(refusal(R"("do":"events","query":"(")").starts_with("query: wanted"));
    CHECK(refusal(R"("do":"subscribe","query":7)") == "query: wanted a text");
    CHECK(refusal(R"("do":"events","limit":-1)").starts_with("limit: wanted a whole number"));
}

TEST_CASE("a subscription ends by its id, of any kind") {
    CHECK(asked<UnsubscribeRequest>(R"({"do":"unsubscribe","subscription":{"a": 1}})").subscription == R"({"a":1})");
    CHECK(asked<UnsubscribeRequest>(R"({"do":"unsubscribe"})").subscription == "null");
    CHECK(refusal(R"("do":"unsubscribe","subscription":)" + text(kMaxControlId - 2)).empty());
    CHECK(refusal(R"("do":"unsubscribe","subscription":)" + text(kMaxControlId - 1)) ==
          "subscription: more than 1000 bytes");
}

TEST_CASE("requests without fields") {
    asked<NodesRequest>(R"({"do":"nodes"})");
    asked<EndpointsRequest>(R"({"do":"endpoints"})");
    asked<StopRequest>(R"( {"do":"stop"} )");
    asked<ReportRequest>("{\"do\":\"report\"}\r");
}

TEST_CASE("bad input: keys that a request does not have, and keys that stand there twice") {
    CHECK(refusal(R"("do":"wait","for":"ready","timout":5)") == "unknown key timout; did you mean timeout?");
    CHECK(refusal(R"("do":"stop","scenario":"small")") == "unknown key scenario; known keys: do, id");
    CHECK(refusal(R"("do":"stop","do":"nodes")") == "key do stands there twice");
    CHECK(refusal(R"("do":"start","inline":{"name":"a","name":"b"})") == "key name stands there twice");
    CHECK(refusal(R"("do":"start","inline":{"a":{"n":1},"b":{"n":1},"c":[{"n":1},{"n":1}]})").empty());
    CHECK(refusal(R"("do":"frob")").starts_with("do: \"frob\" is none of start, wait"));
    CHECK(refusal("").starts_with("do: \"\" is none of start, wait"));
    CHECK(refusal(R"("do":5)") == "do: wanted a text");
}

TEST_CASE("bad input: no JSON, and JSON that is no object; the error says where it ends to be one") {
    const auto of = [](std::string_view line) {
        const ControlLine read = read_control_line(line);
        CHECK(read.id == "null");
        return read.request ? "" : read.request.error().message();
    };
    CHECK(of("no JSON") == "a request is a JSON object in one line (at byte 1)");
    CHECK(of(R"({"do":"stop"} x)") == "a request is a JSON object in one line (at byte 14)");
    CHECK(of("") == "a request is a JSON object in one line (at byte 0)");
    CHECK(of(R"([{"do":"stop"}])") == "a request is a JSON object in one line");
    CHECK(of("\"stop\"") == "a request is a JSON object in one line");
    CHECK(of(R"({"limit":1e999})").starts_with("a number is too large"));
    CHECK(of("{\"do\":\"\xff\"}").starts_with("a request is a JSON object in one line (at byte 7)"));
}

TEST_CASE("bad input: a line that is refused is answered with its id, where that was read") {
    const ControlLine unknown = read_control_line(R"({"do":"frob","id":3})");
    CHECK_FALSE(unknown.request);
    CHECK(unknown.id == "3");
    const ControlLine twice = read_control_line(R"({"do":"stop","do":"stop","id":4})");
    CHECK_FALSE(twice.request);
    CHECK(twice.id == "4");
    const ControlLine cut = read_control_line(R"({"id":5,"do":"sto)");
    CHECK_FALSE(cut.request);
    CHECK(cut.id == "5");
    CHECK(read_control_line(R"({"id":[5,{"a":1})").id == "null");  // not all of it
    CHECK(read_control_line(R"({"id":5,"id":[6,)").id == "null");
    const ControlLine deep = read_control_line(R"({"do":"stop","x":)" + nested(kMaxControlDepth) + R"(,"id":6})");
    CHECK_FALSE(deep.request);
    CHECK(deep.id == "6");
}

TEST_CASE("bad input: a line, an id, a text, a path and nesting over their limits") {
    const std::string stop = R"({"do":"stop"})";
    CHECK(read_control_line(stop + std::string(kMaxControlLine - stop.size(), ' ')).request);
    const ControlLine long_one = read_control_line(stop + std::string(kMaxControlLine - stop.size() + 1, ' '));
    REQUIRE_FALSE(long_one.request);
    CHECK(long_one.request.error().message() == "a request has at most 1048575 bytes");

    CHECK(refusal(R"("do":"stop","id":)" + text(kMaxControlId - 2)).empty());
    CHECK(refusal(R"("do":"stop","id":)" + text(kMaxControlId - 1)) == "id: more than 1000 bytes");
    CHECK(refusal(R"("do":"ctl","action":"kill","node":)" + text(kMaxControlText)).empty());
    CHECK(refusal(R"("do":"ctl","action":"kill","node":)" + text(kMaxControlText + 1)) == "node: more than 1000 bytes");
    CHECK(refusal(R"("do":"start","scenario":)" + text(kMaxControlPath)).empty());
    CHECK(refusal(R"("do":"start","scenario":)" + text(kMaxControlPath + 1)) == "scenario: more than 4095 bytes");

    CHECK(refusal(R"("do":"start","inline":)" + nested(kMaxControlDepth - 1)).empty());
    CHECK(refusal(R"("do":"start","inline":)" + nested(kMaxControlDepth)) == "nested deeper than 33 levels");
}

TEST_CASE("bad input: a line of brackets alone is refused, as deep as it goes") {
    const std::string brackets(kMaxControlLine - 8, '[');
    const ControlLine read = read_control_line(R"({"id":2,)" + brackets);
    REQUIRE_FALSE(read.request);
    CHECK(read.id == "2");
    const ControlLine id = read_control_line(R"({"id":)" + brackets);
    REQUIRE_FALSE(id.request);
    CHECK(id.request.error().message() == "nested deeper than 33 levels");
    CHECK(id.id == "null");
    const std::string closed = std::string(kMaxControlDepth, '[') + std::string(kMaxControlDepth, ']');
    CHECK(read_control_line(R"({"do":"stop","id":)" + closed + '}').id == "null");
}

TEST_CASE("what a caller wrote is not repeated at length") {
    CHECK(refusal(R"("do":)" + text(900)).size() < 200);
    CHECK(refusal(R"("do":"stop",)" + text(5000) + ":1").size() < 200);
    CHECK(refusal(R"("do":"ctl","node":"a","action":)" + text(900)).size() < 250);
}
