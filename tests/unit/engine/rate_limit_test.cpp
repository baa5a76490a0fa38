// Rate limits as the network sees them: bytes a second through the links of a host, in both directions.

#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;

namespace {

constexpr std::uint64_t kKiB = 1024;
constexpr double kPrecision = 0.03;

const TestTorrent& torrent_of(std::uint64_t rng_seed) {
    static const TestTorrent first =
        sim::make_test_torrent({.size = 8u << 20, .piece_length = 256 * 1024, .rng_seed = 5});
    static const TestTorrent second =
        sim::make_test_torrent({.size = 8u << 20, .piece_length = 256 * 1024, .rng_seed = 6});
    return rng_seed == 5 ? first : second;
}

// What went through a host's links between two moments.
struct Gauge {
    Gauge(World& of_world, SimEnv& of_env) : world(of_world), env(of_env) {}
    struct Rates {
        double down = 0, up = 0;  // bytes a second
    };
    Rates over(Duration duration) {
        const sim::HostTraffic before = world.network().traffic(env.host());
        world.simulator().run_for(duration);
        const sim::HostTraffic after = world.network().traffic(env.host());
        return {static_cast<double>(after.bytes_received - before.bytes_received) / to_seconds(duration),
                static_cast<double>(after.bytes_sent - before.bytes_sent) / to_seconds(duration)};
    }
    World& world;
    SimEnv& env;
};

// Seeds of both torrents on hosts of their own, unlimited.
struct Seeds {
    explicit Seeds(World& world) : first(world, torrent_of(5), 2, seeds), second(world, torrent_of(6), 3, seeds) {
        for (Node* node : {&first, &second}) {
            node->place();
            node->start();
        }
    }
    Node first, second;
};

engine::TorrentOptions second_options(const Node& node) {
    engine::TorrentOptions options = node.options();
    options.metainfo = torrent_of(6).metainfo;
    options.paths = storage::paths_in(*torrent_of(6).metainfo, "second");
    options.manual_peers = {at(3)};
    return options;
}

std::uint64_t received(const Node& node) { return node.torrent->snapshot().stats.downloaded; }

}  // namespace

TEST_CASE("an engine's download limit is what comes in, within a few percent") {
    World world({.rng_seed = 1});
    Seeds serving(world);
    Node node(world, torrent_of(5), 1, dials({at(2), at(4)}));
    Node other(world, torrent_of(5), 4, seeds);
    other.place();
    other.start();
    node.engine->set_limits({.download = 200 * kKiB});
    node.start();
    Gauge gauge(world, node.env());
    world.simulator().run_for(seconds(2));
    CHECK(gauge.over(seconds(20)).down == Approx(200.0 * kKiB).epsilon(kPrecision));
    CHECK(node.count("request_expired") == 0);
    CHECK(node.completed == 0);
    world.simulator().run_for(seconds(30));
    CHECK(node.completed == 1);
    CHECK(node.has_content());
}

TEST_CASE("an engine's upload limit is what goes out, and all who download get the same") {
    World world({.rng_seed = 2});
    Node seed(world, torrent_of(5), 1, seeds);
    seed.place();
    seed.engine->set_limits({.upload = 300 * kKiB});
    seed.start();
    // They do not learn of each other: all comes from the seed.
    const Node::Change lonely = [](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.manual_peers = {at(1)};
        options.swarm.peer_exchange = false;
    };
    Node a(world, torrent_of(5), 2, lonely);
    Node b(world, torrent_of(5), 3, lonely);
    Node c(world, torrent_of(5), 4, lonely);
    for (Node* node : {&a, &b, &c}) node->start();
    Gauge gauge(world, seed.env());
    world.simulator().run_for(seconds(2));
    CHECK(gauge.over(seconds(20)).up == Approx(300.0 * kKiB).epsilon(kPrecision));
    for (Node* node : {&a, &b, &c}) {
        CHECK(static_cast<double>(received(*node)) == Approx(22 * 100.0 * kKiB).epsilon(0.06));
    }
}

TEST_CASE("a torrent's limits hold beside the engine's, and what one leaves the other takes") {
    World world({.rng_seed = 3});
    Seeds serving(world);
    Node node(world, torrent_of(5), 1, dials({at(2)}));
    node.engine->set_limits({.download = 200 * kKiB});
    node.start();
    engine::TorrentNode& second = node.engine->add_torrent(second_options(node));
    second.set_limits({.download = 40 * kKiB});
    Gauge gauge(world, node.env());
    world.simulator().run_for(seconds(2));
    const std::uint64_t first_before = received(node);
    const std::uint64_t second_before = second.snapshot().stats.downloaded;
    CHECK(gauge.over(seconds(20)).down == Approx(200.0 * kKiB).epsilon(kPrecision));
    CHECK(static_cast<double>(received(node) - first_before) == Approx(20 * 160.0 * kKiB).epsilon(0.04));
    CHECK(static_cast<double>(second.snapshot().stats.downloaded - second_before) ==
          Approx(20 * 40.0 * kKiB).epsilon(0.06));
}

TEST_CASE("torrents without limits of their own share the engine's equally") {
    World world({.rng_seed = 4});
    Seeds serving(world);
    Node node(world, torrent_of(5), 1, dials({at(2)}));
    node.engine->set_limits({.download = 200 * kKiB});
    node.start();
    engine::TorrentNode& second = node.engine->add_torrent(second_options(node));
    world.simulator().run_for(seconds(20));
    CHECK(static_cast<double>(received(node)) == Approx(20 * 100.0 * kKiB).epsilon(0.05));
    CHECK(static_cast<double>(second.snapshot().stats.downloaded) == Approx(20 * 100.0 * kKiB).epsilon(0.05));
}

TEST_CASE("limits may change in the middle, in both directions and to none") {
    World world({.rng_seed = 5});
    Node seed(world, torrent_of(5), 2, seeds);
    seed.place();
    seed.start();
    Node node(world, torrent_of(5), 1, dials({at(2)}), {1'000'000, 1'000'000});
    node.start();
    Gauge gauge(world, node.env());
    world.simulator().run_for(seconds(1));
    CHECK(gauge.over(milliseconds(1000)).down == Approx(1e6).epsilon(0.1));
    node.torrent->set_limits({.download = 50 * kKiB});
    world.simulator().run_for(seconds(1));
    CHECK(gauge.over(seconds(20)).down == Approx(50.0 * kKiB).epsilon(kPrecision));
    seed.torrent->set_limits({.upload = 20 * kKiB});
    world.simulator().run_for(seconds(15));  // what was on its way, and in the socket's buffer, before that
    CHECK(gauge.over(seconds(20)).down == Approx(20.0 * kKiB).epsilon(kPrecision));
    seed.torrent->set_limits({.upload = 150 * kKiB});
    node.torrent->set_limits({});
    world.simulator().run_for(seconds(1));
    CHECK(gauge.over(seconds(10)).down == Approx(150.0 * kKiB).epsilon(kPrecision));
    seed.torrent->set_limits({});
    world.simulator().run_for(seconds(1));
    CHECK(gauge.over(seconds(1)).down == Approx(1e6).epsilon(0.1));
    world.simulator().run_for(seconds(10));
    CHECK(node.completed == 1);
    CHECK(node.has_content());
}

TEST_CASE("a limit far below a block a round neither stalls nor wakes up often") {
    World world({.rng_seed = 6});
    Node seed(world, small_torrent(), 2, seeds);
    seed.place();
    seed.start();
    Node node(world, small_torrent(), 1, dials({at(2)}));
    const bool uploads = GENERATE(true, false);
    if (uploads) {
        seed.engine->set_limits({.upload = 3000});
    } else {
        node.engine->set_limits({.download = 3000});
    }
    node.start();
    Gauge gauge(world, node.env());
    world.simulator().run_for(seconds(10));
    const std::uint64_t events = world.simulator().events_run();
    CHECK(gauge.over(seconds(100)).down == Approx(3000).epsilon(0.05));
    // A grant of 1 KiB each third of a second, and a few events each for its way.
    CHECK(world.simulator().events_run() - events < 100 * 40);
    world.simulator().run_for(seconds(300));
    CHECK(node.completed == 1);
    CHECK(node.torrent->snapshot().stats.wasted < 64 * kKiB);
}

TEST_CASE("ten bytes a second are ten bytes a second") {
    World world({.rng_seed = 7});
    Node seed(world, small_torrent(), 2, seeds);
    seed.place();
    seed.engine->set_limits({.upload = 10});
    seed.start();
    Node node(world, small_torrent(), 1, dials({at(2)}));
    node.start();
    Gauge gauge(world, seed.env());
    world.simulator().run_for(seconds(5));
    CHECK(gauge.over(seconds(100)).up == Approx(10).epsilon(0.05));
    seed.engine->set_limits({});
    world.simulator().run_for(seconds(60));
    CHECK(node.completed == 1);
}

TEST_CASE("limits cost no wake-up while nothing moves") {
    World world({.rng_seed = 8});
    Node node(world, small_torrent(), 1, seeds);
    node.place();
    node.engine->set_limits({.download = 1000, .upload = 1000});
    node.start();
    WireHost quiet(world, small_torrent(), 2);
    WirePeer& peer = quiet.dial(at(1));
    world.simulator().run_for(seconds(10));
    REQUIRE(peer.greeted());
    const std::uint64_t events = world.simulator().events_run();
    world.simulator().run_for(seconds(60));
    CHECK(world.simulator().events_run() - events <= 61 + 6);  // the torrent's ticks and choke rounds
}

TEST_CASE("messages are not held up by blocks when there is no limit, and choke and interest come through with one") {
    World world({.rng_seed = 9});
    Node seed(world, small_torrent(), 2, seeds);
    seed.place();
    seed.engine->set_limits({.upload = 20'000});
    seed.start();
    Node node(world, small_torrent(), 1, dials({at(2)}));
    node.start();
    world.simulator().run_for(seconds(10));
    // A cancelled or choked peer's blocks are half a second of the limit at most.
    for (const auto& [id, peer] : seed.torrent->torrent()->connections()) {
        CHECK(peer.session->output().size() <= 10'000 + 16 * kKiB + 100);
    }
    world.simulator().run_for(seconds(60));
    CHECK(node.completed == 1);
}
