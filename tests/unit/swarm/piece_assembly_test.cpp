#include "common/swarm/piece_assembly.h"

#include "tests/support/catch.h"

using namespace bt;
using swarm::PieceAssembly;

namespace {

const meta::PieceLayout kTenPieces(10 * 32768, 32768);
const Address kPeer = Address::v4({127, 0, 0, 1});
const ByteBuffer kBlockBytes(kBlockSize, 0xab);

}  // namespace

TEST_CASE("a piece is put together from its blocks in any order", "[piece_assembly]") {
    PieceAssembly assembly(kTenPieces, 1u << 20);
    assembly.begin(PieceIndex(4), TimePoint{});
    const ByteBuffer other(kBlockSize, 0xcd);
    assembly.store(PieceIndex(4), BlockIndex(1), other, Address::v4({127, 0, 0, 2}), TimePoint{});
    assembly.store(PieceIndex(4), BlockIndex(0), kBlockBytes, kPeer, TimePoint{});
    const auto whole = assembly.take(PieceIndex(4));
    CHECK(equal_bytes(whole.buffer.bytes().first(kBlockSize), kBlockBytes));
    CHECK(equal_bytes(whole.buffer.bytes().subspan(kBlockSize), other));
    CHECK(whole.contributors == swarm::Contributors{kPeer, Address::v4({127, 0, 0, 2})});
    CHECK_FALSE(assembly.contains(PieceIndex(4)));
}

TEST_CASE("memory is bounded, counts what is on its way to the disk, and one piece may always be begun",
          "[piece_assembly]") {
    PieceAssembly assembly(kTenPieces, 2 * 32768);
    CHECK(assembly.has_room());
    assembly.begin(PieceIndex(0), TimePoint{});
    CHECK(assembly.has_room());
    assembly.begin(PieceIndex(1), TimePoint{});
    CHECK_FALSE(assembly.has_room());
    auto whole = assembly.take(PieceIndex(0));
    CHECK_FALSE(assembly.has_room());
    assembly.recycle(std::move(whole.buffer));
    CHECK(assembly.has_room());

    PieceAssembly tiny(kTenPieces, 100);
    CHECK(tiny.has_room());
    tiny.begin(PieceIndex(0), TimePoint{});
    CHECK_FALSE(tiny.has_room());
}

TEST_CASE("idle pieces are named longest first, the young ones never", "[piece_assembly]") {
    PieceAssembly assembly(kTenPieces, 1u << 20);
    using Pieces = std::vector<PieceIndex>;
    assembly.begin(PieceIndex(5), TimePoint{});
    assembly.begin(PieceIndex(2), TimePoint{});
    assembly.begin(PieceIndex(7), TimePoint{} + seconds(10));
    const TimePoint now = TimePoint{} + seconds(30);
    CHECK(assembly.idle(now, seconds(30)) == Pieces{PieceIndex(2), PieceIndex(5)});
    CHECK(assembly.idle(now, seconds(20)) == Pieces{PieceIndex(2), PieceIndex(5), PieceIndex(7)});
    CHECK(assembly.idle(now, seconds(31)).empty());
    assembly.store(PieceIndex(2), BlockIndex(0), kBlockBytes, kPeer, now);
    CHECK(assembly.idle(now, seconds(30)) == Pieces{PieceIndex(5)});
    assembly.abandon(PieceIndex(5));
    CHECK(assembly.idle(now, seconds(30)).empty());
}
