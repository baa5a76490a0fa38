#include "lab/sweep.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

namespace {

const std::string kScenario =
    "name = \"s\"\n[content]\nrecipe = \"r.toml\"\n[[nodes]]\nkind = \"seeder\"\n[[nodes]]\nkind = \"client\"\n"
    "name = \"fast\"\n";

Result<std::vector<Variant>> sweep(const std::string& text) {
    const Result<app::ConfigFile> file = app::ConfigFile::parse(text, app::ConfigFormat::Toml, "dir/s.toml");
    REQUIRE(file);
    return read_sweep(*file);
}

}  // namespace

TEST_CASE("a sweep makes a scenario of each set of values") {
    const auto variants = sweep(kScenario +
                                "[sweep]\n\"fast.count\" = [0, 3]\n\"fast.link.up\" = [\"1 MB/s\", 5]\n"
                                "\"content.piece_length\" = [16384, 32768]\n\"rng_seed\" = [7, 8]\n");
    REQUIRE(variants);
    REQUIRE(variants->size() == 2);
    const auto second = nlohmann::json::parse((*variants)[1].scenario);
    CHECK(second["nodes"][1]["count"] == 3);
    CHECK(second["nodes"][1]["link"]["up"] == 5);
    CHECK(second["content"]["piece_length"] == 32768);
    CHECK(second["rng_seed"] == 8);
    CHECK(second["nodes"][0].size() == 1);
    CHECK_FALSE(second.contains("sweep"));
    CHECK(second["content"]["recipe"].get<std::string>().ends_with("/dir/r.toml"));
    CHECK(second["content"]["recipe"].get<std::string>().starts_with("/"));
    CHECK(std::ranges::count((*variants)[0].values, std::pair<std::string, std::string>("fast.count", "0")) == 1);
    CHECK(std::ranges::count((*variants)[0].values, std::pair<std::string, std::string>("fast.link.up", "1 MB/s")) ==
          1);
    CHECK(sweep(kScenario)->empty());
    CHECK_FALSE(parse_scenario(kScenario + "[sweep]\n\"fast.count\" = [1]\n", "s.toml"));
}

TEST_CASE("bad input: sweeps that mean nothing are refused with file and line") {
    const auto error = [](const std::string& text) {
        const auto variants = sweep(kScenario + "[sweep]\n" + text);
        return variants ? std::string() : variants.error().message();
    };
    CHECK(error("\"fast.count\" = [1, 2]\n\"seeder.count\" = [1]\n").find("one length") != std::string::npos);
    CHECK(error("\"slow.count\" = [1]\n").find("dir/s.toml:10: ") == 0);
    CHECK(error("\"fast.count\" = 1\n").find("list") != std::string::npos);
    CHECK(error("\"fast.count\" = []\n").find("list") != std::string::npos);
    CHECK(error("\"name.x\" = [1]\n").find("no table") != std::string::npos);
    CHECK(error("").find("wanted") != std::string::npos);
    std::string list = "\"fast.count\" = [1";
    for (std::size_t i = 1; i < kMaxSweep; ++i) list += ",1";
    CHECK(error(list + "]\n").empty());
    CHECK(error(list + ",1]\n").find("1000") != std::string::npos);
    const auto key_of_depth = [](std::size_t depth) {
        std::string key = "\"content";
        while (depth-- > 1) key += ".a";
        return key + "\" = [1]\n";
    };
    CHECK(error(key_of_depth(app::kMaxConfigDepth)).empty());
    CHECK(error(key_of_depth(app::kMaxConfigDepth + 2)).find("dir/s.toml:9: ") == 0);
}
