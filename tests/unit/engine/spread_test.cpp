// How a node keeps a swarm with slow uplinks busy: a seed names to each peer other pieces, and what waits long at one
// peer is asked for of another that has nothing to do.

#include <set>

#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;

namespace {

// Wants everything but the first pieces, which it has, and keeps what is suggested to it.
struct Listener {
    std::uint32_t has = 0;
    bool speaks_fast = true;
    std::vector<std::uint32_t> suggested = {};

    WireHost::Setup setup() {
        return [this](WirePeer& peer) {
            peer.offers_fast = speaks_fast;
            peer.on_ready = [this](WirePeer& p) {
                if (has > 0) p.say_pieces(0, has);
                p.say(wire::Interested{});
            };
            peer.on_message = [this](WirePeer&, const wire::Message& message) {
                if (const auto* s = std::get_if<wire::SuggestPiece>(&message)) suggested.push_back(s->piece);
            };
        };
    }
};

const TestTorrent& torrent_of_512_blocks() {
    static const TestTorrent torrent =
        sim::make_test_torrent({.size = 512 * kBlockSize, .piece_length = 4 * kBlockSize, .rng_seed = 78});
    return torrent;
}

// What a peer that never answers was asked for and what was taken back, and what one that has the first 50 pieces
// (200 blocks) and answers was asked for.
struct Moved {
    std::vector<wire::Cancel> cancelled;
    std::vector<wire::Request> asked_of_other;
    bool both_open = false;
};

Moved run_beside_silent_peer(std::uint32_t depth) {
    World world({.rng_seed = 3});
    Moved moved;
    WireHost silent(world, torrent_of_512_blocks(), 2, [&](WirePeer& peer) {
        peer.on_ready = [](WirePeer& p) {
            p.say_all();
            p.say(wire::Unchoke{});
        };
        peer.on_message = [&](WirePeer&, const wire::Message& message) {
            if (const auto* cancel = std::get_if<wire::Cancel>(&message)) moved.cancelled.push_back(*cancel);
        };
    });
    Node node(world, torrent_of_512_blocks(), 1, [=](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.manual_peers = {at(2)};
        options.swarm.picker.order = swarm::PickOrder::Sequential;
        options.swarm.pipeline.initial_depth = depth;
    });
    node.start();
    world.simulator().run_for(seconds(3));
    CHECK(silent.peer().requests.size() == depth);
    WireHost other(world, torrent_of_512_blocks(), 3, serves(0, 50));
    node.torrent->add_peer(at(3), swarm::PeerSource::Manual);
    world.simulator().run_for(seconds(10));
    moved.asked_of_other = other.peer().requests;
    moved.both_open = silent.open() == 1 && other.open() == 1;
    return moved;
}

}  // namespace

TEST_CASE("a seed suggests other pieces to each peer, first those that nobody has, and more as they are asked for") {
    World world({.rng_seed = 1});
    Node seed(world, small_torrent(), 1, seeds);
    seed.place();
    seed.start();
    Listener one{.has = 2};
    Listener two;
    Listener old{.speaks_fast = false};
    WireHost hosts[] = {{world, small_torrent(), 2}, {world, small_torrent(), 3}, {world, small_torrent(), 4}};
    WirePeer& to_one = hosts[0].dial(at(1), one.setup());
    world.simulator().run_for(seconds(1));
    CHECK(one.suggested.empty());  // who is alone may ask for what it likes
    hosts[1].dial(at(1), two.setup());
    hosts[2].dial(at(1), old.setup());
    world.simulator().run_for(seconds(1));
    CHECK(two.suggested.size() == swarm::kHintsAhead);
    to_one.say(wire::Request{15, 0, kBlockSize});
    world.simulator().run_for(seconds(1));
    CHECK(one.suggested.size() == swarm::kHintsAhead);
    CHECK(two.suggested.size() == swarm::kHintsAhead);
    CHECK(old.suggested.empty());
    // All the others are given out in the end, each once, without those that are in the swarm already, or that somebody
    // has asked for of its own accord.
    for (std::size_t i = 0; i < one.suggested.size(); ++i) {
        to_one.say(wire::Request{one.suggested[i], 0, kBlockSize});
        world.simulator().run_for(seconds(1));
    }
    std::set<std::uint32_t> given(one.suggested.begin(), one.suggested.end());
    given.insert(two.suggested.begin(), two.suggested.end());
    CHECK(given.size() == one.suggested.size() + two.suggested.size());
    given.insert(15);
    CHECK(given.size() == 14);
    CHECK(*given.begin() == 2);
    // Nobody is left behind: what was suggested to a peer that goes is for the next one.
    const std::set<std::uint32_t> of_two(two.suggested.begin(), two.suggested.end());
    hosts[1].peer().close();
    Listener three;
    WireHost next(world, small_torrent(), 5);
    next.dial(at(1), three.setup());
    world.simulator().run_for(seconds(1));
    CHECK(std::set<std::uint32_t>(three.suggested.begin(), three.suggested.end()) == of_two);
}

TEST_CASE("who has not everything suggests nothing") {
    World world({.rng_seed = 2});
    WireHost giver(world, small_torrent(), 9, serves(0, 15));
    Node node(world, small_torrent(), 1, dials({at(9)}));
    node.start();
    world.simulator().run_for(seconds(5));
    REQUIRE(node.torrent->torrent()->have().count() == 15);
    Listener listener;
    WireHost host(world, small_torrent(), 2);
    const WirePeer& peer = host.dial(at(1), listener.setup());
    world.simulator().run_for(seconds(5));
    CHECK(peer.count("unchoke") == 1);
    CHECK(listener.suggested.empty());
}

TEST_CASE("what waits behind a send buffer's worth of requests is asked for of a peer that has nothing to do") {
    const Moved moved = run_beside_silent_peer(200);
    CHECK(moved.both_open);
    // The first 64 blocks, pieces 0 to 15, may be on their way.
    CHECK(moved.cancelled.size() == 200 - 64);
    CHECK(moved.asked_of_other.size() == 200 - 64);
    for (const wire::Cancel& cancel : moved.cancelled) CHECK((cancel.piece >= 16 && cancel.piece < 50));
    for (const wire::Request& request : moved.asked_of_other) CHECK((request.piece >= 16 && request.piece < 50));
}

TEST_CASE("requests that fit into a send buffer stay where they are") {
    const Moved moved = run_beside_silent_peer(64);
    CHECK(moved.both_open);
    CHECK(moved.cancelled.empty());
    for (const wire::Request& request : moved.asked_of_other) CHECK(request.piece >= 16);
}
