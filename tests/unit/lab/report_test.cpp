#include "lab/report.h"

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "common/meta/metainfo_writer.h"
#include "lab/table.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

NodeStatus node(NodeKind kind, const std::string& name) {
    NodeStatus status;
    status.name = name;
    status.kind = kind;
    status.phase = Phase::Ended;
    status.exit_code = 0;
    if (kind == NodeKind::Client) status.completed_at = 1.5;
    return status;
}

RunRecord good_run() {
    RunRecord run;
    run.outcome = Outcome::Complete;
    run.detail = "every client is complete";
    run.completion_time = milliseconds(1500);
    run.nodes = {node(NodeKind::Tracker, "tracker"), node(NodeKind::Seeder, "seeder-1"),
                 node(NodeKind::Client, "client-1")};
    Comparison same;
    same.files = 3;
    same.bytes = 100;
    run.comparisons["client-1"] = same;
    return run;
}

bool held(const RunRecord& run, const Expectations& expect, const std::string& name) {
    for (const Verdict& verdict : judge(expect, run)) {
        if (verdict.expectation == name) return verdict.held;
    }
    FAIL("no verdict " << name);
    return false;
}

LabExit exit_after_judging(RunRecord run) {
    run.verdicts = judge({}, run);
    return exit_of(run);
}

class TemporaryFolder {
  public:
    TemporaryFolder() {
        std::string pattern = (std::filesystem::temp_directory_path() / "compare-XXXXXX").string();
        path_ = mkdtemp(pattern.data());
    }
    ~TemporaryFolder() { std::filesystem::remove_all(path_); }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    void write(const std::string& path, const std::string& text) const {
        std::filesystem::create_directories((path_ / path).parent_path());
        std::ofstream(path_ / path, std::ios::binary) << text;
    }
    std::filesystem::path operator/(const std::string& path) const { return path_ / path; }

  private:
    std::filesystem::path path_;
};

meta::Metainfo torrent_of(std::vector<meta::FileEntry> files) {
    meta::TorrentDescription description;
    description.name = "c";
    description.multi_file = true;
    description.files = std::move(files);
    description.piece_length = 16384;
    description.piece_hashes.resize(1);
    const Result<ByteBuffer> bytes = meta::write_metainfo(description);
    REQUIRE(bytes);
    const Result<meta::Metainfo> metainfo = meta::Metainfo::parse(*bytes);
    REQUIRE(metainfo);
    return *metainfo;
}

}  // namespace

TEST_CASE("a run in which all is well holds") { CHECK(exit_after_judging(good_run()) == LabExit::Held); }

TEST_CASE("files that differ, or were never compared, fail a run that expects them identical") {
    RunRecord run = good_run();
    run.comparisons["client-1"].different = 1;
    CHECK_FALSE(held(run, {}, "files_identical"));
    CHECK(exit_after_judging(run) == LabExit::Failed);
    run.comparisons.clear();
    CHECK_FALSE(held(run, {}, "files_identical"));
    Expectations expect;
    expect.files_identical = false;
    for (const Verdict& verdict : judge(expect, run)) CHECK(verdict.expectation != "files_identical");
}

TEST_CASE("hash failures are counted over all nodes against the limit") {
    RunRecord run = good_run();
    run.nodes[1].total.hash_failures = 1;
    run.nodes[2].total.hash_failures = 2;
    Expectations expect;
    expect.max_hash_failures = 3;
    CHECK(held(run, expect, "max_hash_failures"));
    expect.max_hash_failures = 2;
    CHECK_FALSE(held(run, expect, "max_hash_failures"));
}

TEST_CASE("a node must end with an allowed code, by itself") {
    RunRecord run = good_run();
    run.nodes[2].exit_code = 130;
    CHECK(held(run, {}, "exit_codes"));
    run.nodes[2].exit_code = 7;
    CHECK_FALSE(held(run, {}, "exit_codes"));
    run.nodes[2].exit_code.reset();
    run.nodes[2].signal = 11;
    CHECK_FALSE(held(run, {}, "exit_codes"));
    run.nodes[2].signal.reset();
    run.nodes[2].exit_code = 0;
    run.nodes[2].killed = true;
    CHECK_FALSE(held(run, {}, "exit_codes"));
}

TEST_CASE("another program that was asked to end before it was ready may end by that signal, and by no other") {
    RunRecord run = good_run();
    run.nodes[2].exit_code.reset();
    run.nodes[2].signal = 15;
    CHECK_FALSE(held(run, {}, "exit_codes"));
    run.nodes[2].program = "aria2";
    CHECK_FALSE(held(run, {}, "exit_codes"));
    run.nodes[2].stopped_early = true;
    CHECK(held(run, {}, "exit_codes"));
    run.nodes[2].program.clear();  // ours
    CHECK_FALSE(held(run, {}, "exit_codes"));
    run.nodes[2].program = "aria2";
    run.nodes[2].signal = 11;
    CHECK_FALSE(held(run, {}, "exit_codes"));
}

TEST_CASE("a node that was taken down may end as it likes, unless it crashed or would not go") {
    RunRecord run = good_run();
    NodeStatus& node = run.nodes[2];
    node.taken_down = true;
    node.exit_code.reset();
    node.signal = 9;
    CHECK(held(run, {}, "exit_codes"));
    node.signal = 11;
    CHECK_FALSE(held(run, {}, "exit_codes"));
    node.signal = 9;
    node.killed = true;
    CHECK_FALSE(held(run, {}, "exit_codes"));
    node.allowed_exits = {-9};
    CHECK(held(run, {}, "exit_codes"));
}

TEST_CASE("how a node ended before it was started again is judged too") {
    RunRecord run = good_run();
    run.nodes[2].earlier_ends = {{0, std::nullopt}};
    CHECK(held(run, {}, "exit_codes"));
    run.nodes[2].earlier_ends = {{7, std::nullopt}};
    CHECK_FALSE(held(run, {}, "exit_codes"));
    run.nodes[2].earlier_ends = {{std::nullopt, 11}};
    CHECK_FALSE(held(run, {}, "exit_codes"));
}

TEST_CASE("an entry of the timeline that did nothing has not come") {
    RunRecord run = good_run();
    TimelineOutcome entry{"kill client-1", false, {}};
    entry.times.fired_at = 1;
    entry.times.done = 1;
    run.timeline = {entry};
    CHECK(held(run, {}, "timeline"));
    run.timeline[0].times.done = 0;
    CHECK_FALSE(held(run, {}, "timeline"));
    run.timeline[0].optional = true;
    CHECK(held(run, {}, "timeline"));
}

TEST_CASE("a scripted peer must have done its script, and failed it nowhere") {
    RunRecord run = good_run();
    run.nodes.push_back(node(NodeKind::Peer, "scripted-1"));
    for (const Verdict& verdict : judge({}, run)) CHECK(verdict.expectation != "scripts_done");
    run.nodes[3].scripted = true;
    CHECK_FALSE(held(run, {}, "scripts_done"));
    run.nodes[3].scripts_done = 1;
    CHECK(held(run, {}, "scripts_done"));
    run.nodes[3].scripts_failed = 1;
    CHECK_FALSE(held(run, {}, "scripts_done"));
    Expectations expect;
    expect.scripts_done = false;
    for (const Verdict& verdict : judge(expect, run)) CHECK(verdict.expectation != "scripts_done");
}

TEST_CASE("each outcome has its exit code") {
    RunRecord run = good_run();
    run.completion_time.reset();
    for (const auto& [outcome, exit] :
         {std::pair(Outcome::TimedOut, LabExit::Failed), std::pair(Outcome::NodeLost, LabExit::Failed),
          std::pair(Outcome::ScenarioWrong, LabExit::ScenarioWrong),
          std::pair(Outcome::Environment, LabExit::Environment),
          std::pair(Outcome::Interrupted, LabExit::Interrupted)}) {
        run.outcome = outcome;
        CHECK(exit_after_judging(run) == exit);
    }
}

TEST_CASE("a report says what was run and how it went") {
    Scenario scenario;
    scenario.name = "s";
    scenario.rng_seed = 42;
    RunRecord run = good_run();
    run.nodes[2].total.downloaded = 12345;
    run.nodes[2].exit_reason = "line\nbreak \xff";
    run.verdicts = judge({}, run);
    const nlohmann::json report = nlohmann::json::parse(report_json(scenario, run));
    CHECK(report["scenario"] == "s");
    CHECK(report["rng_seed"] == 42);
    CHECK(report["verdict"] == "held");
    CHECK(report["exit_code"] == 0);
    CHECK(report["completion_s"] == 1.5);
    CHECK(report["expectations"].size() == 4);
    REQUIRE(report["nodes"].size() == 3);
    CHECK(report["nodes"][2]["name"] == "client-1");
    CHECK(report["nodes"][2]["downloaded_bytes"] == 12345);
    CHECK(report["nodes"][2]["compared"]["files"] == 3);
    CHECK(report["nodes"][2]["signal"].is_null());
    CHECK(summary_text(scenario, run).find("s: held") == 0);
}

TEST_CASE("trees are compared byte for byte, in both directions") {
    const TemporaryFolder folder;
    for (const char* tree : {"a/", "b/"}) {
        folder.write(std::string(tree) + "x/one", std::string(3'000'000, 'x'));
        folder.write(std::string(tree) + "empty", "");
    }
    const meta::Metainfo torrent = torrent_of({{"x/one", 100}, {"empty", 0}});
    const auto compare = [&] { return compare_content(folder / "a", folder / "b", torrent); };
    Result<Comparison> result = compare();
    REQUIRE(result);
    CHECK(result->identical());
    CHECK(result->files == 2);
    CHECK(result->bytes == 3'000'000);

    SECTION("one byte differs") {
        std::string text(3'000'000, 'x');
        text[2'500'000] = 'y';
        folder.write("b/x/one", text);
        CHECK(compare()->differences == std::vector<std::string>{"x/one: differs at byte 2500000"});
    }
    SECTION("shorter") {
        folder.write("b/x/one", std::string(2'999'999, 'x'));
        CHECK(compare()->differences == std::vector<std::string>{"x/one: shorter, 2999999 bytes"});
    }
    SECTION("longer") {
        folder.write("b/empty", "x");
        CHECK(compare()->different == 1);
    }
    SECTION("missing") {
        std::filesystem::remove(folder / "b/empty");
        CHECK(compare()->differences == std::vector<std::string>{"empty: missing"});
    }
    SECTION("something more") {
        folder.write("b/x/two", "");
        CHECK(compare()->differences == std::vector<std::string>{"x/two: not in the original"});
    }
    SECTION("a file of the original that the torrent left out") {
        folder.write("a/three", "3");
        CHECK(compare()->differences == std::vector<std::string>{"three: missing"});
    }
}

TEST_CASE("a table has a row per node and stays inside the terminal") {
    std::vector<NodeStatus> nodes = {node(NodeKind::Tracker, "tracker"), node(NodeKind::Seeder, "seeder-1")};
    for (int i = 1; i <= 30; ++i) {
        nodes.push_back(node(NodeKind::Client, "client-" + std::to_string(i)));
        nodes.back().phase = Phase::Ready;
        nodes.back().state = "downloading";
        nodes.back().progress = i / 40.0;
        if (i > 10) nodes.back().completed_at.reset();
    }
    const std::vector<std::string> all = draw_table(nodes, "s", 1.5, {100, 60});
    CHECK(all.size() == 32 + 3);
    for (const std::size_t columns : {20u, 60u, 80u, 200u}) {
        for (const std::string& line : draw_table(nodes, "s", 1.5, {columns, 24})) CHECK(line.size() < columns);
    }
    const std::vector<std::string> few = draw_table(nodes, "s", 1.5, {80, 24});
    CHECK(few.size() <= 24);
    CHECK(few[4].find("client-11") != std::string::npos);  // the complete ones are left out first
    CHECK(few.back().find("10 of 30 clients complete") != std::string::npos);
}

TEST_CASE("a client that ended says whether it was complete") {
    NodeStatus client = node(NodeKind::Client, "client-1");
    CHECK(state_word(client) == "complete");
    client.completed_at.reset();
    CHECK(state_word(client) == "ended");
    CHECK(state_word(node(NodeKind::Seeder, "seeder-1")) == "ended");
}

TEST_CASE("progress is never rounded up to 100 %") {
    std::vector<NodeStatus> nodes = {node(NodeKind::Client, "client-1")};
    nodes[0].progress = 0.99999;
    CHECK(draw_table(nodes, "s", 0, {100, 24})[2].find(" 99.9%") != std::string::npos);
    nodes[0].progress = 1;
    CHECK(draw_table(nodes, "s", 0, {100, 24})[2].find("100.0%") != std::string::npos);
}
