#include "lab/junit.h"

#include <algorithm>

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

Scenario scenario_called(const std::string& name) {
    Scenario scenario;
    scenario.name = name;
    return scenario;
}

RunRecord run_with(std::vector<Verdict> verdicts) {
    RunRecord run;
    run.started_at = "2026-01-31T12:00:00Z";
    run.folder = "/tmp/lab-out/small-1";
    run.wall_s = 2.3456;
    run.completion_time = milliseconds(1500);
    run.verdicts = std::move(verdicts);
    return run;
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("a run is a suite, each of its expectations a testcase, in their order") {
    const std::string xml =
        junit_xml(scenario_called("small"), run_with({{"all_complete_within", true, "1.5 s of 120 s"},
                                                      {"files_identical", false, "client-1: a/b differs"}}));
    CHECK(xml ==
          "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
          "<testsuites tests=\"2\" failures=\"1\" errors=\"0\" time=\"2.346\">\n"
          "  <testsuite name=\"small\" timestamp=\"2026-01-31T12:00:00\" tests=\"2\" failures=\"1\" errors=\"0\" "
          "time=\"2.346\">\n"
          "    <testcase classname=\"swarmlab.small\" name=\"all_complete_within\" time=\"1.500\"/>\n"
          "    <testcase classname=\"swarmlab.small\" name=\"files_identical\" time=\"0.000\">\n"
          "      <failure message=\"client-1: a/b differs\"/>\n"
          "    </testcase>\n"
          "    <system-out>/tmp/lab-out/small-1</system-out>\n"
          "  </testsuite>\n"
          "</testsuites>\n");
}

TEST_CASE("a run in which not everybody completed says no time of completion") {
    RunRecord run = run_with({{"all_complete_within", false, "1 client was not complete in time"}});
    run.completion_time.reset();
    CHECK(
        has(junit_xml(scenario_called("small"), run), "name=\"all_complete_within\" time=\"0.000\">\n      <failure"));
}

TEST_CASE("a run that was not judged is one testcase with an error") {
    for (const Outcome outcome : {Outcome::Interrupted, Outcome::Environment, Outcome::ScenarioWrong}) {
        RunRecord run = run_with({});
        run.outcome = outcome;
        run.detail = "cannot <start> client-1";
        const std::string xml = junit_xml(scenario_called("small"), run);
        CHECK(has(xml, "tests=\"1\" failures=\"0\" errors=\"1\""));
        CHECK(has(xml, "name=\"run\" time=\"2.346\">\n      <error message=\"cannot &lt;start&gt; client-1\"/>"));
    }
}

TEST_CASE("a swarm that somebody held and let go, with nothing to judge, is a suite without testcases") {
    RunRecord run = run_with({});
    run.outcome = Outcome::Stopped;
    run.held = true;
    const std::string xml = junit_xml(scenario_called("small"), run);
    CHECK(has(xml, "tests=\"0\" failures=\"0\" errors=\"0\""));
    CHECK_FALSE(has(xml, "<testcase"));
}

TEST_CASE("bad input: what a node wrote cannot break the XML") {
    std::string every;
    for (int c = 1; c < 0x80; ++c) every += static_cast<char>(c);
    RunRecord run = run_with({{"files_identical", false, every + "grüße"}});
    run.folder = "/tmp/a & b <c>";
    const std::string xml = junit_xml(scenario_called("a \"name\""), run);
    CHECK(has(xml, "classname=\"swarmlab.a &quot;name&quot;\""));
    CHECK(has(xml, "<system-out>/tmp/a &amp; b &lt;c&gt;</system-out>"));
    const std::string message = xml.substr(xml.find("message=\"") + 9);
    const std::string text = message.substr(0, message.find('"'));
    CHECK(has(text, "grüße"));
    CHECK(has(text, "&#10;"));
    for (const char c : text) CHECK((static_cast<unsigned char>(c) >= 0x20 && c != '<'));
    CHECK(std::count(text.begin(), text.end(), '&') == 5);  // & < > " and the line break, nothing else
}
