#include "lab/plan.h"

#include <algorithm>
#include <set>

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

Scenario scenario() {
    const Result<Scenario> parsed = parse_scenario(
        "name = \"s\"\n[content]\nrecipe = \"r.toml\"\npiece_length = 32768\n[tracker]\ninterval = 3\n"
        "[[nodes]]\nkind = \"client\"\ncount = 2\noptions = { max-peers = 4 }\n"
        "[[nodes]]\nkind = \"seeder\"\n",
        "s.toml");
    REQUIRE(parsed);
    return *parsed;
}

Plan plan() { return make_plan(scenario(), {"/bin-dir", "/run-dir", "/run-dir/content/c", "127.33.7"}); }

bool has_option(const std::vector<std::string>& argv, const std::string& name, const std::string& value) {
    const auto found = std::ranges::find(argv, name);
    return found != argv.end() && found + 1 != argv.end() && *(found + 1) == value;
}

}  // namespace

TEST_CASE("a plan lists the tracker, then seeders, then clients, each with an address of its own") {
    const Plan made = plan();
    REQUIRE(made.nodes.size() == 4);
    CHECK(made.nodes[0].name == "tracker");
    CHECK(made.nodes[1].name == "seeder-1");
    CHECK(made.nodes[2].name == "client-1");
    CHECK(made.nodes[3].name == "client-2");
    std::set<std::string> addresses;
    for (const NodePlan& node : made.nodes) {
        addresses.insert(node.address);
        CHECK(node.address.starts_with("127.33.7."));
        CHECK(has_option(node.argv, "--bind", node.address));
        CHECK(has_option(node.argv, "--port", "0"));
        CHECK(has_option(node.argv, "--events", "fd:3"));
    }
    CHECK(addresses.size() == 4);
}

TEST_CASE("each kind of node gets its program and what that needs") {
    const Plan made = plan();
    CHECK(made.nodes[0].argv[0] == "/bin-dir/swarm-tracker");
    CHECK(made.nodes[0].argv[1] == "/run-dir/tracker.toml");
    CHECK(made.tracker_config_text.find("interval = 3\n") != std::string::npos);

    CHECK(made.nodes[1].argv[0] == "/bin-dir/swarm-seeder");
    CHECK(has_option(made.nodes[1].argv, "-t", "/run-dir/s.torrent"));
    CHECK(has_option(made.nodes[1].argv, "-s", "/run-dir/content/c"));

    CHECK(made.nodes[2].argv[0] == "/bin-dir/swarm-client");
    CHECK(has_option(made.nodes[2].argv, "-t", "/run-dir/s.torrent"));
    CHECK(has_option(made.nodes[2].argv, "--outdir", "/run-dir/nodes/client-1/files"));
    CHECK(has_option(made.nodes[2].argv, "--seed-time", "-1"));
    CHECK(has_option(made.nodes[2].argv, "--max-peers", "4"));
    CHECK(std::ranges::count(made.nodes[1].argv, "--max-peers") == 0);
}

TEST_CASE("each node draws its own random numbers, the same in every run of a scenario") {
    const auto seed_of = [](const NodePlan& node) { return *(std::ranges::find(node.argv, "--rng-seed") + 1); };
    const Plan made = plan();
    CHECK(seed_of(made.nodes[2]) != seed_of(made.nodes[3]));
    CHECK(seed_of(made.nodes[2]) == seed_of(plan().nodes[2]));
    Scenario other = scenario();
    other.rng_seed = 2;
    CHECK(seed_of(make_plan(other, {}).nodes[2]) != seed_of(made.nodes[2]));
}

TEST_CASE("the torrent is made from the content, and its command ends where the announce URL goes") {
    const Plan made = plan();
    CHECK(made.create_argv[0] == "/bin-dir/swarm-client");
    CHECK(made.create_argv[1] == "create");
    CHECK(made.create_argv[2] == "/run-dir/content/c");
    CHECK(has_option(made.create_argv, "-o", "/run-dir/s.torrent"));
    CHECK(has_option(made.create_argv, "--piece-length", "32768"));
    CHECK(made.create_argv.back() == "--tracker");
}
