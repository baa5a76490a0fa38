// IPv4 and IPv6 at once: listeners on one port, peers of both, and an announce over each.

#include "common/engine/listeners.h"
#include "tests/unit/engine/tracker_hosts.h"

using namespace bt;
using namespace bt::test;

namespace {

Address six(Byte host) {
    std::array<Byte, 16> bytes{0xfd};
    bytes[15] = host;
    return Address::v6(bytes);
}

const Endpoint kAny4{Address(), kPort};
const Endpoint kAny6{Address::v6({}), kPort};

Node::Change both(std::vector<Endpoint> peers = {}, std::vector<std::vector<std::string>> trackers = {}) {
    return [peers = std::move(peers), trackers = std::move(trackers)](engine::EngineSettings& settings,
                                                                      engine::TorrentOptions& options) {
        settings.listen = kAny4;
        settings.families = engine::Families::Both;
        settings.source.reset();
        options.manual_peers = peers;
        options.tracker_tiers = trackers;
    };
}

std::unique_ptr<env::Listener> occupy(SimEnv& env, const Endpoint& local) {
    return env.listen(local, [](std::unique_ptr<env::Stream>) {}).value();
}

}  // namespace

TEST_CASE("both families are listened to on one port, where the machine has them and all addresses are asked for") {
    World world({.rng_seed = 1});
    SimEnv& env = world.add_host("a", at(1).address);
    const auto ignore = [](std::unique_ptr<env::Stream>) {};
    engine::Listeners listeners;
    REQUIRE(listeners.open(env, kAny4, engine::Families::Both, ignore));
    CHECK(listeners.endpoints() == std::vector<Endpoint>{kAny4});  // no IPv6 here
    listeners.close();
    world.network().add_address(env.host(), six(1));
    REQUIRE(listeners.open(env, kAny4, engine::Families::Both, ignore));
    CHECK(listeners.endpoints() == std::vector<Endpoint>{kAny4, kAny6});
    listeners.close();
    CHECK(listeners.endpoints().empty());
    REQUIRE(listeners.open(env, at(1), engine::Families::Both, ignore));
    CHECK(listeners.endpoints() == std::vector<Endpoint>{at(1)});
    listeners.close();
    REQUIRE(listeners.open(env, kAny4, engine::Families::One, ignore));
    CHECK(listeners.endpoints() == std::vector<Endpoint>{kAny4});
}

TEST_CASE("a port that is taken over IPv6 is an error when it was asked for, else another is taken") {
    World world({.rng_seed = 2});
    SimEnv& env = world.add_host("a", at(1).address);
    world.network().add_address(env.host(), six(1));
    const auto ignore = [](std::unique_ptr<env::Stream>) {};
    const auto taken = occupy(env, kAny6);
    engine::Listeners listeners;
    const Status refused = listeners.open(env, kAny4, engine::Families::Both, ignore);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == ErrorCode::AddressInUse);
    CHECK(listeners.endpoints().empty());
    CHECK(env.listen(kAny4, ignore).has_value());  // nothing is left behind

    // The ports that this world would choose next.
    std::vector<std::unique_ptr<env::Listener>> all;
    const std::uint16_t first = occupy(env, {Address(), 0})->local_endpoint().port;
    for (int i = 1; i < engine::kPortTries; ++i) {
        all.push_back(occupy(env, {Address::v6({}), static_cast<std::uint16_t>(first + i)}));
    }
    REQUIRE(listeners.open(env, {Address(), 0}, engine::Families::Both, ignore));
    REQUIRE(listeners.endpoints().size() == 2);
    CHECK(listeners.endpoints()[0].port == first + engine::kPortTries);
    CHECK(listeners.endpoints()[1].port == first + engine::kPortTries);
}

TEST_CASE("a node without an address of its own is dialled over IPv4 and IPv6, and dials both") {
    World world({.rng_seed = 3});
    Node seed(world, small_torrent(), 1, both());
    Node over_four(world, small_torrent(), 2, both({at(1)}));
    Node over_six(world, small_torrent(), 3, both({{six(1), kPort}}));
    world.network().add_address(seed.env().host(), six(1));
    world.network().add_address(over_six.env().host(), six(3));
    seed.place();
    seed.start();
    over_four.start();
    over_six.start();
    world.simulator().run_for(seconds(60));
    CHECK(over_four.torrent->is_complete());
    CHECK(over_six.torrent->is_complete());
}

TEST_CASE("a node that listens on both families announces over both, once each, and uses the peers of both") {
    World world({.rng_seed = 4});
    const Endpoint peer6{six(9), kPort};
    UdpHost four(world, at(20, kUdp), [](const UdpHost::Asked&) { return udp_minute(); });
    UdpHost other(world, {six(20), kUdp}, [&](const UdpHost::Asked&) {
        return wire::UdpAnnounceReply{60, 1, 2, {peer6}};
    });
    world.add_name("tracker.test", at(20).address);
    world.add_name("tracker.test", six(20));
    Node node(world, small_torrent(), 1, both({}, {{"udp://tracker.test:6970"}}));
    world.network().add_address(node.env().host(), six(1));
    node.start();
    world.simulator().run_for(seconds(2));
    REQUIRE(four.asked.size() == 1);
    REQUIRE(other.asked.size() == 1);
    CHECK(four.asked[0].from.address == at(1).address);
    CHECK(other.asked[0].from.address == six(1));
    CHECK(four.asked[0].announce()->announce.port == kPort);
    CHECK(four.asked[0].announce()->key == other.asked[0].announce()->key);
    CHECK(node.torrent->torrent()->peer_list().known() == 2);
}

TEST_CASE("a tracker of one family only is no failure, and when it is down the reason is its own") {
    World world({.rng_seed = 5});
    HttpHost tracker(world, 2, [](const HttpHost::Asked&) { return one_minute(); });
    const std::vector<Endpoint> all{kAny4, kAny6};
    Client client(world, at_tracker(), [&](auto&, engine::AnnouncerSettings& settings) {
        settings.routes = engine::announce_routes(all, std::nullopt);
    });
    SECTION("up") {
        client.announcer.start();
        world.simulator().run_for(seconds(4));
        CHECK(client.answers == 1);
        CHECK(client.failures.empty());
    }
    SECTION("down") {
        tracker.shut();
        client.announcer.start();
        world.simulator().run_for(seconds(4));
        REQUIRE(client.failures.size() == 1);
        CHECK(client.failures[0].second.code == ErrorCode::ConnectFailed);
    }
}

TEST_CASE("peers of the other family are not dialled from an address of one") {
    World world({.rng_seed = 6});
    HttpHost mixed(world, 21, [](const HttpHost::Asked&) {
        std::string body = "d8:intervali60e6:peers618:";
        const Address peer = six(9);
        body += to_string(peer.bytes()) + std::string("\x1a\xe1", 2) + "5:peers6:";
        return ok(body + std::string("\x0a\x00\x00\x09\x1a\xe1", 6) + "e");
    });
    Node node(world, small_torrent(), 1, [](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.tracker_tiers = {{"http://10.0.0.21:6969/announce"}};
    });
    node.start();
    world.simulator().run_for(seconds(2));
    CHECK(mixed.asked.size() == 1);
    CHECK(node.torrent->torrent()->peer_list().known() == 1);
}
