// A magnet in a swarm where most who speak ut_metadata lie about it.

#include <map>
#include <set>
#include <string>

#include "lab/sim/swarm.h"
#include "tests/sim/support/test_torrent.h"
#include "tests/support/catch.h"
#include "tests/support/sizes.h"
#include "tests/unit/engine/metadata_peer.h"

using namespace bt;
using namespace bt::sim;

namespace {

using bt::test_size::kMiB;

struct MagnetOutcome {
    std::string log;
    bool complete = false;
    bool files_right = false;
    std::vector<std::string> problems;
    std::set<std::string> banned;                        // addresses, by the magnet
    std::map<std::string, std::string> dropped_because;  // address -> reason
};

// Two seeds behind a tracker, and four peers that the magnet meets first.
MagnetOutcome run_magnet_story(std::uint64_t rng_seed) {
    // 2,048 pieces: metadata of three blocks.
    const TestTorrent torrent = make_test_torrent(
        {.size = 2 * kMiB, .piece_length = 1024, .rng_seed = 3, .trackers = {"http://10.0.1.1:6969/announce"}});
    const ByteView info = torrent.metainfo->info_bytes();
    Swarm swarm({.world = {.rng_seed = rng_seed}, .check_stride = 200}, torrent.metainfo, torrent.content);
    MagnetOutcome outcome;
    swarm.log().add_watcher([&](const std::string& node, const telemetry::Event& event) {
        if (node != "magnet") return;
        if (event.kind == "peer_banned") outcome.banned.insert(field_text(event, "address"));
        if (event.kind == "peer_disconnected") {
            outcome.dropped_because[field_text(event, "address")] = field_text(event, "reason");
        }
    });
    swarm.add_tracker("tracker", {Address::v4({10, 0, 1, 1}), 6969}, {});
    for (Byte i = 1; i <= 2; ++i) {
        swarm.add_peer({.name = "seed-" + std::to_string(i),
                        .address = Address::v4({10, 0, 2, i}),
                        .links = {kMiB, kMiB},
                        .starts_at = TimePoint(seconds(20)),
                        .is_seed = true});
    }
    const test::WireHost wrong(swarm.world(), torrent, 11, test::liar(torrent, 1).setup());
    const test::WireHost huge(
        swarm.world(), torrent, 12,
        test::MetadataPeer{std::uint64_t{1} << 31, [](auto&, auto, auto) { FAIL("asked for metadata of 2 GiB"); }}
            .setup());
    const test::WireHost growing(
        swarm.world(), torrent, 13,
        test::MetadataPeer{info.size(),
                           [size = info.size()](test::WirePeer& peer, std::uint8_t, std::uint32_t) {
                               wire::ExtensionHandshake again;
                               again.ids.emplace("ut_metadata", std::uint8_t{9});
                               again.metadata_size = size + wire::kMetadataBlockSize;
                               peer.say(wire::Extended{0, again.encode()});
                           }}
            .setup());
    const test::WireHost refusing(
        swarm.world(), torrent, 14,
        test::MetadataPeer{info.size(),
                           [](test::WirePeer& peer, std::uint8_t id, std::uint32_t block) {
                               peer.say(wire::Extended{id, wire::encode(wire::MetadataReject{block})});
                           }}
            .setup());
    swarm.add_peer({.name = "magnet",
                    .address = Address::v4({10, 0, 3, 1}),
                    .links = {kMiB, 4 * kMiB},
                    .is_magnet = true,
                    .manual_peers = {test::at(11), test::at(12), test::at(13), test::at(14)}});
    outcome.complete = swarm.run_until_complete(TimePoint(minutes(10)));
    outcome.files_right = swarm.check_files().has_value();
    outcome.problems = swarm.problems();
    outcome.log = swarm.log().text();
    return outcome;
}

}  // namespace

TEST_CASE("bad input: a magnet among liars about the metadata bans and drops them, and completes from the seeds") {
    const std::uint64_t rng_seed = GENERATE(1u, 2u, 3u);
    CAPTURE(rng_seed);
    const MagnetOutcome outcome = run_magnet_story(rng_seed);
    REQUIRE(outcome.complete);
    CHECK(outcome.files_right);
    CHECK(outcome.problems.empty());
    // Who lied is banned; who refused, or said nothing that could be used, is not.
    CHECK(outcome.banned == std::set<std::string>{"10.0.0.11"});
    REQUIRE(outcome.dropped_because.contains("10.0.0.13:6881"));
    CHECK(outcome.dropped_because.at("10.0.0.13:6881").find("size was") != std::string::npos);
    CHECK_FALSE(outcome.dropped_because.contains("10.0.0.14:6881"));
}

TEST_CASE("a run of the magnet among liars repeats byte for byte") {
    const MagnetOutcome first = run_magnet_story(4);
    const MagnetOutcome second = run_magnet_story(4);
    REQUIRE(first.complete);
    CHECK(first.log.size() > 100'000);
    CHECK(first.log == second.log);
}
