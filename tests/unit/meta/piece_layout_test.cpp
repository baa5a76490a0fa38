#include "common/meta/piece_layout.h"

#include "tests/support/catch.h"

using bt::BlockIndex;
using bt::BlockRequest;
using bt::kBlockSize;
using bt::PieceIndex;
using bt::meta::PieceLayout;

TEST_CASE("the last piece and its last block are as short as the content makes them") {
    const PieceLayout layout(100'000, 40'000);
    CHECK(layout.piece_count() == 3);
    CHECK(layout.piece_size(PieceIndex(0)) == 40'000);
    CHECK(layout.piece_size(PieceIndex(2)) == 20'000);
    CHECK(layout.piece_offset(PieceIndex(2)) == 80'000);
    CHECK(layout.block_count(PieceIndex(0)) == 3);
    CHECK(layout.block_count(PieceIndex(2)) == 2);
    CHECK(layout.block(PieceIndex(0), BlockIndex(2)) == BlockRequest{PieceIndex(0), 32768, 40'000 - 32768});
    CHECK(layout.block(PieceIndex(2), BlockIndex(1)) == BlockRequest{PieceIndex(2), 16384, 20'000 - 16384});
}

TEST_CASE("content of whole pieces has no short one") {
    const PieceLayout layout(4 * 32768, 32768);
    CHECK(layout.piece_count() == 4);
    CHECK(layout.piece_size(PieceIndex(3)) == 32768);
    CHECK(layout.block_count(PieceIndex(3)) == 2);
    CHECK(PieceLayout(0, 32768).piece_count() == 0);
}

TEST_CASE("only an index below the piece count becomes a piece") {
    const PieceLayout layout(100'000, 40'000);
    CHECK(layout.piece(2) == PieceIndex(2));
    CHECK_FALSE(layout.piece(3));
    CHECK_FALSE(layout.piece(~0u));
    CHECK_FALSE(PieceLayout().piece(0));
}

TEST_CASE("a block is recognised by its exact bounds alone") {
    const PieceLayout layout(100'000, 40'000);
    for (std::uint32_t p = 0; p < layout.piece_count(); ++p) {
        for (std::uint32_t b = 0; b < layout.block_count(PieceIndex(p)); ++b) {
            const BlockRequest exact = layout.block(PieceIndex(p), BlockIndex(b));
            CHECK(layout.block_of(exact) == BlockIndex(b));
            CHECK_FALSE(layout.block_of({exact.piece, exact.begin, exact.length - 1}));
            CHECK_FALSE(layout.block_of({exact.piece, exact.begin, exact.length + 1}));
            CHECK_FALSE(layout.block_of({exact.piece, exact.begin + 1, exact.length}));
        }
    }
    CHECK_FALSE(layout.block_of({PieceIndex(3), 0, kBlockSize}));
    CHECK_FALSE(layout.block_of({PieceIndex(0), 3 * kBlockSize, kBlockSize}));
}

TEST_CASE("a request lies inside its piece to the last byte and not beyond") {
    const PieceLayout layout(100'000, 40'000);
    CHECK(layout.is_inside({PieceIndex(2), 0, 20'000}));
    CHECK_FALSE(layout.is_inside({PieceIndex(2), 0, 20'001}));
    CHECK(layout.is_inside({PieceIndex(2), 19'999, 1}));
    CHECK_FALSE(layout.is_inside({PieceIndex(2), 20'000, 1}));
    CHECK_FALSE(layout.is_inside({PieceIndex(2), 5, 0}));
    CHECK_FALSE(layout.is_inside({PieceIndex(3), 0, 1}));
    CHECK_FALSE(layout.is_inside({PieceIndex(0), 1, ~0u}));  // begin + length would wrap
}

TEST_CASE("pieces of 512 MiB and content of terabytes are counted in 64 bits") {
    const std::uint64_t total = (std::uint64_t{1} << 50) - 1;
    const PieceLayout layout(total, 1u << 29);
    CHECK(layout.piece_count() == 1u << 21);
    CHECK(layout.piece_size(PieceIndex((1u << 21) - 1)) == (1u << 29) - 1);
    CHECK(layout.piece_offset(PieceIndex((1u << 21) - 1)) == total - ((1u << 29) - 1));
}
