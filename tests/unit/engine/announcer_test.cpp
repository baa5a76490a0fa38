// Announces over simulated streams, against trackers that answer as the test says.

#include "common/engine/announcer.h"

#include "tests/unit/engine/tracker_hosts.h"

using namespace bt;
using namespace bt::test;

TEST_CASE("started, the regular announces, completed and stopped go out exactly when they are due") {
    World world({.rng_seed = 1});
    HttpHost tracker(world, 2, [](const HttpHost::Asked&) { return one_minute(); });
    Client client(world, at_tracker());
    client.announcer.start();
    world.simulator().run_until(TimePoint(seconds(119)));
    REQUIRE(tracker.asked.size() == 2);
    CHECK(tracker.asked[0].path == "/announce");
    CHECK(tracker.asked[0].has("event=started"));
    CHECK(tracker.asked[0].has("numwant=50"));
    CHECK(tracker.asked[0].time == TimePoint(milliseconds(60)));  // two trips for the connection, one for the request
    CHECK_FALSE(tracker.asked[1].has("event="));
    CHECK(tracker.asked[1].time == TimePoint(seconds(60) + milliseconds(80 + 60)));
    CHECK(client.peers == std::vector<Endpoint>(2, at(9)));

    client.announcer.on_completed();
    world.simulator().run_for(seconds(1));
    REQUIRE(tracker.asked.size() == 3);
    CHECK(tracker.asked[2].has("event=completed"));
    CHECK(tracker.asked[2].time == TimePoint(seconds(119) + milliseconds(60)));

    client.announcer.stop();
    world.simulator().run_for(seconds(10));
    REQUIRE(tracker.asked.size() == 4);
    CHECK(tracker.asked[3].has("event=stopped"));
    CHECK(tracker.asked[3].has("numwant=0"));
    CHECK(client.finished == 1);
    CHECK(client.finished_at == TimePoint(seconds(120) + milliseconds(80)));
    world.simulator().run_for(minutes(10));
    CHECK(tracker.asked.size() == 4);
    CHECK(client.finished == 1);
}

TEST_CASE("five redirects are followed, a sixth is not") {
    World world({.rng_seed = 2});
    const int redirects = GENERATE(1, 5, 6);
    HttpHost tracker(world, 2, [&](const HttpHost::Asked& asked) -> std::optional<std::string> {
        const int step = asked.path == "/announce" ? 0 : std::stoi(asked.path.substr(2));
        if (step == redirects) return one_minute();
        return "HTTP/1.1 302 Found\r\nLocation: /r" + std::to_string(step + 1) + "?" + asked.query +
               "\r\nContent-Length: 0\r\n\r\n";
    });
    Client client(world, at_tracker());
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    CHECK(client.answers == (redirects <= 5 ? 1 : 0));
    CHECK(client.failures.size() == (redirects <= 5 ? 0 : 1));
    CHECK(tracker.asked.size() == static_cast<std::size_t>(std::min(redirects, 5)) + 1);
    CHECK(tracker.asked.back().has("event=started"));
}

TEST_CASE("a redirect to something that is not HTTP is a failure like others") {
    World world({.rng_seed = 3});
    const std::string to = GENERATE(as<std::string>(), "https://10.0.0.2/", "udp://10.0.0.2:1", "http://", ":::");
    HttpHost tracker(world, 2, [&](const HttpHost::Asked&) {
        return "HTTP/1.1 301 Moved\r\nLocation: " + to + "\r\nContent-Length: 0\r\n\r\n";
    });
    Client client(world, at_tracker());
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    CHECK(client.failures.size() == 1);
    CHECK(tracker.asked.size() == 1);
    world.simulator().run_for(seconds(4));
    CHECK(tracker.asked.size() == 2);  // and is tried again
}

TEST_CASE("an announce that is not answered ends after 15 s and is made again") {
    World world({.rng_seed = 4});
    HttpHost tracker(world, 2, [](const HttpHost::Asked&) { return std::nullopt; });
    Client client(world, at_tracker());
    client.announcer.start();
    world.simulator().run_until(TimePoint(milliseconds(14'999)));
    CHECK(client.failures.empty());
    world.simulator().run_until(TimePoint(seconds(15)));
    REQUIRE(client.failures.size() == 1);
    CHECK(client.failures[0].second.code == ErrorCode::TimedOut);
    world.simulator().run_until(TimePoint(seconds(22)));
    CHECK(tracker.asked.size() == 2);
}

TEST_CASE("a tracker that is down is asked again, later each time, until it is up") {
    World world({.rng_seed = 5});
    HttpHost tracker(world, 2, [](const HttpHost::Asked&) { return one_minute(); });
    tracker.shut();
    Client client(world, at_tracker());
    client.announcer.start();
    world.simulator().run_until(TimePoint(seconds(40)));
    REQUIRE(client.failures.size() >= 3);
    const Duration first = client.failures[1].first - client.failures[0].first;
    const Duration second = client.failures[2].first - client.failures[1].first;
    CHECK(first >= seconds(5));
    CHECK(first <= milliseconds(6300));
    CHECK(second >= seconds(10));
    CHECK(second <= milliseconds(12'600));
    tracker.open();
    world.simulator().run_until(TimePoint(seconds(100)));
    REQUIRE(client.answers >= 1);
    CHECK(tracker.asked[0].has("event=started"));
}

TEST_CASE("replies that say no or say nothing usable are failures with a reason") {
    World world({.rng_seed = 6});
    const auto [reply, reason] = GENERATE(table<std::string, std::string>({
        {ok("d14:failure reason9:not todaye"), "not today"},
        {ok("<html>welcome</html>"), ""},
        {ok(""), ""},
        {"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", "404"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 9999999\r\n\r\n", ""},
        {"\x13"
         "BitTorrent protocol",
         ""},
        {"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n\r\n", "302"},
    }));
    HttpHost tracker(world, 2, [&](const HttpHost::Asked&) { return reply; });
    Client client(world, at_tracker());
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    CAPTURE(reply);
    REQUIRE(client.failures.size() == 1);
    CHECK(client.failures[0].second.message().find(reason) != std::string::npos);
    CHECK(client.answers == 0);
    client.announcer.stop();
    world.simulator().run_for(seconds(4));
    CHECK(client.finished == 1);
    CHECK(tracker.asked.size() == 1);  // it never took a `started`, so there is no `stopped`
}

TEST_CASE("a reply may come in chunks, or end with the connection") {
    World world({.rng_seed = 7});
    const bool chunked = GENERATE(true, false);
    HttpHost tracker(world, 2, [&](const HttpHost::Asked&) -> std::optional<std::string> {
        if (chunked) {
            return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                   "5\r\nd8:in\r\n14\r\ntervali60e5:peers0:e\r\n0\r\n\r\n";
        }
        return "HTTP/1.1 200 OK\r\n\r\nd8:intervali60e5:peers0:e";
    });
    tracker.hangs_up = !chunked;
    Client client(world, at_tracker());
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    CHECK(client.answers == 1);
    CHECK(client.failures.empty());
}

TEST_CASE("a connection that ends in the middle of a reply is a failure") {
    World world({.rng_seed = 8});
    HttpHost tracker(
        world, 2, [&](const HttpHost::Asked&) { return "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nd8:interval"; });
    tracker.hangs_up = true;
    Client client(world, at_tracker());
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    CHECK(client.failures.size() == 1);
    CHECK(client.answers == 0);
}

TEST_CASE("when the first address of a name does not answer the second is tried within the same announce") {
    World world({.rng_seed = 9});
    const bool refuses = GENERATE(true, false);
    SimEnv& dead = world.add_host("dead", at(3).address);
    if (!refuses) world.network().partition(dead.host());
    HttpHost tracker(world, 2, [](const HttpHost::Asked&) { return one_minute(); });
    world.add_name("tracker.test", at(3).address);
    world.add_name("tracker.test", at(2).address);
    Client client(world, {{"http://tracker.test:6969/announce"}});
    client.announcer.start();
    world.simulator().run_for(engine::kAnnounceTimeout);
    CHECK(client.answers == 1);
    CHECK(client.failures.empty());
}

TEST_CASE("a name without an address, and one of the other family only, are failures") {
    World world({.rng_seed = 10});
    std::array<Byte, 16> six{};
    six[15] = 9;
    world.add_name("six.test", Address::v6(six));
    const std::string host = GENERATE(as<std::string>(), "six.test", "nobody.test");
    Client client(world, {{"http://" + host + ":6969/announce"}});
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    REQUIRE(client.failures.size() == 1);
    CHECK(client.failures[0].second.code == ErrorCode::NotFound);
}

TEST_CASE("stopping while an announce is under way takes no more than its bound") {
    World world({.rng_seed = 11});
    bool answers = true;
    HttpHost tracker(world, 2, [&](const HttpHost::Asked&) -> std::optional<std::string> {
        if (answers) return one_minute();
        return std::nullopt;
    });
    Client client(world, at_tracker());
    const bool was_accepted = GENERATE(false, true);
    if (was_accepted) {
        client.announcer.start();
        world.simulator().run_until(TimePoint(seconds(60)));
        answers = false;
        world.simulator().run_until(TimePoint(seconds(62)));
        REQUIRE(tracker.asked.size() == 2);
    } else {
        answers = false;
        client.announcer.start();
        world.simulator().run_until(TimePoint(seconds(2)));
        REQUIRE(tracker.asked.size() == 1);
    }
    const TimePoint stopped = world.now();
    client.announcer.stop();
    CHECK(client.finished == 0);
    world.simulator().run_for(seconds(20));
    CHECK(client.finished == 1);
    // 2 s in all: half for the one under way, the rest for the `stopped`, which only a tracker that took our `started`
    // gets.
    CHECK(client.finished_at - stopped <= engine::kStoppedTimeout);
    CHECK(tracker.asked.size() == (was_accepted ? 3 : 1));
    CHECK(tracker.asked.back().has(was_accepted ? "event=stopped" : "event=started"));
}

TEST_CASE("a started that is answered while we stop is followed by the stopped") {
    World world({.rng_seed = 12});
    HttpHost tracker(world, 2, [](const HttpHost::Asked&) { return one_minute(); });
    Client client(world, at_tracker());
    client.announcer.start();
    world.simulator().run_until(TimePoint(milliseconds(50)));
    client.announcer.stop();
    world.simulator().run_for(seconds(5));
    REQUIRE(tracker.asked.size() == 2);
    CHECK(tracker.asked[1].has("event=stopped"));
    CHECK(client.finished == 1);
    CHECK(client.answers == 0);  // peers are of no use any more
}

TEST_CASE("without trackers stopping is over at once") {
    World world({.rng_seed = 13});
    Client client(world, {});
    client.announcer.start();
    world.simulator().run_for(seconds(1));
    client.announcer.stop();
    world.simulator().run_for(seconds(1));
    CHECK(client.finished == 1);
}

TEST_CASE("a torrent may name as many trackers as it likes that we do not speak to") {
    World world({.rng_seed = 14});
    HttpHost tracker(world, 2, [](const HttpHost::Asked&) { return one_minute(); });
    std::vector<std::vector<std::string>> tiers;
    for (int i = 0; i < 200'000; ++i) tiers.push_back({"udp://t" + std::to_string(i)});
    tiers.push_back(at_tracker()[0]);
    Client client(world, std::move(tiers));
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    CHECK(client.answers == 1);
}

TEST_CASE("destroying an announcer in the middle of anything leaves nothing behind") {
    World world({.rng_seed = 15});
    HttpHost tracker(world, 2, [](const HttpHost::Asked&) { return one_minute(); });
    Client keeper(world, {});
    for (int ms = 0; ms < 90; ms += 3) {
        auto announcer = std::make_unique<engine::Announcer>(engine::TrackerContext{.env = &keeper.env}, keeper,
                                                             engine::AnnouncerSettings{.tiers = at_tracker()},
                                                             telemetry::Telemetry{}, Rng(1));
        announcer->start();
        world.simulator().run_for(milliseconds(ms));
        announcer.reset();
        world.simulator().run_for(seconds(1));
    }
    CHECK(world.network().open_streams(keeper.env.host()) == 0);
}
