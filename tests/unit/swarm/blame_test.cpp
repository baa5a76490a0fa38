#include "common/swarm/blame.h"

#include "common/crypto/hash.h"
#include "tests/support/catch.h"

using namespace bt;
using swarm::Blame;

namespace {

const PieceIndex kBlamedPiece(3);
Address peer(int n) { return Address::v4({127, 0, 0, static_cast<Byte>(n)}); }
Sha1Digest digest(const char* text) { return crypto::sha1(as_bytes(text)); }

}  // namespace

TEST_CASE("the only sender of a failed piece is guilty at once", "[blame]") {
    Blame blame;
    const auto guilty = blame.on_piece_failed(kBlamedPiece, {peer(1), peer(1)}, {digest("a"), digest("b")});
    CHECK(guilty == std::vector{peer(1)});
    CHECK_FALSE(blame.is_suspect(kBlamedPiece));
}

TEST_CASE("of several senders the one whose block differs from the good one is guilty", "[blame]") {
    Blame blame;
    CHECK(blame.on_piece_failed(kBlamedPiece, {peer(1), peer(2), peer(1)}, {digest("a"), digest("BAD"), digest("c")})
              .empty());
    REQUIRE(blame.is_suspect(kBlamedPiece));
    const auto guilty = blame.on_piece_verified(kBlamedPiece, {digest("a"), digest("b"), digest("c")});
    CHECK(guilty == std::vector{peer(2)});
    CHECK_FALSE(blame.is_suspect(kBlamedPiece));
}

TEST_CASE("nobody is guilty of a good piece", "[blame]") {
    Blame blame;
    CHECK(blame.on_piece_verified(kBlamedPiece, {}).empty());
    REQUIRE(blame.on_piece_failed(kBlamedPiece, {peer(1), peer(2)}, {digest("a"), digest("X")}).empty());
    CHECK(blame.on_piece_verified(PieceIndex(4), {digest("a")}).empty());
    CHECK(blame.is_suspect(kBlamedPiece));
}

TEST_CASE("who sends the same block twice with different bytes is guilty before the piece is good", "[blame]") {
    Blame blame;
    REQUIRE(blame.on_piece_failed(kBlamedPiece, {peer(1), peer(2)}, {digest("a"), digest("x")}).empty());
    const auto guilty = blame.on_piece_failed(kBlamedPiece, {peer(1), peer(2)}, {digest("a"), digest("y")});
    CHECK(guilty == std::vector{peer(2)});
}

TEST_CASE("only so many failed pieces are remembered", "[blame]") {
    Blame blame;
    for (std::uint32_t i = 0; i < Blame::kMaxSuspectPieces + 1; ++i) {
        REQUIRE(blame.on_piece_failed(PieceIndex(i), {peer(1), peer(2)}, {digest("a"), digest("b")}).empty());
    }
    CHECK(blame.is_suspect(PieceIndex(Blame::kMaxSuspectPieces - 1)));
    CHECK_FALSE(blame.is_suspect(PieceIndex(Blame::kMaxSuspectPieces)));
}
