// What trackers are known to stumble over (each row is another's fault, seen or read), and what ours answers over HTTP.

#include "common/meta/bencode.h"
#include "tests/support/catch.h"
#include "tests/support/times.h"
#include "tracker/http_front.h"

namespace bt::tracker {
namespace {

using bt::test_time::kStart;

const Address kBadSource = Address::v4({127, 0, 0, 1});
const std::string kGoodHash(20, 'h');
const std::string kGoodId(20, 'p');

struct StrictTracker {
    explicit StrictTracker(AnnounceSettings settings = {}) : service(std::move(settings), Rng(1)) {}
    HttpAnswer get(const std::string& target, const char* method = "GET") {
        http::Request request;
        request.method = method;
        request.target = target;
        return front.answer(request, {kBadSource}, kStart);
    }
    // The failure reason, "" when it was served.
    std::string failure(const std::string& target) {
        const HttpAnswer answer = get(target);
        CHECK(answer.status == 200);
        const auto document = meta::BencodeDocument::parse(answer.body);
        REQUIRE(document);
        CHECK(document->is_canonical());
        return std::string(document->root().find_string("failure reason").value_or(""));
    }
    AnnounceService service;
    HttpFront front{service, {}, telemetry::Telemetry()};
};

std::string announce_query(const std::string& info_hash, const std::string& rest) {
    return "/announce?info_hash=" + info_hash + "&peer_id=" + kGoodId + "&uploaded=0&downloaded=0" + rest;
}

TEST_CASE("bad input: each row of what others stumble over gets status 200 and a reason with the parameter and rule") {
    const std::string good = "&port=6881&left=5";
    const std::pair<std::string, std::string> rows[] = {
        {announce_query(std::string(19, 'h'), good), "info_hash: must be 20 bytes, not 19 (BEP 3)"},
        {announce_query(std::string(21, 'h'), good), "info_hash: must be 20 bytes, not 21 (BEP 3)"},
        {announce_query(std::string(40, 'a'), good), "info_hash: must be 20 bytes, not 40 (BEP 3)"},
        {announce_query(std::string(18, 'h') + "%4", good), "info_hash: '%' without two hex digits behind it (BEP 3)"},
        {announce_query(std::string(18, 'h') + "%g0", good), "info_hash: '%' without two hex digits behind it (BEP 3)"},
        {announce_query(kGoodHash, good + "&info_hash=" + kGoodHash), "info_hash: given twice (BEP 3)"},
        {"/announce?peer_id=" + kGoodId + good, "info_hash: missing (BEP 3)"},
        {"/announce?info_hash=" + kGoodHash + good, "peer_id: missing (BEP 3)"},
        {announce_query(kGoodHash, "&left=5"), "port: missing (BEP 3)"},
        {announce_query(kGoodHash, "&port=1"), "left: missing (BEP 3)"},
        {announce_query(kGoodHash, "&port=1&left=-1"),
         "left: must be a whole number from 0 to 18446744073709551615 (BEP 3)"},
        {announce_query(kGoodHash, "&port=1&left=18446744073709551616"), "left: must be a whole number from 0 to "},
        {announce_query(kGoodHash, "&port=1&left=1180591620717411303424"), "left: must be a whole number from 0 to "},
        {announce_query(kGoodHash, "&port=1&left=5&uploaded=18446744073709551616"), "uploaded: must be a whole number"},
        {announce_query(kGoodHash, "&port=1&left=5&downloaded=18446744073709551616"),
         "downloaded: must be a whole number"},
        {announce_query(kGoodHash, "&port=1&left=5&numwant=18446744073709551616"), "numwant: must be a whole number"},
        {announce_query(kGoodHash, "&port=0&left=5"), "port: must be from 1 to 65535 (BEP 3)"},
        {announce_query(kGoodHash, "&port=-1&left=5"), "port: must be from 1 to 65535 (BEP 3)"},
        {announce_query(kGoodHash, "&port=65536&left=5"), "port: must be from 1 to 65535 (BEP 3)"},
        {announce_query(kGoodHash, "&port=18446744073709551617&left=5"), "port: must be from 1 to 65535 (BEP 3)"},
        {announce_query(kGoodHash, good + "&event=finished"),
         "event: must be started, completed, stopped, paused or empty"},
        {announce_query(kGoodHash, good + "&compact=2"), "compact: must be 0 or 1 (BEP 23)"},
        {announce_query(kGoodHash, good + "&no_peer_id=yes"), "no_peer_id: must be 0 or 1 (BEP 23)"},
        {"/scrape?info_hash=short", "info_hash: must be 20 bytes, %-encoded (BEP 48)"},
        {"/scrape", "info_hash: missing, this tracker does not list everything (BEP 48)"},
    };
    StrictTracker tracker;
    for (const auto& [target, reason] : rows) {
        CAPTURE(target);
        CHECK(tracker.failure(target).starts_with(reason));
    }
    CHECK(tracker.service.registry().peer_count() == 0);
}

TEST_CASE("bad input: what is odd and harmless is served, and nobody is put where he is not") {
    StrictTracker tracker;
    for (const std::string& rest :
         {std::string("&port=22&left=5"), std::string("&port=1&left=4294967296"),
          std::string("&port=2&left=9223372036854775808"), std::string("&port=3&left=18446744073709551615"),
          std::string("&port=4&left=5&key"), std::string("&port=5&left=5&key=a=b"), std::string("&port=6&left=5&&=&=x"),
          std::string("&port=7&left=5&ip=10.1.2.3"), std::string("&port=8&left=5&ip=nonsense"),
          std::string("&port=9&left=5&numwant=-1"), std::string("&port=10&left=5&numwant=18446744073709551615"),
          std::string("&port=11&left=5&unknown=%zz"), std::string("&port=12&left=5&event=")}) {
        CAPTURE(rest);
        CHECK(tracker.failure(announce_query(kGoodHash, rest)).empty());
    }
    CHECK(tracker.failure(announce_query(kGoodHash, "&port=99&left=5&event=stopped")).empty());
    CHECK(tracker.service.registry().peer_count() == 13);
    CHECK(tracker.service.registry().seed_count() == 0);
    const HttpAnswer answer = tracker.get(announce_query(kGoodHash, "&port=100&left=5&compact=0"));
    const auto document = meta::BencodeDocument::parse(answer.body);
    for (auto peer = document->root().find("peers")->first_child(); peer; peer = peer->next_sibling()) {
        CHECK(peer->find_string("ip") == "127.0.0.1");
    }
}

TEST_CASE("bad input: a plus in a hash is a plus, not a space") {
    StrictTracker tracker;
    CHECK(tracker.failure(announce_query(std::string(19, 'h') + "+", "&port=1&left=5")).empty());
    InfoHash with_plus;
    with_plus.fill('h');
    with_plus.back() = '+';
    CHECK(tracker.service.scrape(with_plus, kStart).incomplete == 1);
}

TEST_CASE(
    "bad input: the same hash a hundred times is one entry, an unknown one zeros, a hundred and one are refused") {
    StrictTracker tracker;
    std::string hundred = "/scrape?";
    for (int i = 0; i < 100; ++i) hundred += "info_hash=" + kGoodHash + "&";
    const HttpAnswer answer = tracker.get(hundred);
    const auto document = meta::BencodeDocument::parse(answer.body);
    REQUIRE(document);
    CHECK(document->is_canonical());
    const auto files = document->root().find("files");
    CHECK(files->size() == 1);
    CHECK(files->find(kGoodHash)->find_integer("complete") == 0);
    CHECK(tracker.failure(hundred + "info_hash=" + kGoodHash).starts_with("info_hash: at most 100"));
}

TEST_CASE("bad input: an unlisted hash is refused, and so is a denied one, without a trace in the registry") {
    AnnounceSettings settings;
    InfoHash other{};
    settings.allowed = {other};
    StrictTracker tracker(settings);
    CHECK(tracker.failure(announce_query(kGoodHash, "&port=1&left=5")).starts_with("info_hash: "));
    CHECK(tracker.service.registry().torrent_count() == 0);
}

TEST_CASE("bad input: methods other than GET are 405, other paths 404, both without bencode") {
    StrictTracker tracker;
    for (const char* method : {"POST", "HEAD", "PUT", "DELETE", "OPTIONS"}) {
        CHECK(tracker.get(announce_query(kGoodHash, "&port=1&left=5"), method).status == 405);
    }
    for (const char* path : {"/", "/announce.php", "/scrape/", "/stats", "*"}) CHECK(tracker.get(path).status == 404);
    CHECK(tracker.service.registry().peer_count() == 0);
}

}  // namespace
}  // namespace bt::tracker
