#include "common/swarm/piece_priorities.h"

#include "tests/sim/support/test_torrent.h"
#include "tests/support/catch.h"

using namespace bt;

TEST_CASE("a piece is as urgent as the most urgent file that it has bytes of") {
    // Pieces of 16 KiB; files: 0 in pieces 0-1, 1 in pieces 1-2, an empty one, 3 in piece 2, 4 in pieces 3-4.
    const auto torrent = sim::make_test_torrent(
        {.size = 80'000, .piece_length = 16'384, .rng_seed = 1, .file_lengths = {20'000, 20'000, 0, 9'152, 30'848}});
    const auto of = [&](std::vector<std::uint8_t> files) { return swarm::piece_priorities(*torrent.metainfo, files); };
    using Pieces = std::vector<std::uint8_t>;
    CHECK(of({}) == Pieces{4, 4, 4, 4, 4});
    CHECK(of({7, 1, 0, 0, 0}) == Pieces{7, 7, 1, 0, 0});
    CHECK(of({0, 0, 7, 0, 0}) == Pieces{0, 0, 0, 0, 0});
    CHECK(of({0, 0, 0, 2, 0}) == Pieces{0, 0, 2, 0, 0});
    CHECK(of({0, 3, 0, 4, 5}) == Pieces{0, 3, 4, 5, 5});
}
