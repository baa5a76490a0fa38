#include "lab/node_networks.h"
#include "lab/plan.h"

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

TEST_CASE("a link without rate, delay and jitter asks nothing of its device") {
    CHECK(discipline_of({}, std::nullopt).empty());
    CHECK(discipline_of({}, 0).empty());
}

TEST_CASE("a rate alone is a token bucket of a fiftieth of a second, and 16 KiB at least") {
    CHECK(discipline_of({}, 1'000'000) == "tbf rate 8000000bit burst 20000 latency 100ms");
    CHECK(discipline_of({}, 100'000) == "tbf rate 800000bit burst 16384 latency 100ms");
}

TEST_CASE("delay and jitter are netem's, which keeps the rate too") {
    Link link;
    link.delay = milliseconds(20);
    CHECK(discipline_of(link, std::nullopt) == "netem limit 10000 delay 20000us");
    link.jitter = milliseconds(5);
    CHECK(discipline_of(link, 125'000) == "netem limit 10000 delay 20000us 5000us rate 1000000bit");
    link.loss = 12'500;
    CHECK(discipline_of(link, std::nullopt) == "netem limit 10000 delay 20000us 5000us loss 1.2500%");
    link.loss = 0;
    link.delay = {};
    CHECK(discipline_of(link, std::nullopt) == "netem limit 10000 delay 0us 5000us");
}

TEST_CASE("a scenario whose nodes have networks of their own tells no program of limits, and needs no relay") {
    const Result<Scenario> scenario = parse_scenario(
        "name = \"s\"\nnetwork = \"netns\"\n[content]\nrecipe = \"r.toml\"\n"
        "[[nodes]]\nkind = \"seeder\"\nlink = { up = 1000, delay = \"5ms\" }\n[[nodes]]\nkind = \"client\"\n"
        "[[timeline]]\nat = \"1s\"\ndo = \"partition\"\nnodes = \"client-1\"\n",
        "s.toml");
    REQUIRE(scenario);
    CHECK_FALSE(scenario->needs_relay());
    const Plan plan = make_plan(*scenario, {"/bin", "/run", "/run/content/c", "10.77.0"});
    CHECK(plan.namespaces);
    CHECK_FALSE(plan.relay);
    CHECK(plan.nodes[1].link.rate.upload == 1000u);
    CHECK(plan.nodes[1].link.delay == milliseconds(5));
    CHECK(plan.nodes[1].limits_file.empty());
    CHECK(plan.nodes[1].limits == RateLimits{});
}

TEST_CASE("bad input: a network that is neither of the two is refused with its line") {
    const Result<Scenario> scenario = parse_scenario("name = \"s\"\nnetwork = \"bridge\"\n", "s.toml");
    REQUIRE_FALSE(scenario);
    CHECK(scenario.error().message().find("s.toml:2") != std::string::npos);
    CHECK(scenario.error().message().find("netns") != std::string::npos);
}
