// A storm drawn from the rng_seed: nodes killed and started again, streams reset, hosts cut off, disks that decay while
// their node is down, the tracker gone now and then, one peer that corrupts. Then the faults end, and everybody must
// complete with the original's bytes.

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

constexpr std::size_t kStormLeechers = 8;
const Address kStormCulprit = Address::v4({10, 0, 9, 9});

class Storm {
  public:
    explicit Storm(std::uint64_t rng_seed)
        : torrent_(make_test_torrent({.size = 3 * kMiB + 4321,
                                      .piece_length = 128 * 1024,
                                      .rng_seed = rng_seed,
                                      .trackers = {"http://10.0.0.1:6969/announce"},
                                      .file_lengths = {5, 0, 2 * kMiB, 700'000, kMiB + 4321 - 700'005}})),
          swarm_({.world = {.rng_seed = rng_seed, .network = {.default_delay = milliseconds(15)}},
                  .level = telemetry::Level::Decision,
                  .check_stride = 200},
                 torrent_.metainfo, torrent_.content),
          rng_(swarm_.world().fork_rng(1)),
          culprit_(swarm_.world().add_host("culprit", kStormCulprit, {kMiB, kMiB}), torrent_, 6881,
                   [this](const BlockRequest&, MutableByteView block) {
                       if (!rng_.chance(1, 8)) return false;
                       block[rng_.below(block.size())] ^= 2;
                       return true;
                   }) {
        tracker_ = swarm_.add_tracker("tracker", {Address::v4({10, 0, 0, 1}), 6969}, {}).host();
        swarm_.add_peer(
            {.name = "seed", .address = Address::v4({10, 0, 1, 1}), .links = {kMiB / 2, kMiB}, .is_seed = true});
        for (std::size_t i = 0; i < kStormLeechers; ++i) {
            PeerSettings peer{.name = "leecher-" + std::to_string(i + 1),
                              .address = Address::v4({10, 0, 2, static_cast<Byte>(i + 1)}),
                              .links = {(64 + rng_.below(400)) * 1024, rng_.chance(1, 3) ? 0 : kMiB},
                              .starts_at = TimePoint(milliseconds(rng_.below(3000)))};
            if (rng_.chance(1, 2)) peer.resume_path = "state/resume";
            if (rng_.chance(1, 2)) peer.manual_peers.push_back(culprit_.endpoint());
            if (rng_.chance(1, 4)) peer.disk = {.job_latency = milliseconds(300), .bytes_per_s = kMiB};
            swarm_.add_peer(std::move(peer));
        }
        swarm_.log().add_watcher([this](const std::string&, const telemetry::Event& event) {
            if (event.kind == "peer_banned") banned_.insert(field_text(event, "address"));
        });
    }

    void rage(Duration duration) {
        const TimePoint end = swarm_.world().now() + duration;
        while (swarm_.world().now() < end) {
            swarm_.world().simulator().run_for(milliseconds(100 + rng_.below(1500)));
            strike();
        }
        calm();
    }
    [[nodiscard]] bool recover() { return swarm_.run_until_complete(swarm_.world().now() + minutes(15)); }
    [[nodiscard]] Swarm& swarm() { return swarm_; }
    [[nodiscard]] const std::set<std::string>& banned() const { return banned_; }
    [[nodiscard]] std::uint64_t strikes() const { return strikes_; }

  private:
    [[nodiscard]] Swarm::Peer& any_peer() { return *swarm_.peers()[rng_.below(swarm_.peers().size())]; }

    void strike() {
        ++strikes_;
        Network& network = swarm_.world().network();
        Swarm::Peer& peer = any_peer();
        switch (rng_.below(7)) {
            case 0:
                network.reset_streams(peer.env().host());
                break;
            case 1:
                cut_off(peer.env().host());
                break;
            case 2:
                cut_off(tracker_);
                break;
            case 3:
            case 4:
                kill(peer);
                break;
            case 5:
                stop(peer);
                break;
            default:
                network.set_links(peer.env().host(), {(20 + rng_.below(600)) * 1024, 0});
                break;
        }
    }
    void cut_off(HostId host) {
        swarm_.world().network().partition(host);
        swarm_.world().simulator().schedule(swarm_.world().now() + milliseconds(rng_.below(20'000)), std::nullopt,
                                            [this, host] { swarm_.world().network().heal(host); });
    }
    void kill(Swarm::Peer& peer) {
        if (!peer.is_running()) return;
        peer.kill();
        tamper(peer);
        start_later(peer);
    }
    void stop(Swarm::Peer& peer) {
        if (!peer.is_running()) return;
        peer.stop();
        start_later(peer);
    }
    // While the node is down somebody removes a file of it or writes into one.
    void tamper(Swarm::Peer& peer) {
        const auto paths = peer.env().files().paths();
        if (peer.settings().is_seed || paths.empty() || rng_.chance(1, 2)) return;
        const std::string& path = paths[rng_.below(paths.size())];
        if (rng_.chance(1, 2)) {
            REQUIRE(peer.env().files().remove(path));
        } else {
            REQUIRE(peer.env().files().write(path, rng_.below(5000), noise(), swarm_.world().now()));
        }
    }
    // Tried again until the node before it is gone.
    void start_later(Swarm::Peer& peer) {
        swarm_.world().simulator().schedule(swarm_.world().now() + milliseconds(1 + rng_.below(8000)),
                                            peer.env().host(), [this, &peer] {
                                                if (!peer.is_running()) return peer.start();
                                                if (peer.is_stopping()) start_later(peer);
                                            });
    }
    [[nodiscard]] ByteBuffer noise() {
        ByteBuffer noise(1 + rng_.below(3000));
        rng_.fill(noise);
        return noise;
    }
    void calm() {
        swarm_.world().network().heal(tracker_);
        for (const auto& peer : swarm_.peers()) {
            swarm_.world().network().heal(peer->env().host());
            if (!peer->is_running()) peer->start();
        }
    }

    TestTorrent torrent_;
    Swarm swarm_;
    Rng rng_;
    ScriptedSeed culprit_;
    HostId tracker_;
    std::set<std::string> banned_;
    std::uint64_t strikes_ = 0;
};

}  // namespace

TEST_CASE("after a storm of faults everybody completes with the original's bytes, and only the culprit was banned") {
    const std::uint64_t rng_seed = GENERATE(range(1, 6));
    CAPTURE(rng_seed);
    Storm storm(rng_seed);
    storm.rage(seconds(40));
    CHECK(storm.strikes() > 25);
    REQUIRE(storm.recover());
    CHECK(storm.swarm().problems().empty());
    CHECK(storm.swarm().check_files());
    CHECK(storm.banned().size() <= 1);
    CHECK((storm.banned().empty() || *storm.banned().begin() == kStormCulprit.to_string()));
}

TEST_CASE("a storm repeats byte for byte from its rng_seed") {
    Storm first(77);
    Storm again(77);
    for (Storm* storm : {&first, &again}) {
        storm->rage(seconds(30));
        REQUIRE(storm->recover());
    }
    CHECK(first.swarm().log().event_count() > 500);
    CHECK((first.swarm().log().text() == again.swarm().log().text()));
    CHECK(first.swarm().world().simulator().events_run() == again.swarm().world().simulator().events_run());
}
