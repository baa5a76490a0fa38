#include "lab/scenario.h"

#include "tests/support/catch.h"

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
