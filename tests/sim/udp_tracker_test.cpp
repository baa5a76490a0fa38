// A swarm that finds itself through the real tracker over UDP, where datagrams are lost.

#include <string>

#include "lab/sim/swarm.h"
#include "tests/sim/support/test_torrent.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::sim;

namespace {

struct UdpOutcome {
    std::string log;
    bool complete = false;
    int over_udp = 0;
    int over_http = 0;
};

UdpOutcome run_story(std::uint64_t rng_seed) {
    const TestTorrent torrent = make_test_torrent(
        {.size = 1u << 20, .piece_length = 64 * 1024, .rng_seed = 5, .trackers = {"udp://10.0.1.1:6969/announce"}});
    Swarm swarm({.world = {.rng_seed = rng_seed}}, torrent.metainfo, torrent.content);
    UdpOutcome outcome;
    swarm.log().add_watcher([&](const std::string& node, const telemetry::Event& event) {
        if (node != "tracker" || event.kind != "announced") return;
        ++(field_text(event, "door") == "udp" ? outcome.over_udp : outcome.over_http);
    });
    swarm.add_tracker("tracker", {Address::v4({10, 0, 1, 1}), 6969}, {});
    for (Byte i = 1; i <= 4; ++i) {
        swarm.add_peer(
            {.name = "peer-" + std::to_string(i),
             .address = Address::v4({10, 0, 2, i}),
             .links = {.uplink_bytes_per_s = 1u << 20, .downlink_bytes_per_s = 1u << 20, .loss_per_mille = 200},
             .is_seed = i == 1});
    }
    outcome.complete = swarm.run_until_complete(TimePoint(minutes(10)));
    outcome.log = swarm.log().text();
    return outcome;
}

}  // namespace

TEST_CASE("a swarm with lossy links finds itself through our tracker over UDP, and the run can be replayed") {
    const UdpOutcome outcome = run_story(11);
    CHECK(outcome.complete);
    CHECK(outcome.over_udp >= 4);
    CHECK(outcome.over_http == 0);
    CHECK(run_story(11).log == outcome.log);
}
