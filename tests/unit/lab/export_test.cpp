#include "lab/export.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/unit/lab/prepared_scenario.h"

using namespace bt;
using namespace bt::lab;
using bt::lab::test_lab::prepared;

namespace {

std::string after(const std::vector<std::string>& argv, const std::string& option) {
    const auto found = std::ranges::find(argv, option);
    return found == argv.end() || found + 1 == argv.end() ? "" : *(found + 1);
}

}  // namespace

TEST_CASE("containers have fixed ports, the paths of their volume, and no address") {
    const Result<ContainerPlan> plan = container_plan(prepared(""), "tracker");
    REQUIRE(plan);
    REQUIRE(plan->nodes.size() == 4);
    for (const ContainerNode& node : plan->nodes) {
        CHECK(after(node.argv, "--bind").empty());
        CHECK(after(node.argv, "--port") == (node.kind == NodeKind::Tracker ? "6969" : "6881"));
        CHECK(after(node.argv, "--events") == "/swarm/" + node.name + ".events.jsonl");
        for (const std::string& argument : node.argv) CHECK(argument.find('{') == std::string::npos);
    }
    CHECK(plan->nodes[0].argv[0] == "swarm-tracker");
    CHECK(plan->nodes[0].argv[1] == "/config/tracker.toml");
    CHECK(after(plan->nodes[1].argv, "-s") == "/swarm/content/my files");
    CHECK(after(plan->nodes[3].argv, "--outdir") == "/swarm/client-2");
    CHECK(after(plan->nodes[3].argv, "--seed-time") == "0");
    CHECK(after(plan->nodes[3].argv, "--config") == "/config/limits-client.toml");
    CHECK(plan->config.size() == 2);  // tracker, limits of the clients
    CHECK(plan->make_torrent.back() == "http://tracker:6969/announce");
}

TEST_CASE("bad input: what containers cannot do is refused with its line") {
    CHECK_FALSE(container_plan(prepared("magnet = true\n"), "t"));
    CHECK_FALSE(container_plan(prepared("start = 1\n"), "t"));
    CHECK_FALSE(container_plan(
        prepared("[[nodes]]\nkind = \"peer\"\npersona = \"scripted\"\noptions = { script = \"x.toml\" }\n"), "t"));
    const Result<ExportedFiles> files = export_kubernetes(prepared(""));  // content of this machine
    REQUIRE_FALSE(files);
    CHECK(files.error().message().find("content.path") != std::string::npos);
    CHECK(export_compose(prepared("")));
}

TEST_CASE("a word of a shell stays one word") {
    CHECK(shell_word("/swarm/a-b_c.torrent") == "/swarm/a-b_c.torrent");
    CHECK(shell_word("my files") == "'my files'");
    CHECK(shell_word("it's $HOME") == "'it'\\''s $HOME'");
    CHECK(shell_word("").size() == 2);
    for (const char c : std::string(" \t\n$`\"\\*?~#&|;<>(){}[]!=")) {
        CHECK(shell_word(std::string("a") + c + "b") == std::string("'a") + c + "b'");
    }
}
