#include "tracker/pages.h"

#include "tests/support/catch.h"
#include "tests/support/times.h"
#include "tests/unit/tracker/exchanges.h"
#include "tracker/observer.h"
#include "tracker/paced_answer.h"

using namespace bt;
using namespace bt::tracker;
using test::HonestExchange;

namespace {

using bt::test_time::at;

struct World {
    Watch watch{minutes(15)};
    RateMeter rates;
    RuleBook rules{{}, Rng(1), TimePoint()};
    Pages pages;
    explicit World(PageSettings settings)
        : pages(std::move(settings), {[](TimePoint now) {
                                          Numbers numbers;
                                          numbers.now = now;
                                          numbers.http.announces = 7;
                                          return numbers;
                                      },
                                      [](const InfoHash&, TimePoint) {
                                          return SwarmCounts{1, 2, 3};
                                      },
                                      &rates, &rules, &watch}) {}

    std::string get(const std::string& target, const char* source = "127.0.0.1", const char* method = "GET") {
        auto answer = pages.page({method, target, true, ""}, *Address::parse(source), at(1));
        return answer ? to_string(answer->delivery->steps.at(0).bytes) : "none";
    }
};

}  // namespace

TEST_CASE("pages are for those who are listed; /health is for all") {
    World world({loopback_only(), {*AddressRange::parse("10.0.0.0/8")}, {}});
    CHECK(world.get("/health", "192.0.2.1").ends_with("\r\n\r\nok\n"));
    CHECK(world.get("/").find("<!DOCTYPE html>") != std::string::npos);
    CHECK(world.get("/", "::1") != "none");
    CHECK(world.get("/", "::ffff:127.0.0.1") != "none");
    CHECK(world.get("/", "10.0.0.1") == "none");
    CHECK(world.get("/metrics") == "none");
    CHECK(world.get("/metrics", "10.0.0.1").find("swarm_tracker_requests_total{door=\"http\",kind=\"announce\"} 7\n") !=
          std::string::npos);
    CHECK(world.get("/stats.json", "10.0.0.1").find("\"announces\":7") != std::string::npos);
    CHECK(world.get("/", "127.0.0.1", "POST") == "none");
    CHECK(world.get("/etc/passwd") == "none");
    CHECK(World({{}, {}, {}}).get("/") == "none");
}

TEST_CASE("the page may load nothing but its own files, and a HEAD has no body") {
    World world({loopback_only(), {}, {}});
    const std::string page = world.get("/");
    CHECK(page.find("Content-Security-Policy: default-src 'none'; script-src 'self'") != std::string::npos);
    CHECK(page.find("http://") == std::string::npos);
    CHECK(page.find("https://") == std::string::npos);
    CHECK(world.get("/", "127.0.0.1", "HEAD").ends_with("\r\n\r\n"));
    for (const char* file : {"/web/page.css", "/web/page.js"}) CHECK(world.get(file).size() > 1000);
}

TEST_CASE("the state names swarms, peers and the exchanges behind a number") {
    World world({loopback_only(), {}, {{test::hash_of(0xab), "a name"}}});
    HonestExchange honest;
    world.watch.on_seen(honest.exchange, nullptr);
    const std::string state = world.get("/web/state.json?after=0");
    CHECK(state.find("\"name\":\"a name\",\"complete\":1,\"incomplete\":2,\"downloaded\":3") != std::string::npos);
    CHECK(state.find("\"told\":[\"127.0.0.1:7001\",\"127.0.0.2:7002\"]") != std::string::npos);
    CHECK(state.find("\"number\":1,") != std::string::npos);
    CHECK(world.get("/web/state.json?after=1").find("\"number\":") == std::string::npos);
    const std::string detail = world.get("/web/exchange.json?number=1");
    CHECK(detail.find("\"name\":\"left\",\"value\":\"10\"") != std::string::npos);
    for (const char* gone : {"?number=2", "?number=0", "?number=-1", "?number=99999999999999999999", ""}) {
        CHECK(world.get("/web/exchange.json" + std::string(gone)).ends_with("{\"gone\":true}"));
    }
}

TEST_CASE("bad input: what peers say stays text in the state") {
    World world({loopback_only(), {}, {}});
    HonestExchange honest;
    honest.announce.peer_id = test::peer_id_of("</script>\"\\\xff");
    world.watch.on_seen(honest.exchange, nullptr);
    const std::string state = world.get("/web/state.json");
    CHECK(state.find("</script>") == std::string::npos);
    CHECK(state.find("\\u003c/script\\u003e\\\"\\\\.-") != std::string::npos);
}

TEST_CASE("rates are what was counted over the time that passed") {
    RateMeter rates;
    Numbers numbers;
    CHECK(rates.over(seconds(10)).announces == 0);
    for (std::int64_t s = 0; s <= 100; ++s) {
        numbers.now = at(static_cast<double>(s));
        numbers.http.announces += s < 90 ? 2 : 20;
        numbers.udp.connects += 1;
        rates.sample(numbers);
    }
    CHECK(rates.over(seconds(10)).announces == Approx(20));
    CHECK(rates.over(seconds(60)).announces == Approx((49 * 2 + 11 * 20) / 60.0));
    CHECK(rates.over(seconds(60)).connects == Approx(1));
}

TEST_CASE("an answer goes out at its pace, and silence is over after its time") {
    PacedAnswer paced;
    OutputQueue out;
    auto delivery = std::make_unique<Delivery>();
    delivery->steps = {{Duration::zero(), {1, 2}}, {seconds(2), {3}}, {Duration::zero(), {4}}};
    delivery->end = Delivery::End::Reset;
    paced.begin(std::move(delivery), at(0));
    paced.advance(at(0), out);
    CHECK(out.size() == 2);
    CHECK_FALSE(paced.is_over());
    CHECK(paced.next_deadline() == at(2));
    paced.advance(at(2), out);
    CHECK(out.size() == 4);
    REQUIRE(paced.is_over());
    CHECK(paced.end() == Delivery::End::Reset);
    CHECK_FALSE(paced.is_active());
    CHECK(paced.next_deadline() == kNever);

    paced.begin(std::make_unique<Delivery>(), at(0));
    paced.advance(at(1), out);
    CHECK_FALSE(paced.is_over());
    paced.advance(TimePoint(kSilence), out);
    REQUIRE(paced.is_over());
    CHECK(paced.end() == Delivery::End::Close);
}
