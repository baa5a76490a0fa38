// Some files of a torrent are wanted and others are not, from the start or from some moment on.

#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;

namespace {

constexpr std::uint32_t kPiece = 64 * 1024;

// 16 pieces; file 0: pieces 0-3 and half of 4, file 1: the rest of 4 to 9, file 2: 10-15.
const TestTorrent& three_files() {
    static const TestTorrent torrent =
        sim::make_test_torrent({.size = 16 * kPiece,
                                .piece_length = kPiece,
                                .rng_seed = 5,
                                .file_lengths = {4 * kPiece + kPiece / 2, 5 * kPiece + kPiece / 2, 6 * kPiece}});
    return torrent;
}

Node::Change wants(std::vector<std::uint8_t> priorities, std::vector<Endpoint> peers) {
    return [=](engine::EngineSettings&, engine::TorrentOptions& options) {
        options.file_priorities = priorities;
        options.manual_peers = peers;
    };
}

}  // namespace

TEST_CASE("only pieces of the wanted files are asked for, and with them the torrent is complete") {
    World world({.rng_seed = 1});
    WireHost seed(world, three_files(), 2, serves(0, 16));
    Node node(world, three_files(), 1, wants({0, 4, 0}, {at(2)}));
    node.start();
    world.simulator().run_for(seconds(20));
    CHECK(node.completed == 1);
    CHECK(node.torrent->is_complete());
    CHECK_FALSE(node.torrent->torrent()->has_everything());
    const auto stats = node.torrent->snapshot().stats;
    CHECK(stats.have == 6);
    CHECK(stats.left == 0);
    CHECK(stats.wanted == 6 * kPiece);
    CHECK(stats.lacking == 10 * kPiece);
    CHECK(node.torrent->snapshot().word == "seeding");
    for (const wire::Request& request : seed.peer().requests) CHECK((request.piece >= 4 && request.piece <= 9));
}

TEST_CASE("pieces of urgent files come before those of others") {
    World world({.rng_seed = 2});
    WireHost seed(world, three_files(), 2, serves(0, 16), {200'000, 0});
    Node node(world, three_files(), 1, wants({1, 4, 7}, {at(2)}));
    node.start();
    world.simulator().run_for(seconds(60));
    REQUIRE(node.completed == 1);
    const auto rank = [](std::uint32_t piece) { return piece >= 10 ? 0 : piece >= 4 ? 1 : 2; };
    int last = 0;
    for (const wire::Request& request : seed.peer().requests) {
        CHECK(rank(request.piece) >= last);
        last = rank(request.piece);
    }
    CHECK(last == 2);
}

TEST_CASE("a file that becomes wanted while the torrent runs is fetched, and completion is told again") {
    World world({.rng_seed = 3});
    WireHost seed(world, three_files(), 2, serves(0, 15));  // no seed: it stays connected
    Node node(world, three_files(), 1, wants({4, 0, 0}, {at(2)}));
    node.start();
    world.simulator().run_for(seconds(20));
    REQUIRE(node.completed == 1);
    REQUIRE(node.torrent->snapshot().stats.have == 5);
    node.torrent->set_file_priorities({4, 4, 0});
    CHECK(node.torrent->snapshot().stats.left == 5 * kPiece);
    world.simulator().run_for(seconds(20));
    CHECK(node.completed == 2);
    CHECK(node.torrent->snapshot().stats.have == 10);
    CHECK(node.torrent->snapshot().stats.left == 0);
}

TEST_CASE("a file that is not wanted any more completes the torrent when it was all that lacked") {
    World world({.rng_seed = 4});
    WireHost seed(world, three_files(), 2, serves(0, 10));
    Node node(world, three_files(), 1, wants({}, {at(2)}));
    node.start();
    world.simulator().run_for(seconds(20));
    REQUIRE(node.completed == 0);
    REQUIRE(node.torrent->snapshot().stats.have == 10);
    node.torrent->set_file_priorities({4, 4, 0});
    CHECK(node.completed == 1);
    CHECK(node.torrent->snapshot().stats.left == 0);
}
