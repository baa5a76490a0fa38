// Announces over simulated datagrams.

#include "common/engine/udp_tracker_hub.h"
#include "tests/unit/engine/tracker_hosts.h"

using namespace bt;
using namespace bt::test;

namespace {

std::vector<std::vector<std::string>> at_udp(const std::string& path = "") { return {{"udp://10.0.0.2:6970" + path}}; }

}  // namespace

TEST_CASE("started, the regular announces, completed and stopped go out over UDP when they are due") {
    World world({.rng_seed = 1});
    UdpHost tracker(world, at(2, kUdp), [](const UdpHost::Asked&) { return udp_minute(); });
    Client client(world, at_udp("/announce"));
    client.announcer.start();
    world.simulator().run_until(TimePoint(seconds(119)));
    REQUIRE(tracker.asked.size() == 2);
    const wire::UdpAnnounceRequest first = *tracker.asked[0].announce();
    CHECK(first.announce.event == wire::AnnounceEvent::Started);
    CHECK(first.announce.left == 1000);
    CHECK(first.announce.port == 6881);
    CHECK(first.announce.numwant == 50u);
    CHECK(first.url_data == "/announce");
    CHECK(first.key != 0);
    CHECK(tracker.asked[0].from.address == at(1).address);
    CHECK(tracker.asked[1].announce()->announce.event == wire::AnnounceEvent::None);
    CHECK(tracker.asked[1].announce()->key == first.key);
    CHECK(client.peers == std::vector<Endpoint>(2, at(9)));
    CHECK(client.failures.empty());

    client.announcer.on_completed();
    world.simulator().run_for(seconds(1));
    REQUIRE(tracker.asked.size() == 3);
    CHECK(tracker.asked[2].announce()->announce.event == wire::AnnounceEvent::Completed);

    client.announcer.stop();
    world.simulator().run_for(seconds(10));
    REQUIRE(tracker.asked.size() == 4);
    CHECK(tracker.asked[3].announce()->announce.event == wire::AnnounceEvent::Stopped);
    CHECK(client.finished == 1);
    // The second announce came more than 60 s behind the first connection id; the last two use what it got.
    CHECK(tracker.connects.size() == 2);
}

TEST_CASE("a packet that is lost is sent again within the announce") {
    World world({.rng_seed = 2});
    int silent = GENERATE(1, 2);
    UdpHost tracker(world, at(2, kUdp), [&](const UdpHost::Asked&) -> UdpHost::Body {
        if (silent-- > 0) return std::nullopt;
        return udp_minute();
    });
    Client client(world, at_udp());
    client.announcer.start();
    world.simulator().run_for(engine::kAnnounceTimeout);
    CHECK(client.answers == 1);
    CHECK(client.failures.empty());
}

TEST_CASE("bad input: UDP replies with wrong transaction ids are not believed") {
    World world({.rng_seed = 3});
    UdpHost tracker(world, at(2, kUdp), [](const UdpHost::Asked&) { return udp_minute(); });
    Client client(world, at_udp());
    SECTION("now and then: the question is asked again") {
        tracker.wrong_ids = 2;
        client.announcer.start();
        world.simulator().run_for(engine::kAnnounceTimeout);
        CHECK(client.answers == 1);
        CHECK(client.failures.empty());
    }
    SECTION("always: the announce fails after 15 s") {
        tracker.wrong_ids = 1'000'000;
        client.announcer.start();
        world.simulator().run_for(engine::kAnnounceTimeout);
        CHECK(client.answers == 0);
        REQUIRE(client.failures.size() == 1);
        CHECK(client.failures[0].second.code == ErrorCode::TimedOut);
        CHECK(client.peers.empty());
    }
}

TEST_CASE("an error packet is the tracker's refusal, in its own words") {
    World world({.rng_seed = 4});
    UdpHost tracker(world, at(2, kUdp), [](const UdpHost::Asked&) { return wire::UdpErrorReply{"not on my list"}; });
    Client client(world, at_udp());
    client.announcer.start();
    world.simulator().run_for(seconds(4));
    REQUIRE(client.failures.size() == 1);
    CHECK(client.failures[0].second.code == ErrorCode::TrackerFailure);
    CHECK(client.failures[0].second.message().find("not on my list") != std::string::npos);
}

TEST_CASE("where nobody listens on the UDP port the next tracker is asked at once") {
    World world({.rng_seed = 5});
    UdpHost tracker(world, at(2, kUdp), [](const UdpHost::Asked&) { return udp_minute(); });
    tracker.shut();
    HttpHost other(world, 3, [](const HttpHost::Asked&) { return one_minute(); });
    Client client(world, {at_udp()[0], at_tracker(3)[0]});
    client.announcer.start();
    world.simulator().run_for(seconds(1));
    CHECK(client.failures.size() == 1);
    CHECK(client.answers == 1);
}

TEST_CASE("a UDP tracker that does not answer ends the announce after 15 s, and the next tracker is asked") {
    World world({.rng_seed = 6});
    UdpHost tracker(world, at(2, kUdp), [](const UdpHost::Asked&) { return std::nullopt; });
    HttpHost other(world, 3, [](const HttpHost::Asked&) { return one_minute(); });
    Client client(world, {at_udp()[0], at_tracker(3)[0]});
    client.announcer.start();
    world.simulator().run_until(TimePoint(milliseconds(14'999)));
    CHECK(client.failures.empty());
    world.simulator().run_until(TimePoint(seconds(16)));
    CHECK(client.failures.size() == 1);
    CHECK(client.answers == 1);
}

TEST_CASE("the torrents of a node share one connection id and one socket, which is closed when nobody needs it") {
    World world({.rng_seed = 7});
    UdpHost tracker(world, at(2, kUdp), [](const UdpHost::Asked&) { return udp_minute(); });
    Client client(world, {});
    const auto hub = std::make_shared<engine::UdpTrackerHub>(client.env, Rng(7));
    std::vector<std::unique_ptr<engine::Announcer>> announcers;
    for (std::uint64_t i = 0; i < 3; ++i) {
        announcers.push_back(std::make_unique<engine::Announcer>(engine::TrackerContext{&client.env, hub, nullptr},
                                                                 client, engine::AnnouncerSettings{.tiers = at_udp()},
                                                                 telemetry::Telemetry{}, Rng(i)));
        announcers.back()->start();
    }
    world.simulator().run_for(seconds(1));
    CHECK(client.answers == 3);
    CHECK(tracker.connects.size() == 1);
    CHECK(hub->socket_count() == 1);
    announcers.clear();
    world.simulator().run_for(seconds(61));
    CHECK(hub->socket_count() == 0);
}

TEST_CASE("destroying an announcer in the middle of a UDP announce leaves nothing behind") {
    World world({.rng_seed = 8});
    UdpHost tracker(world, at(2, kUdp), [](const UdpHost::Asked&) { return udp_minute(); });
    Client keeper(world, {});
    const auto hub = std::make_shared<engine::UdpTrackerHub>(keeper.env, Rng(7));
    for (int ms = 0; ms < 100; ms += 7) {
        auto announcer = std::make_unique<engine::Announcer>(engine::TrackerContext{&keeper.env, hub, nullptr}, keeper,
                                                             engine::AnnouncerSettings{.tiers = at_udp()},
                                                             telemetry::Telemetry{}, Rng(1));
        announcer->start();
        world.simulator().run_for(milliseconds(ms));
        announcer.reset();
        world.simulator().run_for(seconds(90));
        CHECK(hub->socket_count() == 0);
    }
}

TEST_CASE("a UDP tracker is asked over both families, where both are ours, with one key") {
    World world({.rng_seed = 9});
    std::array<Byte, 16> bytes{0xfd};
    bytes[15] = 2;
    const Address tracker6 = Address::v6(bytes);
    bytes[15] = 1;
    const Address client6 = Address::v6(bytes);
    bytes[15] = 9;
    const Endpoint peer6{Address::v6(bytes), kPort};
    UdpHost four(world, at(2, kUdp), [](const UdpHost::Asked&) { return udp_minute(); });
    UdpHost six(world, {tracker6, kUdp}, [&](const UdpHost::Asked&) {
        return wire::UdpAnnounceReply{60, 1, 2, {peer6}};
    });
    world.add_name("tracker.test", at(2).address);
    world.add_name("tracker.test", tracker6);
    Client client(world, {{"udp://tracker.test:6970"}}, [](auto&, engine::AnnouncerSettings& settings) {
        const std::vector<Endpoint> all{{Address(), kPort}, {Address::v6({}), kPort}};
        settings.routes = engine::announce_routes(all, std::nullopt);
    });
    world.network().add_address(client.env.host(), client6);
    client.announcer.start();
    SECTION("both answer") {
        world.simulator().run_for(seconds(1));
        CHECK(client.answers == 2);
        CHECK(client.peers.size() == 2);
        REQUIRE(four.asked.size() == 1);
        REQUIRE(six.asked.size() == 1);
        CHECK(four.asked[0].announce()->key == six.asked[0].announce()->key);
        CHECK(six.asked[0].from.address == client6);
    }
    SECTION("one is enough, and its peers do not wait for the other") {
        six.shut();
        world.network().partition(six.env().host());
        world.simulator().run_for(seconds(1));
        CHECK(client.answers == 1);
        CHECK(client.peers == std::vector<Endpoint>{at(9)});
        world.simulator().run_for(seconds(20));
        CHECK(client.failures.empty());
        CHECK(client.announcer.client().has_ever_succeeded());
    }
}
