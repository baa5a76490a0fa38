// One seed, 30 leechers, one tracker, a torrent of 16 MiB, links with rate and delay, in virtual time.

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

constexpr int kLeechers = 30;

const TestTorrent& torrent_of_16_mib() {
    static const TestTorrent torrent = make_test_torrent({.size = 16 * kMiB,
                                                          .piece_length = 256 * 1024,
                                                          .rng_seed = 16,
                                                          .trackers = {"http://tracker.test:6969/announce"}});
    return torrent;
}

struct SwarmOutcome {
    bool all_complete = false;
    std::vector<std::string> problems;
    Status files;
    std::string log;
    std::uint64_t events = 0;
    std::uint64_t whole_checks = 0;
    std::uint64_t seed_sent = 0;
    std::uint64_t wasted = 0;  // bytes of blocks that came twice, all peers together
    TimePoint last_completed{};
};

enum class Checks { EveryEvent, None };

// Everything that varies is drawn from the rng_seed: link rates, delays, the times of arrival.
SwarmOutcome run_swarm(std::uint64_t rng_seed, Checks checks, TimePoint deadline = TimePoint(minutes(30))) {
    const TestTorrent& torrent = torrent_of_16_mib();
    const bool checked = checks == Checks::EveryEvent;
    Swarm swarm({.world = {.rng_seed = rng_seed}, .check_stride = checked ? 5000u : 0u, .check_touched = checked},
                torrent.metainfo, torrent.content);
    Rng rng = swarm.world().fork_rng(100);
    swarm.add_tracker("tracker.test", {Address::v4({10, 0, 0, 1}), 6969}, {});
    swarm.add_peer(
        {.name = "seed", .address = Address::v4({10, 0, 1, 1}), .links = {2 * kMiB, 2 * kMiB}, .is_seed = true});
    for (int i = 0; i < kLeechers; ++i) {
        const LinkSettings links{(256 + rng.below(768)) * 1024, (1 + rng.below(4)) * kMiB};
        swarm.add_peer({.name = "leecher-" + std::to_string(i + 1),
                        .address = Address::v4({10, 0, 2, static_cast<Byte>(i + 1)}),
                        .links = links,
                        .starts_at = TimePoint(milliseconds(rng.below(10'000)))});
    }
    Network& network = swarm.world().network();
    for (std::uint32_t a = 0; a < network.host_count(); ++a) {
        for (std::uint32_t b = a + 1; b < network.host_count(); ++b) {
            network.set_delay(HostId(a), HostId(b), milliseconds(5 + rng.below(60)));
        }
    }
    SwarmOutcome outcome;
    outcome.all_complete = swarm.run_until_complete(deadline);
    outcome.problems = swarm.problems();
    outcome.files = swarm.check_files();
    outcome.log = swarm.log().text();
    outcome.events = swarm.world().simulator().events_run();
    outcome.whole_checks = swarm.whole_checks();
    outcome.seed_sent = network.traffic(swarm.peers().front()->env().host()).bytes_sent;
    for (const auto& peer : swarm.peers()) {
        outcome.wasted += peer->torrent()->snapshot().stats.wasted;
        outcome.last_completed = std::max(outcome.last_completed, peer->completed_at().value_or(TimePoint{}));
    }
    return outcome;
}

// Where two logs part, for a message.
std::string first_difference(const std::string& a, const std::string& b) {
    const auto [in_a, in_b] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
    if (in_a == a.end() && in_b == b.end()) return "none";
    const auto line = static_cast<std::size_t>(std::count(a.begin(), in_a, '\n'));
    const auto start = a.rfind('\n', static_cast<std::size_t>(in_a - a.begin())) + 1;
    return "line " + std::to_string(line + 1) + ": " + a.substr(start, 300);
}

}  // namespace

TEST_CASE(
    "30 leechers of a 16 MiB torrent complete in virtual time, and the run repeats byte for byte from its rng_seed") {
    const SwarmOutcome first = run_swarm(1, Checks::EveryEvent);
    REQUIRE(first.all_complete);
    CHECK(first.problems.empty());
    REQUIRE(first.files);
    CHECK(first.whole_checks > 10);
    // A swarm, not a download server: the seed sends far less than the 30 copies that arrive.
    CHECK(first.seed_sent < 15 * 16 * kMiB);
    // Endgame pays for the last blocks twice, not for more: 30 x 16 MiB were wanted.
    CHECK(first.wasted < 30 * 16 * kMiB / 20);
    CHECK(std::count(first.log.begin(), first.log.end(), '\n') > 60'000);  // 30 x 1024 blocks, both ends
    UNSCOPED_INFO("events " << first.events << ", seconds " << to_seconds(first.last_completed.time_since_epoch())
                            << ", seed sent " << first.seed_sent << ", wasted " << first.wasted << ", log " << first.log.size());

    // Without the checks, which so are shown to change nothing.
    const SwarmOutcome again = run_swarm(1, Checks::None);
    const std::string difference = first_difference(first.log, again.log);
    CHECK(difference == "none");
    CHECK(first.events == again.events);
}

TEST_CASE("another rng_seed is another swarm, and it completes as well") {
    const SwarmOutcome first = run_swarm(2, Checks::EveryEvent);
    REQUIRE(first.all_complete);
    CHECK(first.problems.empty());
    REQUIRE(first.files);
    CHECK(first.log.find("\"node\":\"leecher-30\"") != std::string::npos);
    // The first 12 s of a third one are enough to see where they part.
    CHECK(first_difference(first.log, run_swarm(3, Checks::None, TimePoint(seconds(12))).log) != "none");
}
