// Three nodes without a tracker: peer exchange is the only way to the third.

#include "lab/sim/swarm.h"
#include "tests/sim/support/test_torrent.h"
#include "tests/support/catch.h"
#include "tests/support/sizes.h"

using namespace bt;
using namespace bt::sim;

namespace {

using bt::test_size::kMiB;

struct ExchangeOutcome {
    bool complete = false;
    bool met_by_exchange = false;  // the newcomer dialled the seed, and no one but a peer had named it
    std::uint64_t known = 0;
    std::vector<std::string> problems;
};

// The leecher in the middle knows the seed; the newcomer knows the one in the middle alone.
ExchangeOutcome run_chain(bool exchange, std::uint64_t rng_seed) {
    const TestTorrent torrent = make_test_torrent({.size = 4 * kMiB, .piece_length = 65536, .rng_seed = 5});
    Swarm swarm({.world = {.rng_seed = rng_seed}, .level = telemetry::Level::Decision}, torrent.metainfo,
                torrent.content);
    const Endpoint seed{Address::v4({10, 0, 2, 1}), 6881};
    const Endpoint middle{Address::v4({10, 0, 3, 1}), 6881};
    ExchangeOutcome outcome;
    swarm.log().add_watcher([&](const std::string& node, const telemetry::Event& event) {
        const bool met = node == "newcomer" && event.kind == "peer_connected";
        if (met && field_text(event, "address") == seed.to_string()) outcome.met_by_exchange = true;
    });
    swarm::TorrentSettings settings;
    settings.peer_exchange = exchange;
    swarm.add_peer(
        {.name = "seed", .address = seed.address, .links = {kMiB / 4, kMiB}, .is_seed = true, .swarm = settings});
    swarm.add_peer({.name = "middle",
                    .address = middle.address,
                    .links = {kMiB / 4, kMiB},
                    .manual_peers = {seed},
                    .swarm = settings});
    Swarm::Peer& newcomer = swarm.add_peer({.name = "newcomer",
                                            .address = Address::v4({10, 0, 4, 1}),
                                            .links = {kMiB / 4, kMiB},
                                            .starts_at = TimePoint(seconds(3)),
                                            .manual_peers = {middle},
                                            .swarm = settings});
    outcome.complete = swarm.run_until_complete(TimePoint(minutes(5)));
    outcome.known = newcomer.torrent()->torrent()->peer_list().known();
    outcome.problems = swarm.problems();
    return outcome;
}

}  // namespace

TEST_CASE("of three nodes without a tracker the one that knows only the second finds the third by peer exchange") {
    const std::uint64_t rng_seed = GENERATE(1u, 2u, 3u);
    CAPTURE(rng_seed);
    const ExchangeOutcome with = run_chain(true, rng_seed);
    CHECK(with.complete);
    CHECK(with.met_by_exchange);
    CHECK(with.known == 2);
    CHECK(with.problems.empty());
}

TEST_CASE("without peer exchange the third stays unknown, and its bytes come through the second") {
    const ExchangeOutcome without = run_chain(false, 1);
    CHECK(without.complete);
    CHECK_FALSE(without.met_by_exchange);
    CHECK(without.known == 1);
}
