// Swarms in trouble: the tracker down, a node killed, a disk full, a partition. Whoever can complete does.

#include <algorithm>
#include <set>
#include <string>

#include "lab/sim/swarm.h"
#include "tests/sim/support/test_torrent.h"
#include "tests/support/catch.h"
#include "tests/support/sizes.h"

using namespace bt;
using namespace bt::sim;

namespace {

using bt::test_size::kMiB;

const Endpoint kTracker{Address::v4({10, 0, 0, 1}), 6969};

const TestTorrent& torrent_of_4_mib() {
    static const TestTorrent torrent = make_test_torrent(
        {.size = 4 * kMiB, .piece_length = 128 * 1024, .rng_seed = 9, .trackers = {"http://10.0.0.1:6969/announce"}});
    return torrent;
}

struct SmallSwarm {
    explicit SmallSwarm(int leechers, TimePoint tracker_starts_at = {})
        : swarm({.world = {.rng_seed = 21}, .level = telemetry::Level::Wire, .keep_log = false, .check_stride = 500},
                torrent_of_4_mib().metainfo, torrent_of_4_mib().content),
          tracker(swarm.add_tracker("tracker", kTracker, {}, tracker_starts_at)) {
        swarm.add_peer({.name = "seed", .address = Address::v4({10, 0, 1, 1}), .links = {kMiB, kMiB}, .is_seed = true});
        for (int i = 0; i < leechers; ++i) {
            swarm.add_peer({.name = "leecher-" + std::to_string(i + 1),
                            .address = Address::v4({10, 0, 2, static_cast<Byte>(i + 1)}),
                            .links = {kMiB / 2, kMiB},
                            .resume_path = "state/resume"});
        }
        swarm.log().add_watcher([this](const std::string&, const telemetry::Event& event) {
            if (event.kind == "announce_failed") {
                ++announces_failed;
                last_announce_error = field_text(event, "reason");
            }
        });
    }
    [[nodiscard]] Swarm::Peer& leecher(std::size_t i) { return *swarm.peers()[i + 1]; }
    Swarm swarm;
    SimEnv& tracker;
    int announces_failed = 0;
    std::string last_announce_error;
};

}  // namespace

TEST_CASE("a tracker that is down at first is asked again until it answers, and all complete") {
    const TimePoint back_at(seconds(60));
    const bool refuses = GENERATE(true, false);
    SmallSwarm small(4, refuses ? back_at : TimePoint{});
    Network& network = small.swarm.world().network();
    if (!refuses) {
        network.partition(small.tracker.host());
        small.swarm.world().simulator().schedule(back_at, std::nullopt, [&] { network.heal(small.tracker.host()); });
    }
    CHECK_FALSE(small.swarm.run_until_complete(back_at));
    for (const auto& peer : small.swarm.peers()) CHECK(peer->torrent()->snapshot().trackers_failed);
    CHECK(small.announces_failed >= 5 * 2);
    CHECK(small.last_announce_error.find(refuses ? "refused" : "in time") != std::string::npos);
    // Tries after 5, 10, 20, 40 s and up to a quarter more each: the next one is due 94 s after the start at the
    // latest; a tracker cut off takes 15 s of time-out each try on top.
    REQUIRE(small.swarm.run_until_complete(TimePoint(seconds(refuses ? 94 + 30 : 94 + 4 * 15 + 30))));
    CHECK(small.swarm.problems().empty());
    CHECK(small.swarm.check_files());
}

TEST_CASE("a leecher killed in the middle goes on with what its disk has, and fetches no verified piece again") {
    SmallSwarm small(3);
    Swarm::Peer& victim = small.leecher(0);
    std::set<std::string> verified;
    bool restarted = false;
    int requests = 0;
    int requests_for_verified = 0;
    small.swarm.log().add_watcher([&](const std::string& node, const telemetry::Event& event) {
        if (node != victim.settings().name) return;
        const std::string piece = field_text(event, "piece");
        if (event.kind == "piece_verified") verified.insert(piece);
        if (!restarted || event.kind != "message_sent" || field_text(event, "message") != "request") return;
        ++requests;
        if (verified.contains(piece)) ++requests_for_verified;
    });
    REQUIRE(small.swarm.world().simulator().run_until([&] { return verified.size() == 16; }, TimePoint(minutes(5))));
    victim.kill();
    small.swarm.world().simulator().run_for(seconds(20));
    CHECK_FALSE(victim.completed_at());
    CHECK(verified.size() == 16);
    restarted = true;
    victim.start();
    REQUIRE(small.swarm.run_until_complete(TimePoint(minutes(10))));
    CHECK(small.swarm.problems().empty());
    CHECK(small.swarm.check_files());
    CHECK(requests >= 16 * 8);  // 8 blocks a piece
    CHECK(requests_for_verified == 0);
    CHECK(victim.deliveries().pieces_written() == torrent_of_4_mib().metainfo->layout().piece_count());
}

TEST_CASE(
    "a leecher stopped in order believes its resume data at the next start, unless a file was touched meanwhile") {
    SmallSwarm small(3);
    Swarm::Peer& stopper = small.leecher(0);
    std::string from_resume;
    std::string have;
    std::size_t verified = 0;
    small.swarm.log().add_watcher([&](const std::string& node, const telemetry::Event& event) {
        if (node != stopper.settings().name) return;
        if (event.kind == "piece_verified") ++verified;
        if (event.kind != "checked") return;
        from_resume = field_text(event, "from_resume");
        have = field_text(event, "have");
    });
    Simulator& simulator = small.swarm.world().simulator();
    REQUIRE(simulator.run_until([&] { return verified == 12; }, TimePoint(minutes(5))));
    CHECK(from_resume == "false");
    stopper.stop();
    REQUIRE(simulator.run_until([&] { return !stopper.is_running(); }, small.swarm.world().now() + seconds(5)));
    REQUIRE(stopper.env().files().stat("state/resume").value().exists);
    const std::size_t verified_at_stop = verified;
    const bool touched = GENERATE(false, true);
    if (touched) {
        REQUIRE(stopper.env().files().write(stopper.paths()[0], 0, ByteBuffer(1), small.swarm.world().now()));
    }
    stopper.start();
    REQUIRE(small.swarm.run_until_complete(TimePoint(minutes(10))));
    CHECK(from_resume == (touched ? "false" : "true"));
    if (!touched) CHECK(have == std::to_string(verified_at_stop));
    CHECK(small.swarm.problems().empty());
    CHECK(small.swarm.check_files());
}

TEST_CASE("a full disk stops its own node alone, with DiskFull") {
    SmallSwarm small(3);
    Swarm::Peer& victim = small.leecher(1);
    victim.env().files().set_capacity(2 * kMiB);
    const bool all = small.swarm.run_until_complete(TimePoint(minutes(5)));
    CHECK_FALSE(all);
    REQUIRE(victim.failure());
    CHECK(victim.failure()->code == ErrorCode::DiskFull);
    CHECK(small.leecher(0).completed_at());
    CHECK(small.leecher(2).completed_at());
    CHECK(small.swarm.check_files());
    CHECK(victim.deliveries().problems().empty());
}

TEST_CASE("after a partition that cut the seed off heals, all complete") {
    SmallSwarm small(4);
    Simulator& simulator = small.swarm.world().simulator();
    Network& network = small.swarm.world().network();
    const HostId seed = small.swarm.peers().front()->env().host();
    simulator.run_until(TimePoint(seconds(3)));
    network.partition(seed);
    simulator.run_until(TimePoint(seconds(30)));
    CHECK(network.open_streams(seed) == 0);
    CHECK_FALSE(small.swarm.is_complete());
    network.heal(seed);
    REQUIRE(small.swarm.run_until_complete(TimePoint(minutes(3))));
    CHECK(small.swarm.problems().empty());
    CHECK(small.swarm.check_files());
}

TEST_CASE("streams that break at random moments cost time and never a byte of the content") {
    const std::uint64_t rng_seed = GENERATE(range(1, 5));
    CAPTURE(rng_seed);
    SmallSwarm small(5);
    Simulator& simulator = small.swarm.world().simulator();
    Network& network = small.swarm.world().network();
    Rng rng(rng_seed);
    for (int i = 0; i < 40 && !small.swarm.is_complete(); ++i) {
        simulator.run_for(milliseconds(rng.below(700)));
        network.reset_streams(HostId(static_cast<std::uint32_t>(rng.below(network.host_count()))));
    }
    REQUIRE(small.swarm.run_until_complete(TimePoint(minutes(5))));
    CHECK(small.swarm.problems().empty());
    CHECK(small.swarm.check_files());
}
