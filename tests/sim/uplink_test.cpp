// One seed and eight leechers, every uplink of 4 MiB/s: no protocol completes them before the seed has sent each byte
// once, size / rate. How near we come is what a seed's copies and a leecher's idle uplink cost.

#include <algorithm>
#include <string>

#include "lab/sim/swarm.h"
#include "tests/sim/support/test_torrent.h"
#include "tests/support/catch.h"
#include "tests/support/sizes.h"

using namespace bt;
using namespace bt::sim;

namespace {

using bt::test_size::kMiB;
constexpr std::uint64_t kSize = 32 * kMiB;
constexpr std::uint64_t kRate = 4 * kMiB;

}  // namespace

TEST_CASE("eight leechers behind slow uplinks complete within 1.2 of the least time") {
    const TestTorrent torrent = make_test_torrent({.size = kSize,
                                                   .piece_length = 128 * 1024,
                                                   .rng_seed = 18,
                                                   .trackers = {"http://tracker.test:6969/announce"}});
    WorldSettings world{.rng_seed = 1};
    world.network.default_delay = milliseconds(1);
    Swarm swarm({.world = world, .level = telemetry::Level::Summary, .keep_log = false, .check_stride = 5000},
                torrent.metainfo, torrent.content);
    swarm.add_tracker("tracker.test", {Address::v4({10, 0, 0, 1}), 6969}, {});
    swarm.add_peer({.name = "seed", .address = Address::v4({10, 0, 1, 1}), .is_seed = true});
    const TimePoint start{seconds(1)};  // the seed has checked its files by then
    for (int i = 0; i < 8; ++i) {
        swarm.add_peer({.name = "leecher-" + std::to_string(i + 1),
                        .address = Address::v4({10, 0, 2, static_cast<Byte>(i + 1)}),
                        .starts_at = start});
    }
    REQUIRE_FALSE(swarm.run_until_complete(start + milliseconds(1)));
    for (const auto& peer : swarm.peers()) peer->torrent()->set_limits({.download = 0, .upload = kRate});
    REQUIRE(swarm.run_until_complete(start + minutes(2)));
    CHECK(swarm.problems().empty());
    TimePoint last{};
    std::uint64_t wasted = 0;
    for (const auto& peer : swarm.peers()) {
        if (peer->settings().is_seed) continue;
        last = std::max(last, peer->completed_at().value());
        wasted += peer->torrent()->snapshot().stats.wasted;
    }
    const double least = static_cast<double>(kSize) / static_cast<double>(kRate);
    INFO("last after " << to_seconds(last - start) << " s, least " << least << " s, twice " << wasted << " bytes");
    CHECK(to_seconds(last - start) > least * 0.9);  // the limits hold
    CHECK(to_seconds(last - start) < least * 1.2);
    CHECK(wasted < 8 * kSize / 40);
    auto& seed = *swarm.peers().front();
    CHECK(swarm.world().network().traffic(seed.env().host()).bytes_sent < kSize * 125 / 100);
}
