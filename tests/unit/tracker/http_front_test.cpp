#include "tracker/http_front.h"

#include "common/base/encoding.h"
#include "common/meta/bencode.h"
#include "tests/support/catch.h"

namespace bt::tracker {
namespace {

constexpr TimePoint kStart{};
const Address kSource = Address::v4({127, 0, 0, 1});

HttpFront make_front() { return HttpFront({}, Rng(1), telemetry::Telemetry()); }

HttpAnswer get(HttpFront& front, std::string target, std::string method = "GET") {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    return front.answer(request, kSource, std::nullopt, kStart);
}

std::string failure_of(const HttpAnswer& answer) {
    CHECK(answer.status == 200);
    const auto document = meta::BencodeDocument::parse(answer.body);
    REQUIRE(document);
    CHECK(document->is_canonical());
    return std::string(document->root().find_string("failure reason").value_or(""));
}

const std::string kHash = std::string(19, 'h');  // one byte short of an info_hash
const std::string kId = std::string(20, 'p');
std::string query(const std::string& rest) { return "/announce?info_hash=" + kHash + "h&peer_id=" + kId + "&" + rest; }

TEST_CASE("an announce is answered 200 with a canonical bencoded dictionary") {
    auto front = make_front();
    const HttpAnswer answer = get(front, query("port=6881&left=5&uploaded=0&downloaded=0&compact=1"));
    CHECK(answer.status == 200);
    const auto document = meta::BencodeDocument::parse(answer.body);
    REQUIRE(document);
    CHECK(document->is_canonical());
    CHECK(document->root().find_integer("incomplete") == 1);
    CHECK(document->root().find_integer("interval") == 30);
    CHECK(document->root().find_string("peers") == "");
    CHECK(front.counters().announces == 1);
}

TEST_CASE("compact=0 gives a list of dictionaries, compact absent the compact form") {
    auto front = make_front();
    (void)get(front, query("port=6881&left=5&uploaded=0&downloaded=0"));
    const auto list = get(front, query("port=6882&left=5&uploaded=0&downloaded=0&compact=0"));
    const auto document = meta::BencodeDocument::parse(list.body);
    REQUIRE(document);
    const auto peers = document->root().find("peers");
    REQUIRE((peers && peers->is_list() && peers->size() == 1));
    CHECK(peers->first_child()->find_string("ip") == "127.0.0.1");
    CHECK(peers->first_child()->find_string("peer id") == kId);
    CHECK(peers->first_child()->find_integer("port") == 6881);
    const auto bare = get(front, query("port=6882&left=5&uploaded=0&downloaded=0&compact=0&no_peer_id=1"));
    const auto without = meta::BencodeDocument::parse(bare.body);
    REQUIRE(without);
    CHECK_FALSE(without->root().find("peers")->first_child()->find("peer id"));
    const auto compact = get(front, query("port=6882&left=5&uploaded=0&downloaded=0"));
    const auto packed = meta::BencodeDocument::parse(compact.body);
    REQUIRE(packed);
    CHECK(packed->root().find_string("peers") == std::string_view("\x7f\0\0\x01\x1a\xe1", 6));
}

TEST_CASE("each bad parameter is refused with HTTP 200 and a reason that starts with its name") {
    auto front = make_front();
    const std::string good = "&uploaded=0&downloaded=0&left=5&port=6881";
    const std::pair<std::string, std::string> cases[] = {
        {"/announce?info_hash=" + kHash + "&peer_id=" + kId + good, "info_hash: "},
        {"/announce?info_hash=" + kHash + "hh&peer_id=" + kId + good, "info_hash: "},
        {"/announce?info_hash=" + kHash + "%zz&peer_id=" + kId + good, "info_hash: "},
        {"/announce?peer_id=" + kId + good, "info_hash: "},
        {"/announce?info_hash=" + kHash + "h&peer_id=short" + good, "peer_id: "},
        {"/announce?info_hash=" + kHash + "h" + good, "peer_id: "},
        {query("uploaded=0&downloaded=0&left=5"), "port: "},
        {query("uploaded=0&downloaded=0&left=5&port=0"), "port: "},
        {query("uploaded=0&downloaded=0&left=5&port=-1"), "port: "},
        {query("uploaded=0&downloaded=0&left=5&port=65536"), "port: "},
        {query("uploaded=0&downloaded=0&left=-1&port=1"), "left: "},
        {query("uploaded=-1&downloaded=0&left=1&port=1"), "uploaded: "},
        {query("uploaded=0&downloaded=-5&left=1&port=1"), "downloaded: "},
        {query("uploaded=0&downloaded=0&left=1&port=1&event=finished"), "event: "},
        {"/announce", "info_hash: "},
    };
    for (const auto& [target, reason] : cases) {
        CAPTURE(target);
        CHECK(failure_of(get(front, target)).starts_with(reason));
    }
    CHECK(front.counters().refused == std::size(cases));
    CHECK(front.service().registry().peer_count() == 0);
}

TEST_CASE("a left of 2^63 and more is a leecher") {
    auto front = make_front();
    for (const char* left : {"4294967296", "9223372036854775808", "18446744073709551615"}) {
        CHECK(failure_of(get(front, query("port=1&uploaded=0&downloaded=0&left=" + std::string(left)))).empty());
        CHECK(front.service().registry().seed_count() == 0);
    }
}

TEST_CASE("paths that end in announce announce, /scrape scrapes, all else is 404, other methods are 405") {
    auto front = make_front();
    const std::string rest = "?info_hash=" + kHash + "h&peer_id=" + kId + "&port=1&uploaded=0&downloaded=0&left=1";
    CHECK(get(front, "/announce" + rest).status == 200);
    CHECK(get(front, "/secret/announce" + rest).status == 200);
    CHECK(front.counters().announces == 2);
    CHECK(get(front, "/scrape" + rest).status == 200);
    CHECK(get(front, "/secret/scrape" + rest).status == 200);
    CHECK(front.counters().scrapes == 2);
    for (const char* path : {"/", "/announce/", "/announce.php", "/skyscraper", "/stats", ""}) {
        CAPTURE(path);
        CHECK(get(front, path + rest).status == 404);
    }
    CHECK(get(front, "/announce" + rest, "POST").status == 405);
    CHECK(front.counters().announces == 2);
}

TEST_CASE("a scrape tells complete, downloaded and incomplete of each torrent asked for, zeros for unknown ones") {
    auto front = make_front();
    (void)get(front, query("port=1&uploaded=0&downloaded=0&left=5"));
    (void)get(front, query("port=2&uploaded=0&downloaded=0&left=0&event=completed"));
    const std::string known(20, 'h');
    const std::string unknown(20, 'u');
    const auto answer = get(front, "/scrape?info_hash=" + unknown + "&info_hash=" + known + "&info_hash=" + known);
    const auto document = meta::BencodeDocument::parse(answer.body);
    REQUIRE(document);
    CHECK(document->is_canonical());
    const auto files = document->root().find("files");
    REQUIRE((files && files->size() == 2));
    const auto counts = files->find(known);
    REQUIRE(counts);
    CHECK(counts->find_integer("complete") == 1);
    CHECK(counts->find_integer("downloaded") == 1);
    CHECK(counts->find_integer("incomplete") == 1);
    CHECK(files->find(unknown)->find_integer("incomplete") == 0);
}

TEST_CASE("a scrape of nothing, of a wrong length and of 101 torrents is refused, of 100 it is answered") {
    auto front = make_front();
    CHECK(failure_of(get(front, "/scrape")).starts_with("info_hash: "));
    CHECK(failure_of(get(front, "/scrape?info_hash=short")).starts_with("info_hash: "));
    std::string many = "/scrape?x=1";
    for (std::size_t i = 0; i < kMaxScrape; ++i)
        many += "&info_hash=" + std::string(20, static_cast<char>('0' + i % 50));
    CHECK(failure_of(get(front, many)).empty());
    CHECK(failure_of(get(front, many + "&info_hash=" + std::string(20, 'x'))).find("100") != std::string::npos);
}

}  // namespace
}  // namespace bt::tracker
