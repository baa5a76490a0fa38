#include "tracker/rules.h"

#include "tests/support/catch.h"
#include "tests/unit/tracker/exchanges.h"

using namespace bt;
using namespace bt::tracker;
using test::HonestExchange;

namespace {

Rule rule_of(RuleMatch match, std::string name = "r") {
    Rule rule;
    rule.name = std::move(name);
    rule.match = std::move(match);
    rule.action.kind = ActionKind::Silence;
    return rule;
}

RuleBook book_of(std::vector<Rule> rules) { return RuleBook(std::move(rules), Rng(1), TimePoint()); }

// Which rule applied; "" for none.
std::string applied(RuleBook& book, HonestExchange& honest) {
    honest.exchange.rule = {};
    const auto delivery = book.apply(honest.exchange);
    CHECK((delivery != nullptr) == !honest.exchange.rule.empty());
    return std::string(honest.exchange.rule);
}

bool fits(const RuleMatch& match, HonestExchange& honest) {
    RuleBook book = book_of({rule_of(match)});
    return !applied(book, honest).empty();
}

}  // namespace

TEST_CASE("a rule without conditions fits every request, and the first of two wins") {
    HonestExchange honest;
    RuleBook book = book_of({rule_of({}, "one"), rule_of({}, "two")});
    CHECK(applied(book, honest) == "one");
    CHECK(honest.exchange.action == "silence");
    CHECK(book.counters(0).applied == 1);
    CHECK(book.counters(1).applied == 0);
    CHECK(book.counters(1).fitted == 1);
}

TEST_CASE("a rule's conditions are about torrent, source, peer id, door, kind and event") {
    HonestExchange honest;
    honest.announce.event = wire::AnnounceEvent::Started;
    RuleMatch match;
    match.info_hash = test::hash_of(0xab);
    match.source = AddressRange::parse("127.0.0.0/8");
    match.peer_id_prefix = "-XX";
    match.door = Door::Http;
    match.kind = ExchangeKind::Announce;
    match.event = wire::AnnounceEvent::Started;
    CHECK(fits(match, honest));

    RuleMatch other = match;
    other.info_hash = test::hash_of(0xac);
    CHECK_FALSE(fits(other, honest));
    other = match;
    other.source = AddressRange::parse("127.0.0.8");
    CHECK_FALSE(fits(other, honest));
    other = match;
    other.peer_id_prefix = "-XY";
    CHECK_FALSE(fits(other, honest));
    other = match;
    other.door = Door::Https;
    CHECK_FALSE(fits(other, honest));
    other = match;
    other.kind = ExchangeKind::Scrape;
    CHECK_FALSE(fits(other, honest));
    other = match;
    other.event = wire::AnnounceEvent::None;
    CHECK_FALSE(fits(other, honest));
}

TEST_CASE("a scrape fits a rule about a torrent when it names it among others") {
    HonestExchange honest;
    const std::vector<InfoHash> hashes = {test::hash_of(1), test::hash_of(2)};
    honest.exchange.kind = ExchangeKind::Scrape;
    honest.exchange.announce = nullptr;
    honest.exchange.scrape = hashes;
    RuleMatch match;
    match.info_hash = test::hash_of(2);
    CHECK(fits(match, honest));
    match.info_hash = test::hash_of(3);
    CHECK_FALSE(fits(match, honest));
}

TEST_CASE("a rule holds from a time until another, counted from the start") {
    HonestExchange honest;
    RuleMatch match;
    match.from = seconds(10);
    match.until = seconds(20);
    const auto fits_at = [&](std::int64_t s) {
        honest.exchange.time = TimePoint(seconds(s));
        return fits(match, honest);
    };
    CHECK_FALSE(fits_at(9));
    CHECK(fits_at(10));
    CHECK(fits_at(19));
    CHECK_FALSE(fits_at(20));
}

TEST_CASE("nth, every and first count the requests of each peer by itself") {
    RuleMatch third;
    third.nth = 3;
    RuleMatch every_second;
    every_second.every = 2;
    RuleMatch first_two;
    first_two.first = 2;
    const auto run = [](const RuleMatch& match) {
        RuleBook book = book_of({rule_of(match)});
        HonestExchange a;
        HonestExchange b;
        b.announce.peer_id = test::peer_id_of("-YY0001-");
        std::string pattern;
        for (int i = 0; i < 5; ++i) {
            const bool hit = !applied(book, a).empty();
            CHECK(hit == !applied(book, b).empty());
            pattern += hit ? 'x' : '.';
        }
        return pattern;
    };
    CHECK(run(third) == "..x..");
    CHECK(run(every_second) == ".x.x.");
    CHECK(run(first_two) == "xx...");
}

TEST_CASE("a rule may count the requests of all peers together") {
    RuleMatch match;
    match.nth = 2;
    match.count_all = true;
    RuleBook book = book_of({rule_of(match)});
    HonestExchange a;
    HonestExchange b;
    b.announce.peer_id = test::peer_id_of("-YY0001-");
    CHECK(applied(book, a).empty());
    CHECK(applied(book, b) == "r");
    CHECK(applied(book, a).empty());
}

TEST_CASE("rules for the first, second and third request each get theirs") {
    std::vector<Rule> rules;
    for (std::uint64_t n = 1; n <= 3; ++n) {
        RuleMatch match;
        match.nth = n;
        rules.push_back(rule_of(match, std::to_string(n)));
    }
    RuleBook book = book_of(std::move(rules));
    HonestExchange honest;
    CHECK(applied(book, honest) == "1");
    CHECK(applied(book, honest) == "2");
    CHECK(applied(book, honest) == "3");
    CHECK(applied(book, honest).empty());
}

TEST_CASE("over UDP a peer that has not said its peer id is its address and port") {
    RuleMatch match;
    match.nth = 2;
    RuleBook book = book_of({rule_of(match)});
    HonestExchange a(Door::Udp, "127.0.0.1:1000");
    HonestExchange b(Door::Udp, "127.0.0.1:1001");
    a.set_connect();
    b.set_connect();
    CHECK(applied(book, a).empty());
    CHECK(applied(book, b).empty());
    CHECK(applied(book, a) == "r");
}

TEST_CASE("share applies to about that part of the requests, the same ones for the same rng_seed") {
    RuleMatch match;
    match.share = kShareWhole / 4;
    const auto run = [&] {
        RuleBook book = book_of({rule_of(match)});
        HonestExchange honest;
        std::string pattern;
        for (int i = 0; i < 2000; ++i) pattern += applied(book, honest).empty() ? '.' : 'x';
        return pattern;
    };
    const std::string pattern = run();
    CHECK(pattern == run());
    CHECK(std::count(pattern.begin(), pattern.end(), 'x') == Approx(500).margin(80));
}

TEST_CASE("a rule whose action does not apply here passes, and the next one has its turn") {
    Rule udp_only = rule_of({}, "udp only");
    udp_only.action.kind = ActionKind::TransactionId;
    RuleBook book = book_of({udp_only, rule_of({}, "any")});
    HonestExchange http;
    HonestExchange udp(Door::Udp);
    CHECK(applied(book, http) == "any");
    CHECK(applied(book, udp) == "udp only");
    CHECK(book.counters(0).fitted == 1);
}

TEST_CASE("bad input: peers beyond the limit are counted together, those known go on by themselves") {
    RuleMatch match;
    match.nth = 2;
    RuleBook book = book_of({rule_of(match)});
    HonestExchange honest;
    const auto ask = [&](std::size_t number) {
        honest.announce.peer_id = test::peer_id_of("-" + std::to_string(number));
        return !applied(book, honest).empty();
    };
    for (std::size_t i = 0; i < kMaxCountedPeers; ++i) CHECK_FALSE(ask(i));
    CHECK(ask(0));
    CHECK_FALSE(ask(kMaxCountedPeers));  // the first of the others
    CHECK(ask(kMaxCountedPeers + 1));    // and the second
    CHECK(ask(kMaxCountedPeers - 1));
}
