#include "lab/query.h"

#include "lab/condition.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

bool fits(const std::string& query, const std::string& node, const std::string& line) {
    const Result<Query> parsed = Query::parse(query);
    REQUIRE(parsed);
    return parsed->matches(node, line);
}

const std::string kBan = R"({"t":1.5,"node":"n","event":"peer_banned","address":"127.1.2.3:44","piece":7,"sure":true})";

}  // namespace

TEST_CASE("a pattern has to fit the whole text") {
    CHECK(matches_pattern("client-1", "client-?"));
    CHECK(matches_pattern("client-12", "client-*"));
    CHECK_FALSE(matches_pattern("client-12", "client-?"));
    CHECK_FALSE(matches_pattern("a-client-1", "client-*"));
    CHECK(matches_pattern("aXbXc", "a*X*c"));
    CHECK(matches_pattern("", "*"));
    CHECK_FALSE(matches_pattern("", "?"));
}

TEST_CASE("a query picks events by node, kind and fields") {
    CHECK(fits("peer_banned", "client-1", kBan));
    CHECK(fits("client-*: peer_banned", "client-1", kBan));
    CHECK_FALSE(fits("seeder-*: peer_banned", "client-1", kBan));
    CHECK_FALSE(fits("peer_connected", "client-1", kBan));
    CHECK(fits("peer_*", "client-1", kBan));
    CHECK(fits("peer_banned address ~ '127.1.2.3:*'", "client-1", kBan));
    CHECK(fits("peer_banned piece=7", "client-1", kBan));
    CHECK(fits("peer_banned piece >= 7 piece < 8", "client-1", kBan));
    CHECK_FALSE(fits("peer_banned piece > 7", "client-1", kBan));
    CHECK_FALSE(fits("peer_banned piece != 7", "client-1", kBan));
    CHECK(fits("peer_banned sure = true", "client-1", kBan));
    CHECK_FALSE(fits("peer_banned nothing = 1", "client-1", kBan));
    CHECK_FALSE(fits("peer_banned nothing != 1", "client-1", kBan));
    CHECK_FALSE(fits("*", "client-1", "no event at all"));
    CHECK_FALSE(fits("peer_banned piece = 7", "client-1", R"({"event":"peer_banned","piece":7)"));
}

TEST_CASE("bad input: queries that are none are refused, up to their limits") {
    for (const char* text : {"", ":", "a:", "peer_banned piece", "peer_banned piece >", "peer_banned piece => 7",
                             "peer_banned = 7", "peer_banned x = 'open", "peer banned"}) {
        CAPTURE(text);
        CHECK_FALSE(Query::parse(text));
    }
    std::string longest = "e x = '";
    longest.resize(kMaxQuery - 1, 'a');
    CHECK(Query::parse(longest + "'"));
    CHECK_FALSE(Query::parse(longest + "a'"));
    std::string tests = "e";
    for (std::size_t i = 0; i < kMaxQueryConditions; ++i) tests += " x=1";
    CHECK(Query::parse(tests));
    CHECK_FALSE(Query::parse(tests + " x=1"));
}

TEST_CASE("conditions on nodes hold for all of a pattern, or for any") {
    std::vector<NodeStatus> nodes(3);
    nodes[0].name = "tracker";
    nodes[0].kind = NodeKind::Tracker;
    nodes[1].name = "client-1";
    nodes[2].name = "client-2";
    for (NodeStatus& node : nodes) {
        node.started_at = 0;
        node.phase = Phase::Ready;
    }
    const auto holds = [&nodes](const std::string& text, std::uint64_t matched = 0) {
        const Result<Condition> condition = parse_condition(text);
        REQUIRE(condition);
        return condition->holds(nodes, matched);
    };
    nodes[1].progress = 0.5;
    CHECK(holds("client-1 has 50%"));
    CHECK_FALSE(holds("client-1 has 50.1%"));
    CHECK_FALSE(holds("client-* has 50%"));
    CHECK(holds("any client-* has 50%"));
    CHECK_FALSE(holds("nobody-* has 0%"));
    CHECK(holds("tracker is ready"));
    CHECK_FALSE(holds("all complete"));
    nodes[1].completed_at = 1;
    CHECK(holds("any client-* is complete"));
    nodes[2].must_complete = false;
    CHECK(holds("all complete"));
    nodes[2].phase = Phase::Ended;
    CHECK(holds("client-2 is down"));
    CHECK_FALSE(holds("2 events client-*: piece_failed", 1));
    CHECK(holds("2 events client-*: piece_failed", 2));
    CHECK(holds("event piece_failed", 1));
}

TEST_CASE("bad input: conditions that are none are refused") {
    for (const char* text : {"", "client-1", "client-1 has", "client-1 has 50", "client-1 has 101%", "client-1 is red",
                             "0 events x", "3 events", "any complete", "client-1 has 50% now"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_condition(text));
    }
}
