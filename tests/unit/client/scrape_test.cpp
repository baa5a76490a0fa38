// What swarm-client scrape prints; that trackers are asked is shown by tests/integration/scrape.py.

#include "client/scrape.h"

#include "tests/support/catch.h"

namespace bt::client {
namespace {

constexpr const char* kHash = "d69f91e6b2ae4c542468d1073a71d4ea13879a7f";

engine::TrackerScrape answered(std::string url, wire::ScrapeCounts counts) { return {std::move(url), {{counts}}}; }

std::vector<engine::TrackerScrape> results() {
    return {answered("udp://a.test:1", {{}, 5, 2, 17}),
            answered("http://b.test/announce", {{}, {}, 7, {}}),
            answered("http://c.test/\x1b[2Jannounce", {{}, {}, {}, {}}),
            {"http://d.test/announce", fail(remote_error(ErrorCode::TimedOut, "no answer in time"))}};
}

}  // namespace

TEST_CASE("a scrape is a line for each tracker that answered, with what it does not say left open") {
    CHECK(scrape_text(results()) ==
          "udp://a.test:1: seeds 5, leechers 2, completed 17\n"
          "http://b.test/announce: seeds ?, leechers 7, completed ?\n"
          "http://c.test/?[2Jannounce: does not know this torrent\n");
    CHECK(scrape_text({}).empty());
}

TEST_CASE("a scrape as JSON has every tracker in the order of the torrent, errors too") {
    const InfoHash hash = scrape_target(kHash).value().info_hash;
    CHECK(scrape_json(hash, results()) ==
          R"({"info_hash":"d69f91e6b2ae4c542468d1073a71d4ea13879a7f","trackers":[)"
          R"({"url":"udp://a.test:1","known":true,"seeds":5,"leechers":2,"completed":17},)"
          R"({"url":"http://b.test/announce","known":true,"seeds":null,"leechers":7,"completed":null},)"
          R"({"url":"http://c.test/\u001b[2Jannounce","known":false,"seeds":null,"leechers":null,"completed":null},)"
          R"({"url":"http://d.test/announce","error":"no answer in time"}]})"
          "\n");
}

TEST_CASE("a magnet's trackers are asked, in order, and a bad link or file says what is wrong with it") {
    const auto target =
        scrape_target(std::string("magnet:?xt=urn:btih:") + kHash + "&tr=udp://a:1&tr=http://b/announce&tr=udp://a:1");
    REQUIRE(target.has_value());
    CHECK(target->trackers == std::vector<std::string>{"udp://a:1", "http://b/announce"});
    CHECK(scrape_target("magnet:?dn=x").error().code == ErrorCode::InvalidMagnet);
    CHECK(scrape_target("/nowhere.torrent").error().message().find("/nowhere.torrent") != std::string::npos);
}

}  // namespace bt::client
