// Somebody in the swarm sends blocks that are wrong.

#include <algorithm>
#include <set>
#include <string>

#include "lab/sim/swarm.h"
#include "tests/sim/support/scripted_seed.h"
#include "tests/support/catch.h"
#include "tests/support/sizes.h"

using namespace bt;
using namespace bt::sim;

namespace {

using bt::test_size::kMiB;

const Address kSeed = Address::v4({10, 0, 1, 1});
const Address kCulprit = Address::v4({10, 0, 9, 9});

// Who banned whom, as the events say it.
struct Bans {
    explicit Bans(EventLog& log) {
        log.add_watcher([this](const std::string& node, const telemetry::Event& event) {
            if (event.kind == "peer_banned") banned[field_text(event, "address")].insert(node);
            if (event.kind == "piece_failed") ++pieces_failed;
        });
    }
    std::map<std::string, std::set<std::string>> banned;
    int pieces_failed = 0;
};

}  // namespace

TEST_CASE("a peer that corrupts blocks is found, banned and left, and the file is right") {
    const TestTorrent torrent = make_test_torrent({.size = 4 * kMiB, .piece_length = 256 * 1024, .rng_seed = 5});
    Swarm swarm({.world = {.rng_seed = 5}, .level = telemetry::Level::Decision, .check_stride = 100}, torrent.metainfo,
                torrent.content);
    Bans bans(swarm.log());
    // Alone it would corrupt every piece; a piece from both needs the digests to tell who it was.
    const bool has_honest_seed_first = GENERATE(true, false);
    SimEnv& culprit_host = swarm.world().add_host("culprit", kCulprit, {kMiB, kMiB});
    ScriptedSeed culprit(culprit_host, torrent, 6881, [](const BlockRequest& request, MutableByteView block) {
        if (request.begin / kBlockSize % 5 != 3) return false;
        block[block.size() / 2] ^= 0x40;
        return true;
    });
    swarm.add_peer({.name = "seed",
                    .address = kSeed,
                    .links = {kMiB / 2, kMiB},
                    .starts_at = TimePoint(seconds(has_honest_seed_first ? 0 : 8)),
                    .is_seed = true});
    Swarm::Peer& leecher = swarm.add_peer({.name = "leecher",
                                           .address = Address::v4({10, 0, 2, 1}),
                                           .links = {kMiB, 4 * kMiB},
                                           .starts_at = TimePoint(seconds(1)),
                                           .manual_peers = {{kSeed, 6881}, culprit.endpoint()}});
    REQUIRE(swarm.run_until_complete(TimePoint(minutes(10))));
    CHECK(swarm.problems().empty());
    CHECK(swarm.check_files());
    CHECK(culprit.blocks_altered() > 0);
    CHECK(leecher.deliveries().pieces_refused() > 0);
    CHECK(leecher.deliveries().pieces_written() == torrent.metainfo->layout().piece_count());
    CHECK(bans.banned == std::map<std::string, std::set<std::string>>{{kCulprit.to_string(), {"leecher"}}});

    // Left for good: no stream, and no other attempt in the next ten minutes.
    swarm.world().simulator().run_for(minutes(10));
    CHECK(swarm.world().network().open_streams(culprit_host.host()) == 0);
    CHECK(culprit.connections_made() == 1);
}

TEST_CASE("in a swarm with one corrupting peer all complete and nobody honest is banned") {
    const std::uint64_t rng_seed = GENERATE(range(1, 7));
    CAPTURE(rng_seed);
    const TestTorrent torrent = make_test_torrent({.size = 2 * kMiB + 777,
                                                   .piece_length = 128 * 1024,
                                                   .rng_seed = rng_seed,
                                                   .trackers = {"http://10.0.0.1:6969/announce"},
                                                   .file_lengths = {100'000, 0, 1, 2 * kMiB + 777 - 100'001}});
    Swarm swarm({.world = {.rng_seed = rng_seed}, .level = telemetry::Level::Decision, .check_stride = 500},
                torrent.metainfo, torrent.content);
    Bans bans(swarm.log());
    Rng rng = swarm.world().fork_rng(1);
    swarm.add_tracker("tracker", {Address::v4({10, 0, 0, 1}), 6969}, {});
    SimEnv& culprit_host = swarm.world().add_host("culprit", kCulprit, {kMiB, kMiB});
    ScriptedSeed culprit(culprit_host, torrent, 6881, [&rng](const BlockRequest&, MutableByteView block) {
        if (!rng.chance(1, 10)) return false;
        block[rng.below(block.size())] ^= 1;
        return true;
    });
    swarm.add_peer({.name = "seed", .address = kSeed, .links = {kMiB / 2, kMiB}, .is_seed = true});
    for (int i = 0; i < 8; ++i) {
        swarm.add_peer({.name = "leecher-" + std::to_string(i + 1),
                        .address = Address::v4({10, 0, 2, static_cast<Byte>(i + 1)}),
                        .links = {kMiB / 4, kMiB},
                        .starts_at = TimePoint(milliseconds(rng.below(4000))),
                        .manual_peers = {culprit.endpoint()}});
    }
    REQUIRE(swarm.run_until_complete(TimePoint(minutes(10))));
    CHECK(swarm.problems().empty());
    CHECK(swarm.check_files());
    CHECK(culprit.blocks_altered() > 0);
    CHECK(bans.pieces_failed > 0);
    REQUIRE(bans.banned.size() == 1);
    CHECK(bans.banned.begin()->first == kCulprit.to_string());
}
