// A torrent in trouble: peers that do not answer, little memory, full disks, and an end at any moment.

#include "common/engine/torrent_node.h"

#include <cerrno>

#include "tests/unit/engine/support.h"
#include "tracker/tracker_node.h"

using namespace bt;
using namespace bt::test;

namespace {

constexpr std::uint64_t kPiece = 64 * 1024;

Node::Change with_memory(std::uint64_t bytes, std::vector<Endpoint> peers) {
    return [=](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.swarm.max_piece_memory = bytes;
        options.manual_peers = peers;
    };
}

}  // namespace

TEST_CASE("blocks that a peer withholds are given up after 25 s and come from somebody else") {
    World world({.rng_seed = 1});
    // The good peer is slow enough to be busy all the time: its pipeline is full whenever a request is given up.
    WireHost good(world, small_torrent(), 2, serves(0, 16), {12'000, 0});
    WireHost bad(world, small_torrent(), 3, withholds(0, 16));
    const bool bad_first = GENERATE(true, false);
    Node node(world, small_torrent(), 1, [&](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.manual_peers = {bad_first ? at(3) : at(2)};
        options.swarm.picker.max_endgame_requesters = 1;  // endgame would hide what is asked for here
    });
    node.start();
    world.simulator().run_for(seconds(1));
    node.torrent->add_peer(bad_first ? at(2) : at(3), swarm::PeerSource::Manual);
    world.simulator().run_for(seconds(20));
    REQUIRE_FALSE(bad.peer().requests.empty());
    REQUIRE(node.count("request_expired") == 0);
    // It stays connected and says that it lives, so nothing but the time-out of requests helps.
    for (int i = 0; i < 10; ++i) {
        world.simulator().run_for(seconds(9));
        if (bad.peer().is_open()) bad.peer().say(wire::KeepAlive{});
    }
    CHECK(node.count("request_expired") > 0);
    CHECK(node.completed == 1);
    CHECK(node.has_content());
}

TEST_CASE("a request is given up 25 s after it was made") {
    World world({.rng_seed = 2});
    WireHost bad(world, small_torrent(), 3, withholds(0, 16));
    Node node(world, small_torrent(), 1, dials({at(3)}));
    node.start();
    world.simulator().run_for(seconds(25));
    CHECK(node.count("request_expired") == 0);
    world.simulator().run_for(milliseconds(1500));
    CHECK(node.count("request_expired") == 4);
    CHECK(bad.peer().count("cancel") == 4);
}

TEST_CASE("a peer that was given up is believed again as soon as it delivers") {
    World world({.rng_seed = 3});
    bool delivers = false;
    WireHost moody(world, small_torrent(), 3, [&](WirePeer& peer) {
        serves(0, 16)(peer);
        peer.on_message = [&, normal = peer.on_message](WirePeer& p, const wire::Message& message) {
            if (!delivers && std::holds_alternative<wire::Request>(message)) return;
            normal(p, message);
        };
    });
    Node node(world, small_torrent(), 1, dials({at(3)}));
    node.start();
    world.simulator().run_for(seconds(40));
    CHECK(node.torrent->snapshot().stats.have == 0);
    delivers = true;
    world.simulator().run_for(seconds(40));
    CHECK(node.completed == 1);
    CHECK(node.has_content());
}

TEST_CASE("with memory for less than two pieces a torrent still completes, and never holds more") {
    World world({.rng_seed = 4});
    const std::uint64_t memory = GENERATE(std::uint64_t{0}, kPiece, 2 * kPiece - 1, 2 * kPiece);
    CAPTURE(memory);
    // The last piece is short: one block of it must not let two pieces in at a time.
    const TestTorrent torrent =
        sim::make_test_torrent({.size = 10 * kPiece + 100, .piece_length = kPiece, .rng_seed = 5});
    WireHost one(world, torrent, 2, serves(0, 11));
    WireHost two(world, torrent, 3, serves(0, 11));
    Node node(world, torrent, 1, with_memory(memory, {at(2), at(3)}));
    std::uint64_t most = 0;
    world.simulator().add_hook([&](const sim::EventInfo&) {
        if (node.torrent && node.torrent->torrent()) most = std::max(most, node.torrent->torrent()->buffered_bytes());
    });
    node.start();
    world.simulator().run_for(minutes(1));
    CHECK(node.completed == 1);
    CHECK(node.has_content());
    CHECK(most <= std::max(memory, kPiece));
    CHECK(most >= kPiece);
}

TEST_CASE("partial pieces of peers that are gone make room for pieces that can be had") {
    World world({.rng_seed = 6});
    // Two peers with pieces of their own, of which they give a part; a third has the rest.
    const auto gives_one_block = [](std::uint32_t piece) {
        return [piece](WirePeer& peer) {
            serves(piece, 1)(peer);
            peer.on_message = [normal = peer.on_message](WirePeer& p, const wire::Message& message) {
                const auto* request = std::get_if<wire::Request>(&message);
                if (request == nullptr || request->begin == 0) normal(p, message);
            };
        };
    };
    const bool vanish = GENERATE(true, false);  // or stay, with their requests open
    WireHost a(world, small_torrent(), 2, gives_one_block(0));
    WireHost b(world, small_torrent(), 3, gives_one_block(1));
    WireHost rest(world, small_torrent(), 4, serves(2, 14));
    Node node(world, small_torrent(), 1, with_memory(2 * kPiece, {at(2), at(3)}));
    node.start();
    world.simulator().run_for(seconds(2));
    CHECK(node.count("piece_begun") == 2);
    if (vanish) {
        world.network().partition(a.env().host());
        world.network().partition(b.env().host());
    }
    node.torrent->add_peer(at(4), swarm::PeerSource::Manual);
    for (int i = 0; i < 20; ++i) {
        world.simulator().run_for(seconds(5));
        for (WireHost* host : {&a, &b}) {
            if (host->peer().is_open()) host->peer().say(wire::KeepAlive{});
        }
    }
    CHECK(node.torrent->snapshot().stats.have == 14);
    CHECK(node.count("piece_abandoned") >= 1);
}

TEST_CASE("what a peer owes when it chokes us comes from others, and from itself when it unchokes") {
    World world({.rng_seed = 7});
    int served = 0;
    WireHost moody(world, small_torrent(), 2, [&](WirePeer& peer) {
        serves(0, 16)(peer);
        peer.on_message = [&, normal = peer.on_message](WirePeer& p, const wire::Message& message) {
            if (!std::holds_alternative<wire::Request>(message)) return normal(p, message);
            if (served % 7 == 6) {
                ++served;
                p.say(wire::Choke{});
                world.simulator().schedule(world.now() + seconds(2), std::nullopt, [&p] { p.say(wire::Unchoke{}); });
                return;
            }
            // Answers what it was asked before the choke too: late, but no breach.
            ++served;
            normal(p, message);
        };
    });
    Node node(world, small_torrent(), 1, dials({at(2)}));
    node.start();
    world.simulator().run_for(minutes(3));
    CHECK(node.completed == 1);
    CHECK(node.has_content());
    CHECK(node.count("peer_connected") == 1);
    CHECK(node.count("peer_disconnected", "everything") == node.count("peer_disconnected"));
}

TEST_CASE("a disk that fills up fails the torrent once; what was verified stays and is believed by the next start") {
    World world({.rng_seed = 9});
    WireHost good(world, small_torrent(), 2, serves(0, 16), {500'000, 0});
    const auto change = [](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.manual_peers = {at(2)};
        options.resume_path = "state/resume";
        options.boot_id = "boot";
    };
    Node node(world, small_torrent(), 1, change);
    node.env().files().set_capacity(6 * kPiece + 20'000);
    node.start();
    world.simulator().run_for(seconds(10));
    CHECK(node.failed == 1);
    REQUIRE(node.failure);
    CHECK(node.failure->code == ErrorCode::DiskFull);
    CHECK(node.torrent->state() == engine::TorrentState::Failed);
    CHECK(node.completed == 0);
    const std::uint32_t have = node.torrent->snapshot().stats.have;
    CHECK(have >= 4);
    world.simulator().run_for(minutes(1));
    CHECK(node.failed == 1);
    node.env().files().set_capacity(UINT64_MAX);
    node.engine->stop();
    world.simulator().run_for(seconds(5));
    CHECK(node.engine_stopped == 1);
    for (std::uint32_t i = 0; i < 16; ++i) {
        if (!node.torrent->torrent()->have().has(PieceIndex(i))) continue;
        ByteBuffer on_disk(kPiece);
        const auto content = node.env().files().read_all(node.options().paths[0]);
        REQUIRE(content.has_value());
        CHECK(std::ranges::equal(ByteView(*content).subspan(i * kPiece, kPiece), small_torrent().piece(PieceIndex(i))));
    }
    CHECK(node.env().files().stat("state/resume")->exists);
}

TEST_CASE("an output folder that cannot be used fails the torrent before it talks to anybody") {
    World world({.rng_seed = 10});
    WireHost good(world, small_torrent(), 2, serves(0, 16));
    Node node(world, small_torrent(), 1, dials({at(2)}));
    node.env().files().make_folder(node.options().paths[0]);
    node.start();
    world.simulator().run_for(seconds(10));
    CHECK(node.failed == 1);
    CHECK(good.size() == 0);
    node.engine->stop();
    world.simulator().run_for(seconds(1));
    CHECK(node.engine_stopped == 1);
}

TEST_CASE("a leecher serves what it has while it downloads") {
    World world({.rng_seed = 11});
    WireHost first_half(world, small_torrent(), 2, serves(0, 8));
    Node middle(world, small_torrent(), 1, dials({at(2)}));
    Node last(world, small_torrent(), 3, dials({at(1)}));
    middle.start();
    last.start();
    world.simulator().run_for(seconds(30));
    CHECK(middle.completed == 0);
    CHECK(middle.torrent->snapshot().stats.have == 8);
    CHECK(last.torrent->snapshot().stats.have == 8);
    CHECK(middle.torrent->snapshot().stats.uploaded == 8 * kPiece);
    CHECK(middle.torrent->snapshot().word == "downloading");
}

TEST_CASE("a finished client serves, dials nobody, and leaves no resume data behind") {
    World world({.rng_seed = 12});
    Node seed(world, small_torrent(), 1, seeds);
    seed.place();
    const auto change = [](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.manual_peers = {at(1)};
        options.resume_path = "state/resume";
        options.boot_id = "boot";
    };
    Node client(world, small_torrent(), 2, change);
    Node late(world, small_torrent(), 3, dials({at(2)}));
    seed.start();
    client.start();
    world.simulator().run_for(seconds(10));
    REQUIRE(client.completed == 1);
    CHECK(client.torrent->snapshot().word == "seeding");
    const std::size_t dials_before = client.count("dialing");
    late.start();
    world.simulator().run_for(minutes(2));
    CHECK(late.completed == 1);
    CHECK(client.count("dialing") == dials_before);
    client.engine->stop();
    world.simulator().run_for(seconds(1));
    CHECK(client.engine_stopped == 1);
    CHECK_FALSE(client.env().files().stat("state/resume")->exists);
}

TEST_CASE("stop ends with on_engine_stopped exactly once, whenever it comes") {
    // Everything from the check to seeding happens within this time: disk jobs of 1 ms, delays of 20 ms.
    const int milliseconds_in = GENERATE(range(0, 400, 7));
    CAPTURE(milliseconds_in);
    World world({.rng_seed = 13});
    Node seed(world, small_torrent(), 1, seeds, {4'000'000, 0});
    seed.place();
    Node client(world, small_torrent(), 2, [](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.manual_peers = {at(1)};
        options.resume_path = "state/resume";
        options.boot_id = "boot";
    });
    seed.start();
    client.start();
    world.simulator().run_for(milliseconds(milliseconds_in));
    client.engine->stop();
    CHECK(client.engine_stopped == 0);  // never from inside the call
    client.engine->stop();
    world.simulator().run_for(seconds(5));
    CHECK(client.engine_stopped == 1);
    CHECK(client.torrent_stopped == 1);
    CHECK(client.torrent->state() == engine::TorrentState::Stopped);
    CHECK(world.network().open_streams(client.env().host()) == 0);
    CHECK(client.env().sim_disk().jobs_waiting() == 0);
    // Silent from then on, and safe to be destroyed.
    const std::size_t seen = client.seen.size();
    world.simulator().run_for(minutes(3));
    CHECK(client.seen.size() == seen);
    client.engine.reset();
    world.simulator().run_for(seconds(1));
}

TEST_CASE("stop waits for the writes that are under way, and their pieces count") {
    World world({.rng_seed = 14});
    WireHost good(world, small_torrent(), 2, serves(0, 16));
    Node node(world, small_torrent(), 1,
              [](engine::EngineSettings&, engine::TorrentOptions& options) {
                  options.manual_peers = {at(2)};
                  options.resume_path = "state/resume";
                  options.boot_id = "boot";
              },
              {}, {.job_latency = seconds(1)});
    node.start();
    REQUIRE(world.simulator().run_until([&] { return node.running == 1 && node.env().sim_disk().jobs_waiting() >= 3; },
                                        TimePoint(minutes(1))));
    const std::size_t under_way = node.env().sim_disk().jobs_waiting();
    node.engine->stop();
    world.simulator().run_for(milliseconds(500));
    CHECK(node.engine_stopped == 0);
    world.simulator().run_for(minutes(1));
    CHECK(node.engine_stopped == 1);
    const auto bytes = node.env().files().read_all("state/resume");
    REQUIRE(bytes.has_value());
    const auto resume = storage::ResumeData::decode(*bytes, 16);
    REQUIRE(resume.has_value());
    CHECK(resume->pieces.count() >= under_way);
    CHECK(resume->pieces == node.torrent->torrent()->have());
}

TEST_CASE("an engine without torrents, and one whose torrent was stopped before, stop too") {
    World world({.rng_seed = 15});
    Node node(world, small_torrent(), 1);
    const bool with_torrent = GENERATE(false, true);
    if (with_torrent) {
        node.start();
        world.simulator().run_for(seconds(1));
        node.torrent->stop();
        world.simulator().run_for(seconds(5));
        CHECK(node.torrent_stopped == 1);
        CHECK(node.engine_stopped == 0);
    } else {
        REQUIRE(node.engine->start().has_value());
    }
    node.engine->stop();
    world.simulator().run_for(seconds(5));
    CHECK(node.engine_stopped == 1);
}

TEST_CASE("a leecher that knows nobody asks its tracker again as soon as that allows, not after the interval") {
    const TestTorrent torrent = sim::make_test_torrent(
        {.size = 1u << 20, .piece_length = 64 * 1024, .rng_seed = 78, .trackers = {"http://10.0.0.9:6969/announce"}});
    World world({.rng_seed = 16});
    SimEnv& tracker_env = world.add_host("tracker", at(9).address);
    tracker::NodeSettings settings;
    settings.announce.interval = minutes(30);
    settings.announce.min_interval = seconds(20);
    tracker::TrackerNode tracker(tracker_env, settings, Rng(1), {});
    REQUIRE(tracker.start(at(9, 6969)).has_value());
    Node leecher(world, torrent, 1);
    Node seed(world, torrent, 2, seeds);
    seed.place();
    leecher.start();
    world.simulator().run_for(seconds(5));
    seed.start();
    world.simulator().run_for(seconds(15));
    CHECK(leecher.count("announce_sent") == 1);
    world.simulator().run_for(milliseconds(300));
    CHECK(leecher.count("announce_sent") == 2);
    world.simulator().run_for(seconds(5));
    CHECK(leecher.completed == 1);
    // With a peer, or with everything, it keeps to the interval.
    world.simulator().run_for(minutes(20));
    CHECK(leecher.count("announce_sent") == 3);  // the third said `completed`
}
