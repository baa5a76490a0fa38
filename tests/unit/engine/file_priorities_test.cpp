// Some files of a torrent are wanted and others are not, from the start or from some moment on.

#include <algorithm>

#include "common/storage/file_names.h"
#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;

namespace {

constexpr std::uint32_t kRankedPiece = 64 * 1024;

// 16 pieces; file 0: pieces 0-3 and half of 4, file 1: the rest of 4 to 9, file 2: 10-15.
const TestTorrent& three_ranked_files() {
    static const TestTorrent torrent = sim::make_test_torrent(
        {.size = 16 * kRankedPiece,
         .piece_length = kRankedPiece,
         .rng_seed = 5,
         .file_lengths = {4 * kRankedPiece + kRankedPiece / 2, 5 * kRankedPiece + kRankedPiece / 2, 6 * kRankedPiece}});
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
    WireHost seed(world, three_ranked_files(), 2, serves(0, 16));
    Node node(world, three_ranked_files(), 1, wants({0, 4, 0}, {at(2)}));
    node.start();
    world.simulator().run_for(seconds(20));
    CHECK(node.completed == 1);
    CHECK(node.torrent->is_complete());
    CHECK_FALSE(node.torrent->torrent()->has_everything());
    const auto stats = node.torrent->snapshot().stats;
    CHECK(stats.have == 6);
    CHECK(stats.left == 0);
    CHECK(stats.wanted == 6 * kRankedPiece);
    CHECK(stats.lacking == 10 * kRankedPiece);
    CHECK(node.torrent->snapshot().word == "seeding");
    for (const wire::Request& request : seed.peer().requests) CHECK((request.piece >= 4 && request.piece <= 9));
}

TEST_CASE("pieces of urgent files come before those of others") {
    World world({.rng_seed = 2});
    WireHost seed(world, three_ranked_files(), 2, serves(0, 16), {200'000, 0});
    Node node(world, three_ranked_files(), 1, wants({1, 4, 7}, {at(2)}));
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
    WireHost seed(world, three_ranked_files(), 2, serves(0, 15));  // no seed: it stays connected
    Node node(world, three_ranked_files(), 1, wants({4, 0, 0}, {at(2)}));
    node.start();
    world.simulator().run_for(seconds(20));
    REQUIRE(node.completed == 1);
    REQUIRE(node.torrent->snapshot().stats.have == 5);
    node.torrent->set_file_priorities({4, 4, 0});
    CHECK(node.torrent->snapshot().stats.left == 5 * kRankedPiece);
    world.simulator().run_for(seconds(20));
    CHECK(node.completed == 2);
    CHECK(node.torrent->snapshot().stats.have == 10);
    CHECK(node.torrent->snapshot().stats.left == 0);
}

TEST_CASE("a file that is not wanted any more completes the torrent when it was all that lacked") {
    World world({.rng_seed = 4});
    WireHost seed(world, three_ranked_files(), 2, serves(0, 10));
    Node node(world, three_ranked_files(), 1, wants({}, {at(2)}));
    node.start();
    world.simulator().run_for(seconds(20));
    REQUIRE(node.completed == 0);
    REQUIRE(node.torrent->snapshot().stats.have == 10);
    node.torrent->set_file_priorities({4, 4, 0});
    CHECK(node.completed == 1);
    CHECK(node.torrent->snapshot().stats.left == 0);
}

TEST_CASE("with placement a file has its name when it is complete, and completion is told behind that") {
    World world({.rng_seed = 5});
    WireHost seed(world, three_ranked_files(), 2, serves(0, 15));
    Node node(world, three_ranked_files(), 1, [&](engine::EngineSettings& settings, engine::TorrentOptions& options) {
        wants({4, 0, 0}, {at(2)})(settings, options);
        options.placement = storage::placement_in(*three_ranked_files().metainfo, "content");
        options.resume_path = "state";
    });
    const auto names = [&] { return node.env().files().paths(); };
    node.start();
    while (node.completed == 0 && world.simulator().step()) {
    }
    CHECK(names() == std::vector<std::string>{"content/.content.swarm-parts", "content/content/file-0"});

    node.torrent->set_file_priorities({4, 4, 0});
    world.simulator().run_for(milliseconds(50));
    CHECK(std::ranges::count(names(), "content/content/file-1.part") == 1);
    while (node.completed == 1 && world.simulator().step()) {
    }
    CHECK(names() == std::vector<std::string>{"content/.content.swarm-parts", "content/content/file-0",
                                              "content/content/file-1"});
    const auto& map = three_ranked_files().metainfo->file_map();
    for (const std::uint32_t i : {0u, 1u}) {
        const auto original =
            ByteView(three_ranked_files().content).subspan(map.file_start(FileIndex(i)), map.file_length(FileIndex(i)));
        CHECK(equal_bytes(*node.env().files().read_all("content/content/file-" + std::to_string(i)), original));
    }
    node.engine->stop();
    world.simulator().run_for(seconds(20));
    CHECK(node.engine_stopped == 1);
    CHECK(names() == std::vector<std::string>{"content/content/file-0", "content/content/file-1"});
}

TEST_CASE("files whose last rename a kill prevented get their names at the next start") {
    World world({.rng_seed = 6});
    Node node(world, three_ranked_files(), 1, [&](engine::EngineSettings& settings, engine::TorrentOptions& options) {
        wants({}, {})(settings, options);
        options.placement = storage::placement_in(*three_ranked_files().metainfo, "content");
    });
    node.place();
    auto& files = node.env().files();
    for (const auto& path : node.options().paths) REQUIRE(files.rename(path, path + ".part"));
    node.start();
    world.simulator().run_for(seconds(5));
    CHECK(node.has_content());
    CHECK(node.torrent->is_complete());
    CHECK(files.paths().size() == 3);
}

TEST_CASE("a file that cannot be renamed ends the torrent with what the disk said") {
    World world({.rng_seed = 7});
    WireHost seed(world, three_ranked_files(), 2, serves(0, 16));
    Node node(world, three_ranked_files(), 1, [&](engine::EngineSettings& settings, engine::TorrentOptions& options) {
        wants({4, 0, 0}, {at(2)})(settings, options);
        options.placement = storage::placement_in(*three_ranked_files().metainfo, "content");
    });
    node.start();
    world.simulator().run_for(milliseconds(100));
    node.env().files().make_folder("content/content/file-0");
    world.simulator().run_for(seconds(20));
    CHECK(node.completed == 0);
    REQUIRE(node.failed == 1);
    CHECK(node.failure->fault == Fault::System);
    CHECK(node.torrent->state() == engine::TorrentState::Failed);
}
