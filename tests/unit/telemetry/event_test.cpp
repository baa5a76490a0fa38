#include "common/telemetry/event.h"

#include <limits>
#include <vector>

#include "tests/support/catch.h"

using namespace bt::telemetry;
using bt::ConnectionId;
using bt::TimePoint;

namespace {

std::string json_string(std::string_view text) {
    std::string out;
    append_json_string(out, text);
    return out;
}

struct CountingSink : EventSink {
    Level most = Level::Decision;
    std::vector<std::string> lines;

    bool wants(Level level) const override { return level <= most; }
    void on_event(const Event& event) override { lines.push_back(to_json_line("n", event)); }
};

}  // namespace

TEST_CASE("an event is one line of JSON with time, node, kind, connection and fields in order") {
    const std::vector<Field> fields = {
        {"piece", 7u}, {"reason", "rarest"}, {"delta", -3}, {"ratio", 0.5}, {"last", true}};
    Event event;
    event.time = TimePoint(std::chrono::nanoseconds(1'234'567'890));
    event.kind = "piece_verified";
    event.connection = ConnectionId(3);
    event.fields = fields;
    CHECK(to_json_line("client-1", event) ==
          R"({"t":1.234567890,"node":"client-1","event":"piece_verified","conn":3,"piece":7,"reason":"rarest",)"
          R"("delta":-3,"ratio":0.5,"last":true})");
}

TEST_CASE("an event without connection and fields leaves both out") {
    Event event;
    event.kind = "ready";
    CHECK(to_json_line("a", event) == R"({"t":0.000000000,"node":"a","event":"ready"})");
}

TEST_CASE("the largest and the smallest integers are written exactly") {
    const std::vector<Field> fields = {{"a", ~std::uint64_t{0}}, {"b", INT64_MIN}};
    Event event;
    event.kind = "k";
    event.fields = fields;
    CHECK(to_json_line("n", event) ==
          R"({"t":0.000000000,"node":"n","event":"k","a":18446744073709551615,"b":-9223372036854775808})");
}

TEST_CASE("a number that JSON has no word for is written as 0") {
    const double infinite = std::numeric_limits<double>::infinity();
    const std::vector<Field> fields = {{"a", infinite}, {"b", std::numeric_limits<double>::quiet_NaN()}};
    Event event;
    event.kind = "k";
    event.fields = fields;
    CHECK(to_json_line("n", event) == R"({"t":0.000000000,"node":"n","event":"k","a":0,"b":0})");
}

TEST_CASE("strings are escaped so that a line stays a line") {
    CHECK(json_string("a\"b\\c") == R"("a\"b\\c")");
    CHECK(json_string("a\nb\x01\x1f") == R"("a\u000ab\u0001\u001f")");
    CHECK(json_string(std::string_view("\0", 1)) == R"("\u0000")");
    CHECK(json_string("") == R"("")");
}

TEST_CASE("text keeps its UTF-8 and other bytes become the replacement character") {
    CHECK(json_string("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80") ==
          "\"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80\"");
    CHECK(json_string("a\xff"
                      "b") == R"("a\ufffdb")");
    CHECK(json_string("\xe2\x82") == R"("\ufffd\ufffd")");
    CHECK(json_string("\xc3") == R"("\ufffd")");
    CHECK(json_string("\xed\xa0\x80") == R"("\ufffd\ufffd\ufffd")");
}

TEST_CASE("a sink hears the levels it wants and no other") {
    CountingSink sink;
    const Telemetry telemetry(&sink);
    CHECK(telemetry.wants(Level::Decision));
    CHECK_FALSE(telemetry.wants(Level::Wire));
    telemetry.emit(TimePoint{}, Level::Summary, "a", std::nullopt, {});
    telemetry.emit(TimePoint{}, Level::Decision, "b", std::nullopt, {{"x", 1}});
    telemetry.emit(TimePoint{}, Level::Wire, "c", std::nullopt, {});
    REQUIRE(sink.lines.size() == 2);
    CHECK(sink.lines[1] == R"({"t":0.000000000,"node":"n","event":"b","x":1})");
}

TEST_CASE("without a sink nothing is wanted") {
    const Telemetry telemetry;
    CHECK_FALSE(telemetry.wants(Level::Summary));
    telemetry.emit(TimePoint{}, Level::Summary, "a", std::nullopt, {});
}
