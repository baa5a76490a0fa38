// The client's and the seeder's policies: every end they can come to.

#include <cerrno>

#include "client/session.h"
#include "seeder/seed_node.h"
#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;

namespace {

// A session with one torrent.
struct Downloading final : client::SessionObserver {
    using Change = std::function<void(client::SessionTorrent&)>;
    Downloading(World& world, const TestTorrent& torrent, const Change& change)
        : env(world.add_host("client", at(1).address)) {
        Rng rng = world.fork_rng(1);
        client::SessionSettings settings;
        settings.engine.listen = at(1);
        settings.engine.source = at(1).address;
        settings.engine.peer_id = engine::make_peer_id(rng);
        client::SessionTorrent added;
        added.torrent.metainfo = torrent.metainfo;
        added.torrent.paths = storage::paths_in(*torrent.metainfo, "content");
        added.torrent.tracker_tiers = torrent.metainfo->tracker_tiers();
        added.torrent.manual_peers = {at(2)};
        added.torrent.tracker.interval_floor = seconds(5);
        if (change) change(added);
        node = std::make_unique<client::Session>(env, settings, *this, telemetry::Telemetry{}, rng.fork(1));
        REQUIRE(node->start().has_value());
        REQUIRE(node->add(std::move(added)).has_value());
        world.simulator().add_hook([this](const sim::EventInfo& event) {
            if (event.host == env.host()) node->check_invariants();
        });
    }
    [[nodiscard]] bool is(client::TorrentEnd end) const {
        return ends == 1 && ended == 1 && result && result->end == end && result->torrents.at(0).end == end;
    }
    [[nodiscard]] const client::TorrentResult& torrent_result() const { return result->torrents.at(0); }
    void on_torrent_complete(client::TorrentId) override {
        if (on_completed) on_completed();
    }
    void on_torrent_ended(const client::TorrentResult&) override { ++ended; }
    void on_session_ended(const client::SessionResult& r) override {
        ++ends;
        result = r;
        ended_at = env.now();
    }

    SimEnv& env;
    std::unique_ptr<client::Session> node;
    std::function<void()> on_completed;
    int ended = 0;
    int ends = 0;
    std::optional<client::SessionResult> result;
    TimePoint ended_at{};
};

const TestTorrent& torrent_with_tracker() {
    static const TestTorrent torrent = sim::make_test_torrent(
        {.size = 1u << 20, .piece_length = 64 * 1024, .rng_seed = 79, .trackers = {"http://10.0.0.9:6969/announce"}});
    return torrent;
}

}  // namespace

TEST_CASE("a download that completes is Done, at once or after its time as a seed") {
    World world({.rng_seed = 1});
    WireHost good(world, small_torrent(), 2, serves(0, 16));
    const Duration seed_time = GENERATE(Duration(0), Duration(seconds(30)));
    Downloading download(world, small_torrent(), [&](client::SessionTorrent& s) { s.policy.seed_time = seed_time; });
    TimePoint completed{};
    download.on_completed = [&] { completed = world.now(); };
    world.simulator().run_for(minutes(2));
    CHECK(download.is(client::TorrentEnd::Done));
    CHECK(completed > TimePoint{});
    CHECK(download.ended_at - completed >= seed_time);
    CHECK(download.ended_at - completed <= seed_time + seconds(1));
    CHECK(download.torrent_result().snapshot.stats.have == 16);
}

TEST_CASE("a client that is to seed for ever does, until it is interrupted, and is then Done") {
    World world({.rng_seed = 2});
    WireHost good(world, small_torrent(), 2, serves(0, 16));
    Downloading download(world, small_torrent(), [&](client::SessionTorrent& s) {
        s.policy.seed_time = client::kForEver;
        s.policy.timeout = seconds(60);  // of progress; a seed makes none and needs none
    });
    world.simulator().run_for(minutes(30));
    CHECK(download.ends == 0);
    CHECK(download.node->view().torrents.at(0).phase == client::Phase::Seeding);
    download.node->interrupt();
    world.simulator().run_for(seconds(5));
    CHECK(download.is(client::TorrentEnd::Done));
}

TEST_CASE("a download whose content is there already is Done without a peer") {
    World world({.rng_seed = 3});
    WireHost nobody(world, small_torrent(), 2);
    Downloading download(world, small_torrent(), {});
    sim::place_content(download.env.files(), *small_torrent().metainfo,
                       storage::paths_in(*small_torrent().metainfo, "content"), small_torrent().content);
    world.simulator().run_for(seconds(5));
    CHECK(download.is(client::TorrentEnd::Done));
    CHECK(download.torrent_result().snapshot.stats.downloaded == 0);
}

TEST_CASE("an interrupted download says so, whatever it was doing, and ends once") {
    World world({.rng_seed = 4});
    const int after = GENERATE(range(0, 200, 9));
    CAPTURE(after);
    WireHost good(world, small_torrent(), 2, serves(0, 16), {4'000'000, 0});
    Downloading download(world, small_torrent(), {});
    world.simulator().run_for(milliseconds(after));
    REQUIRE(download.ends == 0);
    download.node->interrupt();
    CHECK(download.ends == 0);  // never from inside the call
    download.node->interrupt();
    world.simulator().run_for(seconds(5));
    CHECK(download.is(client::TorrentEnd::Interrupted));
}

TEST_CASE("when no tracker answers and nobody is known the download gives up after its patience") {
    World world({.rng_seed = 5});
    Downloading download(world, torrent_with_tracker(), [](client::SessionTorrent& s) {
        s.torrent.manual_peers.clear();
        s.policy.tracker_patience = seconds(30);
    });
    world.add_host("tracker", at(9).address);  // refuses
    world.simulator().run_until(TimePoint(seconds(29)));
    CHECK(download.ends == 0);
    world.simulator().run_until(TimePoint(seconds(33)));
    CHECK(download.is(client::TorrentEnd::TrackersFailed));
    REQUIRE(download.result->error);
    CHECK(download.result->error->code == ErrorCode::ConnectFailed);
}

TEST_CASE("a peer that is known keeps the hope alive while no tracker answers") {
    World world({.rng_seed = 6});
    WireHost idle(world, torrent_with_tracker(), 2);
    Downloading download(world, torrent_with_tracker(),
                         [](client::SessionTorrent& s) { s.policy.tracker_patience = seconds(30); });
    world.simulator().run_for(minutes(5));
    CHECK(download.ends == 0);
}

TEST_CASE("a download that stands still ends with NoProgress after its time-out, counted from the last block") {
    World world({.rng_seed = 7});
    int left = 6;
    WireHost stingy(world, small_torrent(), 2, [&](WirePeer& peer) {
        serves(0, 16)(peer);
        peer.on_message = [&, normal = peer.on_message](WirePeer& p, const wire::Message& message) {
            if (std::holds_alternative<wire::Request>(message) && left-- <= 0) return;
            normal(p, message);
        };
    });
    Downloading download(world, small_torrent(), [](client::SessionTorrent& s) { s.policy.timeout = seconds(40); });
    world.simulator().run_until(TimePoint(seconds(40)));
    CHECK(download.ends == 0);
    world.simulator().run_until(TimePoint(seconds(43)));
    CHECK(download.is(client::TorrentEnd::NoProgress));
    CHECK(download.torrent_result().snapshot.stats.downloaded == 6 * kBlockSize);
}

TEST_CASE("a disk that refuses ends the download with DiskTrouble and the disk's error") {
    World world({.rng_seed = 8});
    WireHost good(world, small_torrent(), 2, serves(0, 16), {1'000'000, 0});
    Downloading download(world, small_torrent(), {});
    const bool full = GENERATE(true, false);
    if (full) {
        download.env.files().set_capacity(300'000);
    } else {
        world.simulator().run_for(milliseconds(400));
        download.env.files().set_fault("content/content", EIO);
    }
    world.simulator().run_for(seconds(20));
    CHECK(download.is(client::TorrentEnd::DiskTrouble));
    REQUIRE(download.result->error);
    CHECK(download.result->error->code == (full ? ErrorCode::DiskFull : ErrorCode::DiskError));
}

TEST_CASE("a port that is taken is told at the start") {
    World world({.rng_seed = 9});
    SimEnv& env = world.add_host("client", at(1).address);
    auto other = env.listen(at(1), [](std::unique_ptr<env::Stream>) {});
    REQUIRE(other.has_value());
    client::SessionSettings settings;
    settings.engine.listen = at(1);
    struct Nobody final : client::SessionObserver {
        void on_session_ended(const client::SessionResult&) override {}
    } nobody;
    client::Session node(env, settings, nobody, {}, Rng(1));
    const auto started = node.start();
    REQUIRE_FALSE(started.has_value());
    CHECK(started.error().code == ErrorCode::AddressInUse);
}

namespace {

struct Seeding {
    explicit Seeding(World& world) : env(world.add_host("seeder", at(1).address)) {
        seeder::SeedSettings settings;
        settings.engine.listen = at(1);
        settings.engine.peer_id.fill(Byte{'s'});
        settings.torrent.metainfo = small_torrent().metainfo;
        settings.torrent.paths = {"original"};
        sim::place_content(env.files(), *small_torrent().metainfo, settings.torrent.paths, small_torrent().content);
        node = std::make_unique<seeder::SeedNode>(
            env, settings, telemetry::Telemetry{}, Rng(1), [this] { ++ready; },
            [this](std::optional<Error> e) {
                ++finished;
                error = std::move(e);
            });
    }
    SimEnv& env;
    std::unique_ptr<seeder::SeedNode> node;
    int ready = 0;
    int finished = 0;
    std::optional<Error> error;
};

}  // namespace

TEST_CASE("a seeder serves its original until it is stopped, and writes nothing") {
    World world({.rng_seed = 10});
    Seeding seeding(world);
    REQUIRE(seeding.node->start().has_value());
    world.simulator().run_for(seconds(1));
    CHECK(seeding.ready == 1);
    Node leecher(world, small_torrent(), 2, dials({at(1)}));
    leecher.start();
    world.simulator().run_for(seconds(5));
    CHECK(leecher.completed == 1);
    CHECK(seeding.env.files().paths() == std::vector<std::string>{"original"});
    seeding.node->stop();
    CHECK(seeding.finished == 0);
    seeding.node->stop();
    world.simulator().run_for(seconds(5));
    CHECK(seeding.finished == 1);
    CHECK_FALSE(seeding.error);
}

TEST_CASE("a seeder whose original is wrong ends with the reason and is never ready") {
    World world({.rng_seed = 11});
    Seeding seeding(world);
    seeding.env.files().corrupt("original", 300'000, 1);
    REQUIRE(seeding.node->start().has_value());
    world.simulator().run_for(seconds(5));
    CHECK(seeding.ready == 0);
    CHECK(seeding.finished == 1);
    REQUIRE(seeding.error);
    CHECK(seeding.error->code == ErrorCode::HashMismatch);
}

TEST_CASE("a seeder that is stopped while it checks ends") {
    World world({.rng_seed = 12});
    Seeding seeding(world);
    REQUIRE(seeding.node->start().has_value());
    seeding.node->stop();
    world.simulator().run_for(seconds(5));
    CHECK(seeding.finished == 1);
    CHECK(seeding.ready == 0);
}
