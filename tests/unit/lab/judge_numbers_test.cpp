#include "lab/report.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

NodeStatus node(NodeKind kind, const std::string& name, std::optional<std::uint64_t> uploaded) {
    NodeStatus status;
    status.name = name;
    status.kind = kind;
    status.phase = Phase::Ended;
    status.exit_code = 0;
    status.ready_at = 0.1;
    status.total.uploaded = uploaded;
    return status;
}

// Seeders that sent 300 and 100, and a client that sent 100.
RunRecord run_of_three() {
    RunRecord run;
    run.outcome = Outcome::Complete;
    run.completion_time = seconds(1);
    run.content.bytes = 200;
    run.nodes = {node(NodeKind::Tracker, "tracker", std::nullopt), node(NodeKind::Seeder, "seeder-1", 300),
                 node(NodeKind::Seeder, "seeder-2", 100), node(NodeKind::Client, "client-1", 100)};
    return run;
}

Verdict judged(const Expectations& expect, const RunRecord& run) {
    std::vector<Verdict> verdicts;
    judge_numbers(expect, run, verdicts);
    REQUIRE(verdicts.size() == 1);
    return verdicts[0];
}

Verdict bound(const RunRecord& run, const std::string& nodes, Bound::What what, double min, double max) {
    Expectations expect;
    expect.bounds = {{nodes, what, min, max}};
    return judged(expect, run);
}

Verdict events(const RunRecord& run, const std::string& query, std::optional<std::uint64_t> min,
               std::optional<std::uint64_t> max) {
    Expectations expect;
    expect.events = {{*Query::parse(query), min, max}};
    return judged(expect, run);
}

}  // namespace

TEST_CASE("a bound holds where every node that it fits is within") {
    const RunRecord run = run_of_three();
    CHECK(bound(run, "seeder-*", Bound::What::Uploaded, 100, 300).held);
    CHECK_FALSE(bound(run, "seeder-*", Bound::What::Uploaded, 101, 300).held);
    CHECK_FALSE(bound(run, "seeder-*", Bound::What::Uploaded, 100, 299).held);
    CHECK(bound(run, "seeder-1", Bound::What::UploadShare, 0.6, 0.6).held);
    CHECK(bound(run, "client-1", Bound::What::UploadShare, 0.2, 0.2).held);
}

TEST_CASE("what a program does not say is within no bound, nor is a share of it") {
    RunRecord run = run_of_three();
    run.nodes[2].total.uploaded.reset();
    run.nodes[2].program = "aria2";
    const Verdict none = bound(run, "seeder-2", Bound::What::Uploaded, 0, 1e18);
    CHECK_FALSE(none.held);
    CHECK(none.detail.find("has none (aria2") != std::string::npos);
    CHECK_FALSE(bound(run, "seeder-1", Bound::What::UploadShare, 0, 1).held);
    CHECK(bound(run, "seeder-1", Bound::What::Uploaded, 300, 300).held);
    CHECK_FALSE(sum_of(run.nodes, &Totals::uploaded, NodeKind::Seeder));
    CHECK(sum_of(run.nodes, &Totals::uploaded, NodeKind::Client) == 100);
    const std::string report = report_json({}, run);
    CHECK(report.find("\"seed_bytes_over_content\": null") != std::string::npos);
    CHECK(report.find("\"uploaded_bytes\": null") != std::string::npos);
    run.nodes[2].ready_at.reset();  // then it sent nothing
    CHECK(sum_of(run.nodes, &Totals::uploaded, NodeKind::Seeder) == 300);
    CHECK(report_json({}, run).find("\"seed_bytes_over_content\": 1.5") != std::string::npos);
}

TEST_CASE("what is expected of nodes that are not there does not hold") {
    RunRecord run = run_of_three();
    const Verdict nobody = bound(run, "other-*", Bound::What::CompletedS, 0, 1);
    CHECK_FALSE(nobody.held);
    CHECK(nobody.detail.find("no node called other-*") != std::string::npos);
    Expectations expect;
    expect.files = {{"other-1", "a", "0123"}};
    CHECK_FALSE(judged(expect, run).held);
    CHECK(judged(expect, run).detail.find("no node called other-1") != std::string::npos);
    expect.files = {{"client-1", "a", "0123"}};
    run.file_hashes["client-1:a"] = "0123";
    CHECK(judged(expect, run).held);
    CHECK_FALSE(events(run, "other-1: stats", std::nullopt, 5).held);
    CHECK(events(run, "client-1: stats", std::nullopt, 5).held);
}

TEST_CASE("events that were lost may have been too many") {
    RunRecord run = run_of_three();
    run.event_counts = {5};
    CHECK(events(run, "client-1: stats", 5, 5).held);
    CHECK_FALSE(events(run, "client-1: stats", 6, std::nullopt).held);
    CHECK_FALSE(events(run, "client-1: stats", std::nullopt, 4).held);
    run.nodes[3].dropped_events = 1;
    CHECK_FALSE(events(run, "client-1: stats", 5, 5).held);
    CHECK(events(run, "client-1: stats", 5, std::nullopt).held);  // there are that many at least
    CHECK(events(run, "seeder-*: stats", 5, 5).held);
    run.nodes[3].dropped_events = 0;
    run.nodes[3].bad_events = 1;
    CHECK(events(run, "client-1: stats", 5, 5).detail.find("1 events were lost") != std::string::npos);
}
