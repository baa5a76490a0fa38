#include "lab/plan_json.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/unit/lab/prepared_scenario.h"

using namespace bt;
using namespace bt::lab;
using bt::lab::test_lab::prepared;

namespace {

nlohmann::json plan_of(const Prepared& scenario) {
    const Result<std::string> text = plan_json(scenario);
    REQUIRE(text);
    return nlohmann::json::parse(*text);
}

}  // namespace

TEST_CASE("a plan as JSON says what each node runs, when it starts and how it ends") {
    const nlohmann::json plan = plan_of(prepared(""));
    REQUIRE(plan["nodes"].size() == 4);
    CHECK(plan["nodes"][0]["name"] == "tracker");
    CHECK(plan["nodes"][0]["start"]["after"] == "prepared");
    CHECK(plan["nodes"][1]["start"]["after"] == "torrent made");
    const nlohmann::json& client = plan["nodes"][3];
    CHECK(client["role"] == "client");
    CHECK(client["start"]["after"] == "clients begin");
    CHECK(client["ready"]["event"] == "ready");
    CHECK(client["end"]["complete"] == true);
    CHECK(client["argv"][0] == "{bin}/swarm-client");
    CHECK(client["downloads"] == "{run}/nodes/client-2/files");
    CHECK(plan["nodes"][0]["end"]["complete"] == false);
    CHECK(plan["make_torrent"]["argv"].back() == "{announce}");
    CHECK(plan["content"] == "/data/my files");
}

TEST_CASE("a plan as JSON binds nodes to their host and carries the files that they read") {
    const nlohmann::json plan = plan_of(prepared(""));
    for (const nlohmann::json& node : plan["nodes"]) CHECK(node["address"] == "{address}");
    CHECK(plan["nodes"][2]["files"][0]["path"] == "{run}/nodes/client-1/limits.toml");
    CHECK(plan["nodes"][2]["files"][0]["text"] == "upload-limit = 1048576\ndownload-limit = 0\n");
    CHECK(plan["prepare"]["files"][0]["path"] == "{run}/tracker.toml");
    CHECK(plan["prepare"]["commands"].empty());  // the content is there
}

TEST_CASE("a plan as JSON has start times, nodes on demand and the timeline") {
    const nlohmann::json plan =
        plan_of(prepared("[[nodes]]\nkind = \"client\"\nname = \"late\"\nstart = \"2s\"\n"
                         "[[nodes]]\nkind = \"client\"\nname = \"asked\"\nstart = \"on demand\"\n"
                         "[[timeline]]\nat = \"1s\"\ndo = \"kill\"\nnodes = \"client-1\"\nfor = \"3s\"\n"));
    CHECK(plan["nodes"][4]["start"]["delay_s"] == 2.0);
    CHECK(plan["nodes"][5]["start"]["on_demand"] == true);
    CHECK(plan["nodes"][5]["end"]["complete"] == false);
    REQUIRE(plan["timeline"].size() == 1);
    CHECK(plan["timeline"][0]["at_s"] == 1.0);
    CHECK(plan["timeline"][0]["do"] == "kill");
    CHECK(plan["timeline"][0]["nodes"] == "client-1");
    CHECK(plan["timeline"][0]["for_s"] == 3.0);
}
