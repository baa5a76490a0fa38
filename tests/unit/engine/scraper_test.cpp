// Scrapes over simulated networks.

#include "common/engine/scraper.h"

#include "tests/unit/engine/tracker_hosts.h"

using namespace bt;
using namespace bt::test;

namespace {

InfoHash hash_of(std::size_t number) {
    InfoHash hash{};
    hash[0] = static_cast<Byte>(number);
    hash[1] = static_cast<Byte>(number >> 8);
    hash[19] = 'x';
    return hash;
}

std::vector<InfoHash> hashes(std::size_t count) {
    std::vector<InfoHash> made;
    for (std::size_t i = 0; i < count; ++i) made.push_back(hash_of(i));
    return made;
}

wire::UdpScrapeReply counts_for(const UdpHost::Asked& asked) {
    wire::UdpScrapeReply reply;
    for (const InfoHash& hash : std::get<wire::UdpScrapeRequest>(asked.request.body).info_hashes) {
        reply.torrents.push_back({hash[0], 100u, 7u});
    }
    return reply;
}

struct Bench {
    explicit Bench(std::vector<std::string> urls, std::vector<InfoHash> info_hashes, World& world)
        : env(world.add_host("client", at(1).address)),
          scraper({.env = &env}, {}, std::move(urls), std::move(info_hashes), seconds(15), Rng(3),
                  [this](std::vector<engine::TrackerScrape> found) {
                      ++done;
                      results = std::move(found);
                  }) {
        scraper.start();
        CHECK(done == 0);
    }
    SimEnv& env;
    int done = 0;
    std::vector<engine::TrackerScrape> results;
    engine::Scraper scraper;
};

std::string one_torrent(const InfoHash& hash) {
    return "d5:filesd20:" + to_string(hash) + "d8:completei5e10:downloadedi50e10:incompletei10eeee";
}

}  // namespace

TEST_CASE("HTTP and UDP trackers are scraped at once, and the answers come in the order of the question") {
    World world({.rng_seed = 1});
    UdpHost udp(world, at(2, kUdp), counts_for);
    HttpHost http(world, 3, [](const HttpHost::Asked&) { return ok(one_torrent(hash_of(1))); });
    Bench bench({"udp://10.0.0.2:6970", "http://10.0.0.3:6969/x/announce?key=1", "http://10.0.0.9:6969/announce"},
                hashes(2), world);
    world.simulator().run_for(seconds(20));
    REQUIRE(bench.done == 1);
    REQUIRE(bench.results.size() == 3);
    REQUIRE(bench.results[0].torrents);
    CHECK((*bench.results[0].torrents)[1].complete == 1u);
    CHECK((*bench.results[0].torrents)[1].downloaded == 100u);
    CHECK((*bench.results[0].torrents)[1].incomplete == 7u);
    REQUIRE(http.asked.size() == 1);
    CHECK(http.asked[0].path == "/x/scrape");
    CHECK(http.asked[0].query.starts_with("key=1&info_hash="));
    REQUIRE(bench.results[1].torrents);
    CHECK_FALSE((*bench.results[1].torrents)[0].complete);
    CHECK((*bench.results[1].torrents)[0].info_hash == hash_of(0));
    CHECK((*bench.results[1].torrents)[1].complete == 5u);
    CHECK((*bench.results[1].torrents)[1].downloaded == 50u);
    CHECK((*bench.results[1].torrents)[1].incomplete == 10u);
    CHECK_FALSE(bench.results[2].torrents);  // there is no such host
}

TEST_CASE("more torrents than one packet names are asked for in parts") {
    World world({.rng_seed = 2});
    UdpHost udp(world, at(2, kUdp), counts_for);
    const std::size_t count = GENERATE(1, 74, 75, 200);
    Bench bench({"udp://10.0.0.2:6970"}, hashes(count), world);
    world.simulator().run_for(seconds(5));
    CHECK(udp.asked.size() == (count + 73) / 74);
    CHECK(udp.connects.size() == 1);
    REQUIRE(bench.done == 1);
    REQUIRE(bench.results[0].torrents);
    REQUIRE(bench.results[0].torrents->size() == count);
    CHECK(std::ranges::all_of(*bench.results[0].torrents, [](const auto& counts) {
        return counts.complete == std::uint64_t{counts.info_hash[0]};
    }));
}

TEST_CASE("a tracker's refusal, a URL without a scrape form and silence are each its own error") {
    World world({.rng_seed = 3});
    UdpHost udp(world, at(2, kUdp), [](const UdpHost::Asked&) { return wire::UdpErrorReply{"no\x1b[2J scrapes"}; });
    HttpHost http(world, 3, [](const HttpHost::Asked&) { return ok("d14:failure reason4:nopee"); });
    HttpHost silent(world, 4, [](const HttpHost::Asked&) { return std::nullopt; });
    Bench bench({"udp://10.0.0.2:6970", "http://10.0.0.3:6969/announce", "http://10.0.0.3:6969/tracker",
                 "http://10.0.0.4:6969/announce", "gopher://x"},
                hashes(1), world);
    world.simulator().run_until(TimePoint(milliseconds(14'999)));
    CHECK(bench.done == 0);
    world.simulator().run_until(TimePoint(seconds(15)));
    REQUIRE(bench.done == 1);
    for (const auto& result : bench.results) REQUIRE_FALSE(result.torrents);
    CHECK(bench.results[0].torrents.error().message().find("the tracker says: no?[2J scrapes") != std::string::npos);
    CHECK(bench.results[1].torrents.error().code == ErrorCode::TrackerFailure);
    CHECK(bench.results[2].torrents.error().message().find("BEP 48") != std::string::npos);
    CHECK(bench.results[3].torrents.error().code == ErrorCode::TimedOut);
    CHECK(http.asked.size() == 1);
}

TEST_CASE("bad input: scrape replies that name other torrents, or fewer than asked for, leave counts unknown") {
    World world({.rng_seed = 4});
    UdpHost udp(world, at(2, kUdp), [](const UdpHost::Asked&) { return wire::UdpScrapeReply{{{1, 2, 3}}}; });
    HttpHost http(world, 3, [](const HttpHost::Asked&) { return ok(one_torrent(hash_of(77))); });
    Bench bench({"udp://10.0.0.2:6970", "http://10.0.0.3:6969/announce"}, hashes(2), world);
    world.simulator().run_for(seconds(5));
    REQUIRE(bench.done == 1);
    REQUIRE(bench.results[0].torrents);
    CHECK((*bench.results[0].torrents)[0].complete == 1u);
    CHECK_FALSE((*bench.results[0].torrents)[1].complete);
    REQUIRE(bench.results[1].torrents);
    CHECK(bench.results[1].torrents->size() == 2);
    CHECK_FALSE((*bench.results[1].torrents)[0].complete);
}

TEST_CASE("many trackers are asked sixteen at a time, and no trackers are answered too") {
    World world({.rng_seed = 5});
    HttpHost silent(world, 2, [](const HttpHost::Asked&) { return std::nullopt; });
    const std::size_t count = GENERATE(0, 16, 17);
    Bench bench(std::vector<std::string>(count, "http://10.0.0.2:6969/announce"), hashes(1), world);
    world.simulator().run_for(seconds(14));
    CHECK(silent.asked.size() == std::min<std::size_t>(count, engine::kScrapesAtOnce));
    world.simulator().run_for(seconds(20));
    CHECK(bench.done == 1);
    CHECK(bench.results.size() == count);
    CHECK(silent.asked.size() == count);
}
