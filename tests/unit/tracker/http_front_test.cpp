#include "tracker/http_front.h"

#include "common/base/encoding.h"
#include "common/meta/bencode.h"
#include "tests/support/catch.h"
#include "tests/support/times.h"

namespace bt::tracker {
namespace {

using bt::test_time::kStart;

const Address kSource = Address::v4({127, 0, 0, 1});

// A service and the front before it.
struct FrontTracker {
    AnnounceService service{{}, Rng(1)};
    HttpFront front{service, {}, telemetry::Telemetry()};
};

struct EventTexts final : telemetry::EventSink {
    [[nodiscard]] bool wants(telemetry::Level) const override { return true; }
    void on_event(const telemetry::Event& event) override { lines.push_back(telemetry::to_json_line("t", event)); }
    std::vector<std::string> lines;
};

HttpAnswer get(FrontTracker& tracker, std::string target, std::string method = "GET") {
    http::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    return tracker.front.answer(request, {kSource}, kStart);
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
    FrontTracker tracker;
    const HttpAnswer answer = get(tracker, query("port=6881&left=5&uploaded=0&downloaded=0&compact=1"));
    CHECK(answer.status == 200);
    const auto document = meta::BencodeDocument::parse(answer.body);
    REQUIRE(document);
    CHECK(document->is_canonical());
    CHECK(document->root().find_integer("incomplete") == 1);
    CHECK(document->root().find_integer("interval") == 30);
    CHECK(document->root().find_string("peers") == "");
    CHECK(tracker.front.counters().announces == 1);
}

TEST_CASE("compact=0 gives a list of dictionaries, compact absent the compact form") {
    FrontTracker tracker;
    (void)get(tracker, query("port=6881&left=5&uploaded=0&downloaded=0"));
    const auto list = get(tracker, query("port=6882&left=5&uploaded=0&downloaded=0&compact=0"));
    const auto document = meta::BencodeDocument::parse(list.body);
    REQUIRE(document);
    const auto peers = document->root().find("peers");
    REQUIRE((peers && peers->is_list() && peers->size() == 1));
    CHECK(peers->first_child()->find_string("ip") == "127.0.0.1");
    CHECK(peers->first_child()->find_string("peer id") == kId);
    CHECK(peers->first_child()->find_integer("port") == 6881);
    const auto bare = get(tracker, query("port=6882&left=5&uploaded=0&downloaded=0&compact=0&no_peer_id=1"));
    const auto without = meta::BencodeDocument::parse(bare.body);
    REQUIRE(without);
    CHECK_FALSE(without->root().find("peers")->first_child()->find("peer id"));
    const auto compact = get(tracker, query("port=6882&left=5&uploaded=0&downloaded=0"));
    const auto packed = meta::BencodeDocument::parse(compact.body);
    REQUIRE(packed);
    CHECK(packed->root().find_string("peers") == std::string_view("\x7f\0\0\x01\x1a\xe1", 6));
}

TEST_CASE("each bad parameter is refused with HTTP 200 and a reason that starts with its name") {
    FrontTracker tracker;
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
        CHECK(failure_of(get(tracker, target)).starts_with(reason));
    }
    CHECK(tracker.front.counters().refused == std::size(cases));
    CHECK(tracker.service.registry().peer_count() == 0);
}

TEST_CASE("a left of 2^63 and more is a leecher") {
    FrontTracker tracker;
    for (const char* left : {"4294967296", "9223372036854775808", "18446744073709551615"}) {
        CHECK(failure_of(get(tracker, query("port=1&uploaded=0&downloaded=0&left=" + std::string(left)))).empty());
        CHECK(tracker.service.registry().seed_count() == 0);
    }
}

TEST_CASE("paths that end in announce announce, /scrape scrapes, all else is 404, other methods are 405") {
    FrontTracker tracker;
    const std::string rest = "?info_hash=" + kHash + "h&peer_id=" + kId + "&port=1&uploaded=0&downloaded=0&left=1";
    CHECK(get(tracker, "/announce" + rest).status == 200);
    CHECK(get(tracker, "/secret/announce" + rest).status == 200);
    CHECK(tracker.front.counters().announces == 2);
    CHECK(get(tracker, "/scrape" + rest).status == 200);
    CHECK(get(tracker, "/secret/scrape" + rest).status == 200);
    CHECK(tracker.front.counters().scrapes == 2);
    for (const char* path : {"/", "/announce/", "/announce.php", "/skyscraper", "/stats", ""}) {
        CAPTURE(path);
        CHECK(get(tracker, path + rest).status == 404);
    }
    CHECK(get(tracker, "/announce" + rest, "POST").status == 405);
    CHECK(tracker.front.counters().announces == 2);
}

TEST_CASE("a scrape tells complete, downloaded and incomplete of each torrent asked for, zeros for unknown ones") {
    FrontTracker tracker;
    (void)get(tracker, query("port=1&uploaded=0&downloaded=0&left=5"));
    (void)get(tracker, query("port=2&uploaded=0&downloaded=0&left=0&event=completed"));
    const std::string known(20, 'h');
    const std::string unknown(20, 'u');
    const auto answer = get(tracker, "/scrape?info_hash=" + unknown + "&info_hash=" + known + "&info_hash=" + known);
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
    FrontTracker tracker;
    CHECK(failure_of(get(tracker, "/scrape")).starts_with("info_hash: "));
    CHECK(failure_of(get(tracker, "/scrape?info_hash=short")).starts_with("info_hash: "));
    std::string many = "/scrape?x=1";
    for (std::size_t i = 0; i < kMaxScrape; ++i)
        many += "&info_hash=" + std::string(20, static_cast<char>('0' + i % 50));
    CHECK(failure_of(get(tracker, many)).empty());
    CHECK(failure_of(get(tracker, many + "&info_hash=" + std::string(20, 'x'))).find("100") != std::string::npos);
}

TEST_CASE("with passkeys the path must carry one, and no event shows what was tried") {
    AnnounceSettings settings;
    settings.passkeys = {"sesame"};
    AnnounceService service(settings, Rng(1));
    EventTexts log;
    HttpFront front(service, {}, telemetry::Telemetry(&log));
    const auto ask = [&](const std::string& target) {
        http::Request request;
        request.method = "GET";
        request.target = target;
        return front.answer(request, {kSource}, kStart);
    };
    const std::string rest = query("port=1&uploaded=0&downloaded=0&left=1").substr(1);
    CHECK(failure_of(ask("/sesame/" + rest)).empty());
    CHECK(failure_of(ask("/" + rest)).starts_with("passkey: "));
    CHECK(failure_of(ask("/letmein/" + rest)).starts_with("passkey: "));
    CHECK(failure_of(ask("/letmein/scrape?info_hash=" + kHash + "h")).starts_with("passkey: "));
    CHECK(failure_of(ask("/sesame/scrape?info_hash=" + kHash + "h")).empty());
    CHECK(ask("/letmein").status == 404);
    CHECK(ask("/letmein/").status == 404);
    CHECK(service.registry().peer_count() == 1);
    REQUIRE(log.lines.size() == 7);
    for (const std::string& line : log.lines) {
        CHECK(line.find("letmein") == std::string::npos);
        CHECK(line.find("sesame") == std::string::npos);
    }
}

TEST_CASE("behind a listed proxy X-Forwarded-For says whose request it is, elsewhere it says nothing") {
    FrontTracker tracker;
    const auto ask = [&](const Address& source, const std::string& head) {
        http::Request request;
        request.method = "GET";
        request.target = query("port=1&uploaded=0&downloaded=0&left=1&compact=0");
        request.head = head;
        return tracker.front.answer(request, {source}, kStart);
    };
    const std::string forwarded = "GET / HTTP/1.1\r\nX-Forwarded-For: 6.6.6.6, 192.0.2.1\r\n\r\n";
    (void)ask(kSource, forwarded);
    HttpSettings settings;
    settings.proxies = {*AddressRange::parse("10.0.0.0/8")};
    tracker.front.configure(settings);
    const Address proxy = Address::v4({10, 0, 0, 1});
    CHECK(tracker.front.wants_head(proxy));
    CHECK_FALSE(tracker.front.wants_head(kSource));
    const HttpAnswer to_proxy = ask(proxy, forwarded);
    const auto told = meta::BencodeDocument::parse(to_proxy.body);
    CHECK(told->root().find("peers")->first_child()->find_string("ip") == "127.0.0.1");
    const HttpAnswer to_other = ask(kSource, "");
    const auto others = meta::BencodeDocument::parse(to_other.body);
    CHECK(others->root().find("peers")->first_child()->find_string("ip") == "192.0.2.1");
    CHECK(
        failure_of(ask(proxy, "GET / HTTP/1.1\r\nX-Forwarded-For: unknown\r\n\r\n")).starts_with("X-Forwarded-For: "));
    CHECK(failure_of(ask(proxy, "GET / HTTP/1.1\r\n\r\n")).empty());
    CHECK(tracker.service.registry().peer_count() == 3);
}

TEST_CASE("a scrape of everything lists every torrent where that is wanted, and so many hashes as are allowed") {
    FrontTracker tracker;
    (void)get(tracker, query("port=1&uploaded=0&downloaded=0&left=5"));
    HttpSettings settings;
    settings.full_scrape = true;
    settings.max_scrape = 1;
    tracker.front.configure(settings);
    const auto all = get(tracker, "/scrape");
    const auto document = meta::BencodeDocument::parse(all.body);
    REQUIRE(document);
    CHECK(document->root().find("files")->find(kHash + "h")->find_integer("incomplete") == 1);
    const std::string one = "info_hash=" + kHash + "h";
    CHECK(failure_of(get(tracker, "/scrape?" + one)).empty());
    CHECK(failure_of(get(tracker, "/scrape?" + one + "&" + one)).starts_with("info_hash: at most 1"));
}

}  // namespace
}  // namespace bt::tracker
