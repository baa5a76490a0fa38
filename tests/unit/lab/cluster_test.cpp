#include "lab/cluster.h"

#include "lab/node_agent.h"
#include "lab/plan.h"
#include "lab/slurm.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

// `above` stands on line 2; without it the groups end on line 8.
Scenario cluster_scenario(const std::string& more, const std::string& above = "") {
    const Result<Scenario> parsed = parse_scenario("name = \"s\"\n" + above +
                                                       "[content]\nrecipe = \"r.toml\"\n"
                                                       "[[nodes]]\nkind = \"seeder\"\n"
                                                       "[[nodes]]\nkind = \"client\"\ncount = 3\n" +
                                                       more,
                                                   "s.toml", {"aria2"});
    REQUIRE(parsed);
    return *parsed;
}

std::string refusal(const Status& status) { return status ? "" : status.error().message(); }

}  // namespace

TEST_CASE("what the lab drives goes to a cluster, and nothing that happens on the way can be exported") {
    CHECK(check_for_cluster(cluster_scenario("")));
    CHECK(check_for_export(cluster_scenario("")));
    for (const char* more : {"[[timeline]]\nat = \"1s\"\ndo = \"kill\"\nnodes = \"client-1\"\n", "start = \"1s\"\n",
                             "every = \"1s\"\n", "start = \"on demand\"\n"}) {
        CHECK(check_for_cluster(cluster_scenario(more)));
        CHECK_FALSE(check_for_export(cluster_scenario(more)));
    }
}

TEST_CASE("bad input: what only works on one machine is refused with its line") {
    const auto starts = [](const Scenario& wrong, const std::string& with) {
        return refusal(check_for_cluster(wrong)).starts_with(with) &&
               refusal(check_for_export(wrong)).starts_with(with);
    };
    CHECK(starts(cluster_scenario("link = { delay = \"5ms\" }\n"), "s.toml:6: client: link.delay"));
    CHECK(starts(cluster_scenario("link = { jitter = \"5ms\" }\n"), "s.toml:6: client: link.delay"));
    CHECK(starts(cluster_scenario("link = { loss = \"1%\" }\n"), "s.toml:6: client: link.delay"));
    CHECK(starts(cluster_scenario("", "relay = true\n"), "s.toml:2: relay: "));
    CHECK(refusal(check_for_cluster(cluster_scenario("", "relay = false\n"))).empty());
    CHECK(starts(cluster_scenario("[[nodes]]\nkind = \"aria2\"\n"), "s.toml:9: aria2: aria2 is another program"));
    CHECK(starts(cluster_scenario("[tracker]\nkind = \"aria2\"\n"), "s.toml:9: kind: aria2 is another program"));
    CHECK(starts(cluster_scenario("[[timeline]]\nat = \"1s\"\ndo = \"heal\"\nnodes = \"client-1\"\n"), "s.toml:9: heal"));
    Scenario namespaces = cluster_scenario("");
    namespaces.network = NetworkKind::Namespaces;
    namespaces.network_line = 2;
    CHECK(starts(namespaces, "s.toml:2: network"));
}

TEST_CASE("nodes go to the hosts in turn and bind the address of theirs") {
    Places places{"/b", "/r", "/c", "", false, {}, {{"n1", "10.0.0.1"}, {"n2", "10.0.0.2"}}};
    const Plan plan = make_plan(cluster_scenario(""), places);
    REQUIRE(plan.nodes.size() == 5);
    for (std::size_t i = 0; i < plan.nodes.size(); ++i) {
        CHECK(plan.nodes[i].host == (i % 2 == 0 ? "n1" : "n2"));
        CHECK(plan.nodes[i].hidden == (i % 2 == 0 ? "10.0.0.1" : "10.0.0.2"));
        CHECK(plan.nodes[i].address == plan.nodes[i].hidden);
    }
}

TEST_CASE("scripted peers have the last host to themselves, where there are two") {
    const Scenario with_peers = cluster_scenario("[[nodes]]\nkind = \"peer\"\npersona = \"silent\"\ncount = 2\n");
    Places places{"/b", "/r", "/c", "", false, {}, {{"n1", "10.0.0.1"}, {"n2", "10.0.0.2"}, {"n3", "10.0.0.3"}}};
    for (const NodePlan& node : make_plan(with_peers, places).nodes) {
        CHECK((node.host == "n3") == (node.kind == NodeKind::Peer));
    }
    places.hosts.resize(1);
    for (const NodePlan& node : make_plan(with_peers, places).nodes) CHECK(node.host == "n1");
}

TEST_CASE("an agent's lines are events, output and the end; anybody else's are output") {
    CHECK(read_agent_line("e {\"t\":1}").kind == AgentLine::Kind::Event);
    CHECK(read_agent_line("e {\"t\":1}").text == "{\"t\":1}");
    CHECK(read_agent_line("o x code 0").kind == AgentLine::Kind::Output);
    CHECK(read_agent_line("o x code 0").text == "x code 0");
    CHECK(read_agent_line("x code 0").kind == AgentLine::Kind::Exit);
    for (const char* line : {"", "x", "srun: error: x", "event"}) {
        CHECK(read_agent_line(line).kind == AgentLine::Kind::Output);
        CHECK(read_agent_line(line).text == line);
    }
    CHECK(agent_signal(15) == "signal 15\n");
}

TEST_CASE("bad input: an agent's word on the end is a code or a signal, or none") {
    const auto code = read_agent_exit("code 255");
    REQUIRE(code);
    CHECK((!code->signalled && code->code == 255));
    const auto signal = read_agent_exit("signal 9");
    REQUIRE(signal);
    CHECK((signal->signalled && signal->signal == 9));
    for (const char* text : {"", "code", "code ", "code 256", "code -1", "code 1 ", "signal x", "9"}) {
        CHECK_FALSE(read_agent_exit(text));
    }
}

TEST_CASE("the address of a host is taken from what Slurm says of it") {
    CHECK(node_address("NodeName=n1 Arch=x86_64 NodeAddr=10.1.2.3 NodeHostName=vm Port=1") == "10.1.2.3");
    CHECK(node_address("NodeName=n1 NodeAddr=far\n") == "far");
    CHECK(node_address("Node n9 not found").empty());
    CHECK(node_address("").empty());
}
