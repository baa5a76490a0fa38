// Many torrents on one engine: adding, removing, ends of their own, one cause for all.

#include "client/session.h"

#include <map>

#include "common/base/encoding.h"
#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;
using client::TorrentEnd;

namespace {

const TestTorrent& torrent_number(std::size_t i) {
    static std::map<std::size_t, TestTorrent> torrents;
    const auto found = torrents.find(i);
    if (found != torrents.end()) return found->second;
    return torrents
        .emplace(i, sim::make_test_torrent({.size = 256u << 10, .piece_length = 64 * 1024, .rng_seed = 500 + i}))
        .first->second;
}

struct SessionClient final : client::SessionObserver {
    explicit SessionClient(World& world, bool ends_with_torrents = true) : env(world.add_host("client", at(1).address)) {
        Rng rng = world.fork_rng(1);
        client::SessionSettings settings;
        settings.engine.listen = at(1);
        settings.engine.source = at(1).address;
        settings.engine.peer_id = engine::make_peer_id(rng);
        settings.ends_with_torrents = ends_with_torrents;
        session = std::make_unique<client::Session>(env, settings, *this, telemetry::Telemetry{}, rng.fork(1));
        REQUIRE(session->start().has_value());
        world.simulator().add_hook([this](const sim::EventInfo& event) {
            if (event.host == env.host()) session->check_invariants();
        });
    }
    Result<client::TorrentId> add(const TestTorrent& torrent, std::vector<Endpoint> peers,
                                  client::TorrentPolicy policy = {}) {
        client::SessionTorrent added;
        added.policy = policy;
        added.torrent.metainfo = torrent.metainfo;
        added.torrent.paths = storage::paths_in(*torrent.metainfo, to_hex(torrent.metainfo->info_hash()));
        added.torrent.manual_peers = std::move(peers);
        return session->add(std::move(added));
    }
    [[nodiscard]] bool has_content(const TestTorrent& torrent) {
        const auto paths = storage::paths_in(*torrent.metainfo, to_hex(torrent.metainfo->info_hash()));
        return sim::check_content(env.files(), *torrent.metainfo, paths, torrent.content).has_value();
    }
    void on_torrent_complete(client::TorrentId id) override {
        completed.push_back(id);
        if (when_complete) when_complete(id);
    }
    void on_torrent_ended(const client::TorrentResult& r) override { ended.push_back(r); }
    void on_session_ended(const client::SessionResult& r) override {
        CHECK_FALSE(result.has_value());
        result = r;
        ended_at = env.now();
    }

    SimEnv& env;
    std::unique_ptr<client::Session> session;
    std::function<void(client::TorrentId)> when_complete;
    std::vector<client::TorrentId> completed;
    std::vector<client::TorrentResult> ended;
    std::optional<client::SessionResult> result;
    TimePoint ended_at{};
};

}  // namespace

TEST_CASE("three torrents of one session are downloaded beside each other and end as one") {
    World world({.rng_seed = 1});
    WireHost a(world, torrent_number(0), 2, serves(0, 4));
    WireHost b(world, torrent_number(1), 3, serves(0, 4));
    WireHost c(world, torrent_number(2), 4, serves(0, 4));
    SessionClient client(world);
    for (std::size_t i = 0; i < 3; ++i) {
        REQUIRE(client.add(torrent_number(i), {at(static_cast<Byte>(2 + i))}).has_value());
    }
    CHECK(client.ended.empty());
    world.simulator().run_for(seconds(30));
    REQUIRE(client.result);
    CHECK(client.result->end == TorrentEnd::Done);
    CHECK(client.result->torrents.size() == 3);
    CHECK(client.ended.size() == 3);
    CHECK(client.completed.size() == 3);
    for (std::size_t i = 0; i < 3; ++i) CHECK(client.has_content(torrent_number(i)));
}

TEST_CASE("a torrent that fails ends alone, and its cause is the session's") {
    World world({.rng_seed = 2});
    WireHost good(world, torrent_number(0), 2, serves(0, 4));
    WireHost idle(world, torrent_number(1), 3);
    SessionClient client(world);
    client::TorrentPolicy impatient;
    impatient.timeout = seconds(20);
    REQUIRE(client.add(torrent_number(1), {at(3)}, impatient).has_value());
    REQUIRE(client.add(torrent_number(0), {at(2)}).has_value());
    world.simulator().run_for(seconds(10));
    REQUIRE(client.ended.size() == 1);
    CHECK(client.ended[0].end == TorrentEnd::Done);
    CHECK_FALSE(client.result);
    world.simulator().run_for(seconds(20));
    REQUIRE(client.result);
    CHECK(client.result->end == TorrentEnd::NoProgress);
    CHECK(client.result->torrents[0].end == TorrentEnd::NoProgress);
    CHECK(client.result->torrents[1].end == TorrentEnd::Done);
}

TEST_CASE("a torrent added while its session runs is downloaded, and one removed is forgotten and may come again") {
    World world({.rng_seed = 3});
    WireHost a(world, torrent_number(0), 2, serves(0, 4));
    WireHost idle(world, torrent_number(1), 3);
    SessionClient client(world, false);
    world.simulator().run_for(seconds(5));
    CHECK_FALSE(client.result);  // empty, and waits
    const auto stuck = client.add(torrent_number(1), {at(3)});
    REQUIRE(stuck.has_value());
    CHECK(client.add(torrent_number(1), {}).error().code == ErrorCode::InvalidArgument);
    world.simulator().run_for(seconds(5));
    REQUIRE(client.add(torrent_number(0), {at(2)}).has_value());
    client.session->remove(*stuck);
    CHECK(client.ended.empty());  // never from inside the call
    client.session->remove(*stuck);
    world.simulator().run_for(seconds(20));
    REQUIRE(client.ended.size() == 2);
    CHECK(client.ended[0].end == TorrentEnd::Removed);
    CHECK(client.session->find(*stuck) == nullptr);
    CHECK(client.session->engine().torrents().empty());
    CHECK(client.has_content(torrent_number(0)));
    const auto again = client.add(torrent_number(1), {at(3)});
    REQUIRE(again.has_value());
    CHECK(*again != *stuck);
    world.simulator().run_for(seconds(5));
    CHECK(client.session->find(*again) != nullptr);
    client.session->interrupt();
    world.simulator().run_for(seconds(5));
    REQUIRE(client.result);
    CHECK(client.result->end == TorrentEnd::Interrupted);
    CHECK(client.result->torrents.size() == 3);
    CHECK(client.add(torrent_number(2), {}).error().code == ErrorCode::Cancelled);
}

TEST_CASE("an observer may add and remove torrents while it is told of one") {
    World world({.rng_seed = 4});
    WireHost a(world, torrent_number(0), 2, serves(0, 4));
    WireHost b(world, torrent_number(1), 3, serves(0, 4));
    SessionClient client(world);
    client.when_complete = [&](client::TorrentId id) {
        if (id.value() != 0) return;
        REQUIRE(client.add(torrent_number(1), {at(3)}).has_value());
        client.session->remove(id);
    };
    client::TorrentPolicy stays;
    stays.seed_time = client::kForEver;
    REQUIRE(client.add(torrent_number(0), {at(2)}, stays).has_value());
    world.simulator().run_for(seconds(30));
    REQUIRE(client.result);
    CHECK(client.result->end == TorrentEnd::Done);
    CHECK(client.result->torrents[0].end == TorrentEnd::Removed);
    CHECK(client.has_content(torrent_number(1)));
}

TEST_CASE("a complete torrent seeds until it has given back what the ratio asks for") {
    World world({.rng_seed = 5});
    WireHost seed(world, torrent_number(0), 2, serves(0, 4));
    SessionClient client(world);
    client::TorrentPolicy policy;
    policy.seed_ratio = 2.0;
    policy.seed_time = client::kForEver;
    REQUIRE(client.add(torrent_number(0), {at(2)}, policy).has_value());
    world.simulator().run_for(minutes(1));
    CHECK(client.completed.size() == 1);
    CHECK_FALSE(client.result);
    Node first(world, torrent_number(0), 5, dials({at(1)}));
    first.start();
    world.simulator().run_for(minutes(1));
    CHECK(first.completed == 1);
    CHECK_FALSE(client.result);  // once round is a ratio of 1
    Node second(world, torrent_number(0), 6, dials({at(1)}));
    second.start();
    world.simulator().run_for(minutes(1));
    REQUIRE(client.result);
    CHECK(client.result->end == TorrentEnd::Done);
    CHECK(client.result->torrents[0].snapshot.stats.uploaded >= 2 * torrent_number(0).content.size());
}

TEST_CASE("seed time and ratio: whichever is reached first ends the seeding") {
    World world({.rng_seed = 6});
    WireHost seed(world, torrent_number(0), 2, serves(0, 4));
    SessionClient client(world);
    client::TorrentPolicy policy;
    policy.seed_ratio = 1000.0;
    policy.seed_time = seconds(40);
    REQUIRE(client.add(torrent_number(0), {at(2)}, policy).has_value());
    world.simulator().run_until(TimePoint(seconds(40)));
    CHECK_FALSE(client.result);
    world.simulator().run_for(seconds(10));
    REQUIRE(client.result);
    CHECK(client.result->end == TorrentEnd::Done);
}

TEST_CASE("an interrupted session tells what was complete as Done and the rest as Interrupted") {
    World world({.rng_seed = 7});
    WireHost good(world, torrent_number(0), 2, serves(0, 4));
    WireHost idle(world, torrent_number(1), 3);
    SessionClient client(world);
    client::TorrentPolicy stays;
    stays.seed_time = client::kForEver;
    REQUIRE(client.add(torrent_number(0), {at(2)}, stays).has_value());
    REQUIRE(client.add(torrent_number(1), {at(3)}).has_value());
    world.simulator().run_for(seconds(20));
    client.session->interrupt();
    CHECK_FALSE(client.result);
    world.simulator().run_for(seconds(5));
    REQUIRE(client.result);
    CHECK(client.result->end == TorrentEnd::Interrupted);
    CHECK(client.result->torrents[0].end == TorrentEnd::Done);
    CHECK(client.result->torrents[1].end == TorrentEnd::Interrupted);
}

TEST_CASE("the view tells of every torrent what it does and with whom") {
    World world({.rng_seed = 8});
    WireHost slow(world, torrent_number(0), 2, withholds(0, 4));
    SessionClient client(world);
    REQUIRE(client.add(torrent_number(0), {at(2), at(9)}).has_value());
    world.add_host("nobody", at(9).address);
    world.simulator().run_for(seconds(3));
    const auto view = client.session->view(true);
    REQUIRE(view.torrents.size() == 1);
    const client::TorrentView& torrent = view.torrents[0];
    CHECK(torrent.name == torrent_number(0).metainfo->name());
    CHECK(torrent.info_hash == to_hex(torrent_number(0).metainfo->info_hash()));
    CHECK(torrent.phase == client::Phase::Downloading);
    CHECK(torrent.wanted == 256u << 10);
    CHECK(torrent.have == 0);
    CHECK(torrent.pieces == 4);
    CHECK(torrent.connected == 1);
    CHECK(torrent.known == 2);
    CHECK(torrent.interesting == 1);
    CHECK(torrent.unchoking == 1);
    CHECK_FALSE(torrent.has_trackers);
    REQUIRE(torrent.peers.size() == 1);
    const client::PeerView& peer = torrent.peers[0];
    CHECK(peer.address == at(2).to_string());
    CHECK(peer.am_interested);
    CHECK_FALSE(peer.peer_choking);
    CHECK_FALSE(peer.incoming);
    CHECK(peer.have == 4);
    CHECK(peer.requests > 0);
    CHECK(client.session->view().torrents[0].peers.empty());
    client.session->interrupt();
    world.simulator().run_for(seconds(5));
    REQUIRE(client.result);
    CHECK(client.session->view().torrents[0].phase == client::Phase::Failed);
}
