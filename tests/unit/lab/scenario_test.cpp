#include "lab/scenario.h"

#include "tests/support/catch.h"
#include "tests/unit/client/temporary_tree.h"
#include "tests/unit/meta/torrent_text.h"

using namespace bt;
using namespace bt::lab;

namespace {

const std::string kSmallest =
    "name = \"s\"\n"
    "[content]\n"
    "recipe = \"r.toml\"\n"
    "[[nodes]]\n"
    "kind = \"seeder\"\n"
    "[[nodes]]\n"
    "kind = \"client\"\n";

std::string error_of(const std::string& text) {
    const Result<Scenario> scenario = parse_scenario(text, "dir/s.toml");
    return scenario ? "" : scenario.error().message();
}

std::string with(const std::string& from, const std::string& to) {
    std::string text = kSmallest;
    return text.replace(text.find(from), from.size(), to);
}

}  // namespace

TEST_CASE("the smallest scenario has a recipe, a seeder and a client; the rest has defaults") {
    const Result<Scenario> scenario = parse_scenario(kSmallest, "dir/s.toml");
    REQUIRE(scenario);
    CHECK(scenario->name == "s");
    CHECK(scenario->rng_seed == 1);
    CHECK(scenario->content.recipe == "dir/r.toml");
    CHECK(scenario->content.path.empty());
    CHECK_FALSE(scenario->content.piece_length);
    CHECK(scenario->announce_interval == seconds(5));
    CHECK(scenario->count(NodeKind::Seeder) == 1);
    CHECK(scenario->count(NodeKind::Client) == 1);
    CHECK(scenario->count(NodeKind::Tracker) == 1);
    CHECK(scenario->groups[1].name == "client");
    CHECK(scenario->expect.all_complete_within == seconds(120));
    CHECK(scenario->expect.files_identical);
    CHECK(scenario->expect.max_hash_failures == 0);
    CHECK(scenario->expect.exit_codes == std::vector<int>{0, 130});
}

TEST_CASE("a full scenario is read as it is written") {
    const Result<Scenario> scenario = parse_scenario(
        "name = \"full\"\nrng_seed = 42\n"
        "[content]\npath = \"/usr/include\"\npiece_length = \"64 KiB\"\n"
        "[tracker]\ninterval = \"2s\"\noptions = { loglevel = \"debug\" }\n"
        "[[nodes]]\nkind = \"seeder\"\nname = \"source\"\ncount = 2\n"
        "[[nodes]]\nkind = \"client\"\ncount = 3\n"
        "options = { max-peers = 4, quick = true, slow = false, rate = 1.5 }\n"
        "[expect]\nall_complete_within = 7.5\nfiles_identical = false\nmax_hash_failures = 3\nexit_codes = [0]\n",
        "s.toml");
    REQUIRE(scenario);
    CHECK(scenario->rng_seed == 42);
    CHECK(scenario->content.path == "/usr/include");
    CHECK(scenario->content.piece_length == 65536u);
    CHECK(scenario->announce_interval == seconds(2));
    CHECK(scenario->tracker_options == std::vector<std::string>{"--loglevel", "debug"});
    CHECK(scenario->groups[0].name == "source");
    CHECK(scenario->count(NodeKind::Client) == 3);
    CHECK(scenario->groups[1].options == std::vector<std::string>{"--max-peers", "4", "--quick", "--rate", "1.5"});
    CHECK(scenario->expect.all_complete_within == milliseconds(7500));
    CHECK_FALSE(scenario->expect.files_identical);
    CHECK(scenario->expect.max_hash_failures == 3);
    CHECK(scenario->expect.exit_codes == std::vector<int>{0});
}

TEST_CASE("an unknown key is refused with file, line and the nearest known key") {
    const std::string error = error_of(kSmallest + "coumt = 2\n");
    CHECK(error.find("dir/s.toml:8: ") == 0);
    CHECK(error.find("coumt") != std::string::npos);
    CHECK(error.find("count") != std::string::npos);
    CHECK(error_of(with("[content]", "[contents]")).find("dir/s.toml:2: ") == 0);
}

TEST_CASE("what a scenario needs is asked for") {
    CHECK(error_of(with("name = \"s\"\n", "")) == "dir/s.toml:1: name is missing");
    CHECK(error_of(with("recipe = \"r.toml\"\n", "")).find("dir/s.toml:2: ") == 0);
    CHECK(error_of(with("recipe = \"r.toml\"\n", "recipe = \"r.toml\"\npath = \"x\"\n")) != "");
    CHECK(error_of(with("kind = \"seeder\"", "kind = \"client\"\nname = \"b\"")).find("seeder") != std::string::npos);
    CHECK(error_of(with("kind = \"client\"", "kind = \"seeder\"\nname = \"b\"")).find("client") != std::string::npos);
    CHECK(error_of(with("kind = \"client\"", "kind = \"leecher\"")).find("dir/s.toml:7: ") == 0);
}

TEST_CASE("names are plain, and no group has another's") {
    CHECK(error_of(with("name = \"s\"", "name = \"" + std::string(60, 'x') + "\"")) == "");
    CHECK(error_of(with("name = \"s\"", "name = \"" + std::string(61, 'x') + "\"")) != "");
    CHECK(error_of(with("name = \"s\"", "name = \"../s\"")) != "");
    CHECK(error_of(with("name = \"s\"", "name = \"\"")) != "");
    CHECK(error_of(kSmallest + "[[nodes]]\nkind = \"client\"\n") != "");
    CHECK(error_of(kSmallest + "[[nodes]]\nkind = \"client\"\nname = \"late\"\n") == "");
    CHECK(error_of(kSmallest + "[[nodes]]\nkind = \"client\"\nname = \"tracker\"\n") != "");
}

TEST_CASE("a scenario has at most 250 nodes") {
    CHECK(error_of(kSmallest + "count = 249\n") == "");
    CHECK(error_of(kSmallest + "count = 250\n") != "");
    CHECK(error_of(kSmallest + "count = 0\n") != "");
}

TEST_CASE("options that the lab sets itself are refused") {
    CHECK(error_of(kSmallest + "options = { bind = \"127.0.0.1\" }\n").find("dir/s.toml:8: ") == 0);
    CHECK(error_of(kSmallest + "options = { events = \"x\" }\n") != "");
    CHECK(error_of(kSmallest + "options = { \"--max-peers\" = 1 }\n") != "");
    CHECK(error_of(kSmallest + "options = { max-peers = [1] }\n") != "");
}

TEST_CASE("a piece length is a power of two from 16 KiB to 512 MiB") {
    const auto piece_length = [](const std::string& value) {
        return error_of(with("[[nodes]]", "piece_length = " + value + "\n[[nodes]]"));
    };
    CHECK(piece_length("16384") == "");
    CHECK(piece_length("\"512 MiB\"") == "");
    CHECK(piece_length("8192") != "");
    CHECK(piece_length("16385") != "");
    CHECK(piece_length("\"1 GiB\"") != "");
    CHECK(piece_length("-1") != "");
}

TEST_CASE("times are seconds or have a unit, and stay within a day") {
    const auto within = [](const std::string& value) {
        return error_of(kSmallest + "[expect]\nall_complete_within = " + value + "\n");
    };
    CHECK(within("60") == "");
    CHECK(within("\"24h\"") == "");
    CHECK(within("\"25h\"") != "");
    CHECK(within("0") != "");
    CHECK(within("\"1ms\"") == "");
    CHECK(within("\"soon\"") != "");
    CHECK(parse_duration("1.5 s") == milliseconds(1500));
    CHECK(parse_duration("2m") == minutes(2));
    CHECK_FALSE(parse_duration("2"));
    CHECK_FALSE(parse_duration("2  s"));
    CHECK_FALSE(parse_duration("-1s"));
    CHECK_FALSE(parse_duration(""));
}

TEST_CASE("the tracker's interval is whole seconds") {
    const auto interval = [](const std::string& value) {
        return error_of(kSmallest + "[tracker]\ninterval = " + value);
    };
    CHECK(interval("1") == "");
    CHECK(interval("\"1500ms\"") != "");
    CHECK(interval("\"500ms\"") != "");
}

TEST_CASE("exit codes are a list of numbers from 0 to 255") {
    const auto codes = [](const std::string& value) { return error_of(kSmallest + "[expect]\nexit_codes = " + value); };
    CHECK(codes("[0, 255]") == "");
    CHECK(codes("[]") != "");
    CHECK(codes("0") != "");
    CHECK(codes("[256]") != "");
    CHECK(codes("[-1]") != "");
    CHECK(codes("[\"0\"]") != "");
}

TEST_CASE("a timeline, its end and what is expected of numbers are read as written") {
    const Result<Scenario> scenario = parse_scenario(
        kSmallest +
            "link = { up = \"1 MiB/s\" }\nstart = \"1s\"\nevery = 0.5\npoisson = true\n"
            "[[nodes]]\nkind = \"client\"\nname = \"late\"\nstart = \"on demand\"\n"
            "[[timeline]]\nat = \"2s\"\ndo = \"limit\"\nnodes = \"client-1\"\nupload = \"10 kB/s\"\nfor = \"3s\"\n"
            "[[timeline]]\nwhen = \"client-1 has 50%\"\ndo = \"tracker-down\"\noptional = true\n"
            "[stop]\nwhen = \"late-1 is complete\"\nlinger = \"1s\"\nat = \"60s\"\n"
            "[expect]\n"
            "events = [{ query = \"client-*: piece_failed\", max = 0 }]\n"
            "bounds = [{ nodes = \"client-*\", what = \"ratio\", min = 0.5, max = 2 }]\n"
            "banned = [{ node = \"late-1\", by = \"client-1\" }]\n"
            "files = [{ nodes = \"client-1\", path = \"a\", sha1 = \"0123456789012345678901234567890123456789\" }]\n",
        "s.toml");
    REQUIRE(scenario);
    CHECK(scenario->groups[1].link.rate.upload == 1u << 20);
    CHECK(scenario->groups[1].arrival.poisson);
    CHECK(scenario->groups[1].must_complete);
    CHECK(scenario->groups[2].arrival.on_demand);
    CHECK_FALSE(scenario->groups[2].must_complete);
    REQUIRE(scenario->timeline.size() == 2);
    CHECK(scenario->timeline[0].limits.upload == 10'000);
    CHECK(scenario->timeline[0].lasts == seconds(3));
    CHECK(scenario->timeline[1].deed == Deed::Kill);
    CHECK(scenario->timeline[1].nodes == "tracker");
    CHECK(scenario->timeline[1].optional);
    CHECK(scenario->stop.linger == seconds(1));
    CHECK(scenario->expect.events[0].max == 0);
    CHECK(scenario->expect.bounds[0].max == 2);
    CHECK(scenario->expect.bans[0].by == "client-1");
    CHECK(scenario->expect.files[0].path == "a");
}

TEST_CASE("bad input: timelines and bounds that mean nothing are refused with their line") {
    const auto timeline = [](const std::string& text) { return error_of(kSmallest + "[[timeline]]\n" + text); };
    CHECK(timeline("at = 1\ndo = \"kill\"\nnodes = \"client-2\"\n").find("s.toml:11: timeline[0].nodes") !=
          std::string::npos);
    CHECK(timeline("at = 1\ndo = \"kill\"\nnodes = \"cleint-1\"\n").find("client-1?") != std::string::npos);
    CHECK(timeline("do = \"kill\"\nnodes = \"client-1\"\n").find("either at") != std::string::npos);
    CHECK(timeline("at = 1\nwhen = \"all complete\"\ndo = \"kill\"\nnodes = \"client-1\"\n").find("either at") !=
          std::string::npos);
    CHECK(timeline("at = 1\ndo = \"explode\"\nnodes = \"client-1\"\n").find("wanted start") != std::string::npos);
    CHECK(timeline("at = 1\ndo = \"corrupt\"\nnodes = \"client-1\"\nfor = 1\n").find("undone") != std::string::npos);
    CHECK(timeline("at = 1\ndo = \"corrupt\"\nnodes = \"seeder-1\"\n").find("not for this kind") != std::string::npos);
    CHECK(timeline("at = 1\ndo = \"limit\"\nnodes = \"client-1\"\n").find("upload or download") != std::string::npos);
    CHECK(timeline("when = \"client-7 is ready\"\ndo = \"kill\"\nnodes = \"client-1\"\n").find("client-7") !=
          std::string::npos);
    CHECK(timeline("at = 1\ndo = \"kill\"\nnode = \"client-1\"\n").find("nodes") != std::string::npos);
    const auto expect = [](const std::string& text) { return error_of(kSmallest + "[expect]\n" + text); };
    CHECK(expect("events = [{ query = \"a b\", max = 0 }]\n").find("FIELD OP VALUE") != std::string::npos);
    CHECK(expect("events = [{ query = \"stats\" }]\n").find("min, max") != std::string::npos);
    CHECK(expect("bounds = [{ nodes = \"client-1\", what = \"size\", min = 1 }]\n").find("ratio") != std::string::npos);
    CHECK(expect("files = [{ nodes = \"client-1\", path = \"a\", sha1 = \"12\" }]\n").find("40") != std::string::npos);
    CHECK(expect("all_complete_within = 1\nnobody_completes_for = 1\n").find("exclude") != std::string::npos);
}

TEST_CASE("bad input: what can hold only because it names nothing is refused") {
    const auto expect = [](const std::string& text) { return error_of(kSmallest + "[expect]\n" + text); };
    const auto query = [&](const std::string& text) {
        return expect("events = [{ query = \"" + text + "\", max = 0 }]\n");
    };
    CHECK(query("clinet-*: peer_banned").find("no node is called clinet-*") != std::string::npos);
    CHECK(query("client-*: peer_baned").find("did you mean peer_banned?") != std::string::npos);
    for (const char* fine : {"client-*: peer_banned", "client-*: peer_*", "misbehaved", "tracker: re?dy", "*: stats"}) {
        CHECK(query(fine) == "");
    }
    const auto when = [](const std::string& text) {
        return error_of(kSmallest + "[[timeline]]\ndo = \"tracker-down\"\nwhen = \"" + text + "\"\n");
    };
    CHECK(when("2 events client-1: piece_verifed").find("did you mean piece_verified?") != std::string::npos);
    CHECK(when("2 events client-1: piece_verified") == "");
    // Another program's driver may write events of its own.
    CHECK(parse_scenario(kSmallest + "[[nodes]]\nkind = \"other\"\n[expect]\n"
                                     "events = [{ query = \"other-1: own_event\", min = 1 }]\n",
                         "s.toml", {"other"}));
    CHECK_FALSE(parse_scenario(kSmallest + "[[nodes]]\nkind = \"other\"\n[expect]\n"
                                           "events = [{ query = \"client-1: own_event\", min = 1 }]\n",
                               "s.toml", {"other"}));
    CHECK(expect("events = [{ query = \"stats\", min = 2, max = 1 }]\n").find("min is more than max") !=
          std::string::npos);
    CHECK(expect("events = [{ query = \"stats\", min = 2, max = 2 }]\n") == "");
    const auto bound = [&](const std::string& range) {
        return expect("bounds = [{ nodes = \"client-1\", what = \"ratio\", " + range + " }]\n");
    };
    CHECK(bound("min = 0.6, max = 0.5").find("min is more than max") != std::string::npos);
    CHECK(bound("min = 0.5, max = 0.5") == "");
}

TEST_CASE("bad input: a run that nobody completes has no other end") {
    const std::string nobody = "[expect]\nnobody_completes_for = \"20s\"\n";
    CHECK(error_of(kSmallest + "[stop]\nat = \"1s\"\n" + nobody).find("[stop]") != std::string::npos);
    CHECK(error_of(kSmallest + "[stop]\nwhen = \"client-1 has 1%\"\n" + nobody).find("[stop]") != std::string::npos);
    CHECK(error_of(kSmallest + nobody) == "");
}

TEST_CASE("a link's loss is a share, and links with loss go through the lab") {
    const auto with_link = [](const std::string& link) { return kSmallest + "link = { " + link + " }\n"; };
    for (const auto& [text, loss] : {std::pair{"loss = \"1%\"", 10'000u}, std::pair{"loss = 0.5", 500'000u},
                                     std::pair{"loss = \"0.05%\"", 500u}, std::pair{"loss = 0", 0u}}) {
        const Result<Scenario> scenario = parse_scenario(with_link(text), "s.toml");
        REQUIRE(scenario);
        CHECK(scenario->groups[1].link.loss == loss);
        CHECK(scenario->needs_relay() == (loss > 0));
    }
    CHECK(parse_scenario("relay = true\n" + kSmallest, "s.toml")->needs_relay());
    CHECK_FALSE(parse_scenario("relay = false\n" + kSmallest, "s.toml")->needs_relay());
}

TEST_CASE("bad input: a loss of more than half, or no share at all, is refused") {
    const auto error_with = [](const std::string& loss) {
        return error_of(kSmallest + "link = { loss = " + loss + " }\n");
    };
    CHECK(error_with("\"50.1%\"").find("s.toml:8: ") != std::string::npos);
    CHECK(error_with("\"50.1%\"").find("more than 50%") != std::string::npos);
    CHECK(error_with("\"50%\"").empty());
    for (const char* bad : {"\"1\"", "\"%\"", "\"x%\"", "-0.1", "1.5", "\"101%\"", "true"}) {
        CHECK(error_with(bad).find("wanted a share") != std::string::npos);
    }
}

TEST_CASE("rules of the tracker stand in the scenario as they do in its own configuration") {
    const Result<Scenario> scenario = parse_scenario(
        kSmallest +
            "[tracker]\nconfig = \"maxPeers = 3\"\n"
            "[[tracker.rules]]\nname = \"two \\\"words\\\"\"\nevery = 2\naction = \"failure\"\nreason = \"no\"\n"
            "[[tracker.rules]]\nshare = 0.25\naction = \"addKeys\"\nkeys = { a = 1, \"b c\" = \"x\" }\n",
        "s.toml");
    REQUIRE(scenario);
    const std::string& config = scenario->tracker_config;
    CHECK(config.starts_with("maxPeers = 3\n[[rules]]\n"));
    CHECK(config.find("\"name\" = \"two \\\"words\\\"\"\n") != std::string::npos);
    CHECK(config.find("\"every\" = 2\n") != std::string::npos);
    CHECK(config.find("\"share\" = 0.25\n") != std::string::npos);
    CHECK(config.find("\"keys\" = {\"a\" = 1, \"b c\" = \"x\"}\n") != std::string::npos);
}

TEST_CASE("the torrent that a rule of the tracker names lies beside the scenario, wherever the tracker runs") {
    const test::TemporaryTree tree;
    tree.write("t.torrent", meta::test::single(1, 16384, 1));
    const std::string rule = "[tracker]\n[[tracker.rules]]\ntorrent = \"t.torrent\"\naction = \"silence\"\n";
    const Result<Scenario> scenario = parse_scenario(kSmallest + rule, tree / "s.toml");
    REQUIRE(scenario);
    CHECK(scenario->tracker_config.find("\"torrent\" = \"" + tree / "t.torrent" + "\"\n") != std::string::npos);
}

TEST_CASE("bad input: a rule of the tracker is refused with its line and what was meant") {
    const auto error_with = [](const std::string& rule) {
        return error_of(kSmallest + "[tracker]\n[[tracker.rules]]\n" + rule);
    };
    CHECK(error_with("action = \"silense\"\n").find("s.toml:10: ") != std::string::npos);
    CHECK(error_with("action = \"silense\"\n").find("did you mean \"silence\"?") != std::string::npos);
    CHECK(error_with("action = \"silence\"\nevry = 2\n").find("s.toml:11: ") != std::string::npos);
    CHECK(error_with("action = \"silence\"\nevry = 2\n").find("every") != std::string::npos);
    CHECK(error_with("action = \"silence\"\nreason = \"x\"\n").find("\"failure\" does") != std::string::npos);
    const Result<Scenario> foreign =
        parse_scenario(kSmallest + "[tracker]\nkind = \"opentracker\"\n[[tracker.rules]]\naction = \"silence\"\n",
                       "s.toml", {"opentracker"});
    CHECK_FALSE(foreign);
    CHECK(foreign.error().message().find("our own tracker's") != std::string::npos);
}
