#include "common/swarm/piece_picker.h"

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/catch.h"

using namespace bt;
using meta::Bitfield;
using meta::PieceLayout;
using swarm::PickedBlock;
using swarm::PickerSettings;
using swarm::PickOrder;
using swarm::PickReason;
using swarm::PiecePicker;

namespace {

constexpr std::uint32_t kBlocks = 4;  // per piece
const ConnectionId kAnn(1);
const ConnectionId kBob(2);
const ConnectionId kCid(3);

PieceLayout pieces_of_four_blocks(std::uint32_t count) {
    return {std::uint64_t{count} * kBlocks * kBlockSize, kBlocks * kBlockSize};
}

Bitfield bits(std::uint32_t piece_count, std::initializer_list<std::uint32_t> pieces) {
    Bitfield field(piece_count);
    for (const std::uint32_t piece : pieces) field.set(PieceIndex(piece));
    return field;
}

Bitfield all(std::uint32_t piece_count) {
    Bitfield field(piece_count);
    field.set_all();
    return field;
}

PickerSettings rarest_at_once() {
    PickerSettings settings;
    settings.random_first_pieces = 0;
    return settings;
}

PickerSettings in_sequence() {
    PickerSettings settings;
    settings.order = PickOrder::Sequential;
    return settings;
}

struct PickerBench {
    explicit PickerBench(const PieceLayout& layout, PickerSettings settings = rarest_at_once(),
                         std::uint64_t rng_seed = 1)
        : picker(layout, Bitfield(layout.piece_count()), settings, Rng(rng_seed)) {}

    std::vector<PickedBlock> pick(ConnectionId peer, const Bitfield& has, std::size_t count, bool may_start = true) {
        std::vector<PickedBlock> out;
        picker.pick(peer, has, count, may_start, out);
        picker.check_invariants();
        return out;
    }
    bool receive(ConnectionId peer, std::uint32_t piece, std::uint32_t block) {
        cancel.clear();
        const bool taken = picker.on_block_received(peer, PieceIndex(piece), BlockIndex(block), cancel);
        picker.check_invariants();
        return taken;
    }
    void drop(ConnectionId peer, std::uint32_t piece, std::uint32_t block) {
        picker.on_request_dropped(peer, PieceIndex(piece), BlockIndex(block));
        picker.check_invariants();
    }
    void verify(std::uint32_t piece) { picker.on_piece_verified(PieceIndex(piece)); }

    PiecePicker picker;
    std::vector<ConnectionId> cancel;
};

std::uint32_t piece_of(const PickedBlock& pick) { return pick.request.piece.value(); }
std::uint32_t block_of(const PickedBlock& pick) { return pick.request.begin / kBlockSize; }

}  // namespace

TEST_CASE("the rarest piece that the peer has is begun first") {
    PickerBench f(pieces_of_four_blocks(4));
    f.picker.on_peer_bitfield(bits(4, {0, 1, 2}));
    f.picker.on_peer_bitfield(bits(4, {0, 2}));
    f.picker.on_peer_bitfield(bits(4, {0, 3}));
    const auto picks = f.pick(kAnn, bits(4, {0, 1, 2}), 3 * kBlocks);
    REQUIRE(picks.size() == 3 * kBlocks);
    CHECK(piece_of(picks[0]) == 1);  // availability 1; piece 3 has 1 too, but not at this peer
    CHECK(piece_of(picks[kBlocks]) == 2);
    CHECK(piece_of(picks[2 * kBlocks]) == 0);
    CHECK(picks[0].reason == PickReason::Rarest);
}

TEST_CASE("equally rare pieces are begun in an order that depends on the rng seed") {
    std::set<std::uint32_t> begun;
    for (std::uint64_t rng_seed = 1; rng_seed <= 40; ++rng_seed) {
        PickerBench f(pieces_of_four_blocks(4), rarest_at_once(), rng_seed);
        f.picker.on_peer_bitfield(all(4));
        begun.insert(piece_of(f.pick(kAnn, all(4), 1).at(0)));
    }
    CHECK(begun.size() == 4);
}

TEST_CASE("the same calls with the same rng seed give the same picks") {
    const auto run = [] {
        PickerBench f(pieces_of_four_blocks(50), PickerSettings{}, 7);
        f.picker.on_peer_bitfield(all(50));
        f.picker.on_peer_have(PieceIndex(3));
        std::vector<BlockRequest> order;
        for (int i = 0; i < 40; ++i) {
            for (const auto& pick : f.pick(ConnectionId(static_cast<std::uint32_t>(i % 3)), all(50), 3)) {
                order.push_back(pick.request);
            }
        }
        return order;
    };
    CHECK(run() == run());
}

TEST_CASE("pieces are begun at random until random_first_pieces are verified and rarest first from then on") {
    std::set<std::uint32_t> begun;
    for (std::uint64_t rng_seed = 1; rng_seed <= 60; ++rng_seed) {
        PickerSettings settings;
        settings.random_first_pieces = 1;
        PickerBench f(pieces_of_four_blocks(6), settings, rng_seed);
        f.picker.on_peer_bitfield(all(6));
        f.picker.on_peer_bitfield(bits(6, {0, 1, 2, 3, 4}));  // 5 is the rarest
        const auto first = f.pick(kAnn, all(6), kBlocks);
        CHECK(first[0].reason == PickReason::RandomFirst);
        begun.insert(piece_of(first[0]));
        for (std::uint32_t b = 0; b < kBlocks; ++b) REQUIRE(f.receive(kAnn, piece_of(first[0]), b));
        f.verify(piece_of(first[0]));
        if (piece_of(first[0]) == 5) continue;
        const auto second = f.pick(kAnn, all(6), 1);
        CHECK(second[0].reason == PickReason::Rarest);
        CHECK(piece_of(second[0]) == 5);
    }
    CHECK(begun.size() == 6);
}

TEST_CASE("sequential order begins the lowest index, random order any") {
    PickerBench f(pieces_of_four_blocks(3), in_sequence());
    f.picker.on_peer_bitfield(bits(3, {0}));  // rarity plays no part
    const auto picks = f.pick(kAnn, bits(3, {1, 2}), 2 * kBlocks);
    CHECK(piece_of(picks[0]) == 1);
    CHECK(piece_of(picks[kBlocks]) == 2);
    CHECK(picks[0].reason == PickReason::Sequential);

    std::set<std::uint32_t> begun;
    for (std::uint64_t rng_seed = 1; rng_seed <= 40; ++rng_seed) {
        PickerSettings settings;
        settings.order = PickOrder::Random;
        PickerBench random(pieces_of_four_blocks(3), settings, rng_seed);
        random.picker.on_peer_bitfield(bits(3, {1, 2}));
        const auto pick = random.pick(kAnn, all(3), 1);
        CHECK(pick[0].reason == PickReason::Random);
        begun.insert(piece_of(pick[0]));
    }
    CHECK(begun.size() == 3);
}

TEST_CASE("a begun piece is finished before another is begun") {
    PickerBench f(pieces_of_four_blocks(2), in_sequence());
    f.pick(kAnn, all(2), 2);
    const auto picks = f.pick(kBob, all(2), 3);
    CHECK(piece_of(picks[0]) == 0);
    CHECK(picks[0].reason == PickReason::Partial);
    CHECK(piece_of(picks[1]) == 0);
    CHECK(piece_of(picks[2]) == 1);
    CHECK(picks[2].reason == PickReason::Sequential);
}

TEST_CASE("of several partial pieces the one with fewest missing blocks is picked first") {
    PickerBench f(pieces_of_four_blocks(2), in_sequence());
    f.pick(kAnn, all(2), 2 * kBlocks);
    REQUIRE(f.receive(kAnn, 1, 0));
    f.drop(kAnn, 0, 3);
    f.drop(kAnn, 1, 3);
    CHECK(piece_of(f.pick(kBob, all(2), 1).at(0)) == 1);
}

TEST_CASE("a peer that keeps pulling gets consecutive blocks of one piece") {
    PickerBench f(pieces_of_four_blocks(2), in_sequence());
    // Ann is on piece 0; Bob has only piece 1 and gets ahead of her there.
    f.pick(kAnn, all(2), 1);
    f.pick(kBob, bits(2, {1}), 1);
    REQUIRE(f.receive(kBob, 1, 0));
    for (std::uint32_t block = 1; block < kBlocks; ++block) {
        const auto pick = f.pick(kAnn, all(2), 1).at(0);
        CHECK(piece_of(pick) == 0);
        CHECK(block_of(pick) == block);
    }
}

TEST_CASE("no piece is begun when memory is short") {
    PickerBench f(pieces_of_four_blocks(2), in_sequence());
    CHECK(f.pick(kAnn, all(2), 4, false).empty());
    f.pick(kAnn, all(2), 1);
    CHECK(f.pick(kAnn, all(2), 10, false).size() == kBlocks - 1);
}

TEST_CASE("a peer is only asked for pieces that it has") {
    PickerBench f(pieces_of_four_blocks(3));
    CHECK(f.pick(kAnn, bits(3, {}), 5).empty());
    for (const auto& pick : f.pick(kAnn, bits(3, {2}), 50)) CHECK(piece_of(pick) == 2);
}

TEST_CASE("endgame begins only when every missing wanted block is requested") {
    PickerBench f(pieces_of_four_blocks(2), in_sequence());
    f.pick(kAnn, all(2), 2 * kBlocks - 1);
    CHECK_FALSE(f.picker.is_endgame());
    const auto picks = f.pick(kBob, all(2), 3);
    REQUIRE(picks.size() == 3);
    CHECK(picks[0].reason == PickReason::Partial);
    CHECK(f.picker.is_endgame());
    CHECK(picks[1].reason == PickReason::Endgame);
    // The oldest requests first, never one of his own.
    CHECK(piece_of(picks[1]) == 0);
    CHECK(block_of(picks[1]) == 0);
    CHECK(block_of(picks[2]) == 1);
}

TEST_CASE("endgame asks at most two peers for a block and no peer twice") {
    PickerBench f(pieces_of_four_blocks(1));
    f.pick(kAnn, all(1), kBlocks);
    CHECK(f.pick(kAnn, all(1), kBlocks).empty());
    CHECK(f.pick(kBob, all(1), kBlocks).size() == kBlocks);
    CHECK(f.pick(kBob, all(1), kBlocks).empty());
    CHECK(f.pick(kCid, all(1), kBlocks).empty());
}

TEST_CASE("with one requester a block there is no endgame") {
    PickerSettings settings = rarest_at_once();
    settings.max_endgame_requesters = 1;
    PickerBench f(pieces_of_four_blocks(1), settings);
    f.pick(kAnn, all(1), kBlocks);
    CHECK(f.picker.is_endgame());
    CHECK(f.pick(kBob, all(1), kBlocks).empty());
}

TEST_CASE("a block that arrives in endgame cancels the other requests for it") {
    PickerBench f(pieces_of_four_blocks(1));
    f.pick(kAnn, all(1), kBlocks);
    f.pick(kBob, all(1), kBlocks);
    CHECK(f.receive(kBob, 0, 2));
    CHECK(f.cancel == std::vector{kAnn});
    CHECK_FALSE(f.receive(kAnn, 0, 2));
    CHECK(f.cancel.empty());
    CHECK(f.picker.requested_blocks(PieceIndex(0)) == kBlocks - 1);
}

TEST_CASE("an endgame request that is dropped may go to another peer") {
    PickerBench f(pieces_of_four_blocks(1));
    f.pick(kAnn, all(1), kBlocks);
    f.pick(kBob, all(1), kBlocks);
    f.drop(kAnn, 0, 1);
    CHECK(f.picker.is_endgame());
    const auto picks = f.pick(kCid, all(1), kBlocks);
    REQUIRE(picks.size() == 1);
    CHECK(block_of(picks[0]) == 1);
    CHECK(f.pick(kAnn, all(1), kBlocks).empty());
}

TEST_CASE("a block that nobody is asked for any more ends endgame") {
    PickerBench f(pieces_of_four_blocks(1));
    f.pick(kAnn, all(1), kBlocks);
    f.drop(kAnn, 0, 2);
    CHECK_FALSE(f.picker.is_endgame());
    const auto pick = f.pick(kBob, all(1), 1).at(0);
    CHECK(block_of(pick) == 2);
    CHECK(pick.reason == PickReason::Partial);
}

TEST_CASE("a block is taken once, and only of a piece in progress") {
    PickerBench f(pieces_of_four_blocks(2), in_sequence());
    f.pick(kAnn, all(2), 2);
    CHECK(f.receive(kAnn, 0, 0));
    CHECK_FALSE(f.receive(kAnn, 0, 0));
    CHECK_FALSE(f.receive(kAnn, 1, 0));
    CHECK(f.receive(kBob, 0, 3));  // of a partial piece also unasked
}

TEST_CASE("a block that comes after its request was dropped is still taken") {
    PickerBench f(pieces_of_four_blocks(1));
    f.pick(kAnn, all(1), 1);
    f.drop(kAnn, 0, 0);
    CHECK(f.picker.is_partial(PieceIndex(0)));
    CHECK(f.receive(kAnn, 0, 0));
    CHECK(f.picker.requested_blocks(PieceIndex(0)) == 0);
}

TEST_CASE("a full piece waits for its verdict and is then done or missing as a whole") {
    PickerBench f(pieces_of_four_blocks(1));
    f.pick(kAnn, all(1), kBlocks);
    for (std::uint32_t b = 0; b < kBlocks; ++b) {
        CHECK_FALSE(f.picker.is_piece_full(PieceIndex(0)));
        f.receive(kAnn, 0, b);
    }
    CHECK(f.picker.is_piece_full(PieceIndex(0)));
    CHECK_FALSE(f.picker.is_partial(PieceIndex(0)));
    CHECK_FALSE(f.picker.is_endgame());
    CHECK(f.pick(kBob, all(1), 9).empty());

    f.picker.on_piece_failed(PieceIndex(0));
    CHECK_FALSE(f.picker.is_piece_full(PieceIndex(0)));
    CHECK(f.picker.missing_pieces() == 1);
    CHECK(f.pick(kBob, all(1), 9).size() == kBlocks);
    for (std::uint32_t b = 0; b < kBlocks; ++b) f.receive(kBob, 0, b);
    f.verify(0);
    CHECK(f.picker.is_complete());
    CHECK(f.picker.have().is_complete());
    CHECK(f.pick(kAnn, all(1), 9).empty());
}

TEST_CASE("an abandoned piece is begun anew, without the blocks it had") {
    PickerBench f(pieces_of_four_blocks(1));
    f.pick(kAnn, all(1), 2);
    f.receive(kAnn, 0, 0);
    f.drop(kAnn, 0, 1);
    f.picker.on_piece_abandoned(PieceIndex(0));
    CHECK_FALSE(f.picker.is_partial(PieceIndex(0)));
    CHECK(f.pick(kAnn, all(1), 9, false).empty());
    CHECK(f.pick(kAnn, all(1), 9).size() == kBlocks);
}

TEST_CASE("unwanted pieces are not picked, but what was requested of them is still taken") {
    PickerBench f(pieces_of_four_blocks(2), in_sequence());
    f.pick(kAnn, all(2), 2);
    f.picker.set_wanted(PieceIndex(0), false);
    CHECK(f.picker.missing_pieces() == 1);
    for (const auto& pick : f.pick(kBob, all(2), 9)) CHECK(piece_of(pick) == 1);
    CHECK(f.receive(kAnn, 0, 0));
    f.verify(1);
    CHECK(f.picker.is_complete());
    f.picker.set_wanted(PieceIndex(0), true);
    CHECK_FALSE(f.picker.is_complete());
    CHECK(f.pick(kBob, all(2), 9).size() == 3);  // two free, one in endgame
}

TEST_CASE("availability counts connected peers, seeds among them") {
    PickerBench f(pieces_of_four_blocks(3));
    f.picker.on_peer_bitfield(all(3));
    f.picker.on_peer_bitfield(bits(3, {1}));
    CHECK(f.picker.availability(PieceIndex(0)) == 1);
    CHECK(f.picker.availability(PieceIndex(1)) == 2);
    f.picker.on_peer_gone(all(3));
    CHECK(f.picker.availability(PieceIndex(0)) == 0);
    f.picker.on_peer_gone(bits(3, {1}));
    CHECK(f.picker.availability(PieceIndex(1)) == 0);
}

TEST_CASE("a peer that became complete by have messages is counted right when it leaves") {
    PickerBench f(pieces_of_four_blocks(2));
    f.picker.on_peer_bitfield(all(2));
    f.picker.on_peer_bitfield(bits(2, {0}));
    f.picker.on_peer_have(PieceIndex(1));  // both are seeds now
    CHECK(f.picker.availability(PieceIndex(0)) == 2);
    f.picker.on_peer_gone(all(2));
    CHECK(f.picker.availability(PieceIndex(1)) == 1);
    f.picker.on_peer_gone(all(2));
    CHECK(f.picker.availability(PieceIndex(0)) == 0);
    CHECK(f.picker.availability(PieceIndex(1)) == 0);
    f.picker.check_invariants();
}

TEST_CASE("the last piece and its last block may be short") {
    PickerBench f({kBlocks * kBlockSize + kBlockSize + 5, kBlocks * kBlockSize}, in_sequence());
    const auto picks = f.pick(kAnn, bits(2, {1}), 9);
    REQUIRE(picks.size() == 2);
    CHECK(picks[0].request == BlockRequest{PieceIndex(1), 0, kBlockSize});
    CHECK(picks[1].request == BlockRequest{PieceIndex(1), kBlockSize, 5});
}

TEST_CASE("pieces of one block and torrents of one piece work") {
    PickerBench f({3 * kBlockSize, kBlockSize});
    CHECK(f.pick(kAnn, all(3), 9).size() == 3);
    CHECK(f.receive(kAnn, 1, 0));
    CHECK(f.picker.is_piece_full(PieceIndex(1)));

    PickerBench tiny({1, kBlockSize});
    CHECK(tiny.pick(kAnn, all(1), 9).at(0).request.length == 1);
    CHECK(tiny.receive(kAnn, 0, 0));
    tiny.verify(0);
    CHECK(tiny.picker.is_complete());
}

TEST_CASE("a torrent without pieces is complete and gives nothing") {
    PickerBench f({0, kBlockSize});
    CHECK(f.picker.is_complete());
    CHECK_FALSE(f.picker.is_endgame());
    CHECK(f.pick(kAnn, Bitfield(0), 5).empty());
}

TEST_CASE("what was there at the start is not picked") {
    PiecePicker picker(pieces_of_four_blocks(3), bits(3, {0, 2}), rarest_at_once(), Rng(1));
    CHECK(picker.missing_pieces() == 1);
    std::vector<PickedBlock> out;
    picker.pick(kAnn, all(3), 50, true, out);
    CHECK(out.size() == kBlocks);
    CHECK(piece_of(out[0]) == 1);
}

TEST_CASE("pieces of higher priority are begun first, and rarity decides among equals") {
    PickerBench f(pieces_of_four_blocks(6));
    f.picker.set_priority(PieceIndex(4), 7);
    f.picker.set_priority(PieceIndex(5), 7);
    f.picker.set_priority(PieceIndex(0), 1);
    f.picker.on_peer_bitfield(all(6));
    f.picker.on_peer_bitfield(bits(6, {2, 3, 4}));
    f.picker.on_peer_have(PieceIndex(1));
    std::vector<std::uint32_t> order;
    for (const PickedBlock& pick : f.pick(kAnn, all(6), 24)) {
        if (block_of(pick) == 0) order.push_back(piece_of(pick));
    }
    REQUIRE(order.size() == 6);
    CHECK(order[0] == 5);
    CHECK(order[1] == 4);
    CHECK(order[5] == 0);
}

TEST_CASE("a peer that lacks the urgent pieces is asked for the most urgent ones that it has") {
    const PickOrder how = GENERATE(PickOrder::RarestFirst, PickOrder::Sequential, PickOrder::Random);
    PickerSettings settings = rarest_at_once();
    settings.order = how;
    PickerBench f(pieces_of_four_blocks(4), settings);
    f.picker.set_priority(PieceIndex(0), 7);
    f.picker.set_priority(PieceIndex(2), 6);
    f.picker.on_peer_bitfield(bits(4, {1, 2, 3}));
    const auto picks = f.pick(kAnn, bits(4, {1, 2, 3}), 1);
    REQUIRE(picks.size() == 1);
    CHECK(piece_of(picks[0]) == 2);
}

TEST_CASE("a begun piece of high priority is finished before one of which less is missing") {
    PickerBench f(pieces_of_four_blocks(2), in_sequence());
    f.pick(kAnn, all(2), 3);
    f.pick(kBob, bits(2, {1}), 1);
    f.picker.set_priority(PieceIndex(1), 7);
    const auto picks = f.pick(kCid, all(2), 1);
    REQUIRE(picks.size() == 1);
    CHECK(piece_of(picks[0]) == 1);
}

TEST_CASE("the order by priority holds while the number of peers grows far beyond what it was") {
    PickerBench f(pieces_of_four_blocks(8));
    f.picker.set_priority(PieceIndex(7), 7);
    f.picker.set_priority(PieceIndex(6), 1);
    f.picker.on_peer_bitfield(all(8));
    CHECK(piece_of(f.pick(kAnn, all(8), 4)[0]) == 7);
    // 1 stays a candidate and becomes common; 2 is taken out, becomes common and comes back.
    f.picker.set_priority(PieceIndex(2), 0);
    for (int i = 0; i < 40; ++i) {
        f.picker.on_peer_have(PieceIndex(1));
        f.picker.on_peer_have(PieceIndex(2));
        f.picker.check_invariants();
    }
    f.picker.set_priority(PieceIndex(2), 7);
    f.picker.check_invariants();
    std::vector<std::uint32_t> order;
    for (const PickedBlock& pick : f.pick(kBob, all(8), 28)) {
        if (block_of(pick) == 0) order.push_back(piece_of(pick));
    }
    REQUIRE(order.size() == 7);
    CHECK(order[0] == 2);
    CHECK(order[5] == 1);
    CHECK(order[6] == 6);
}

TEST_CASE("a piece without priority is not picked, and is again when it gets one") {
    PickerBench f(pieces_of_four_blocks(2));
    f.picker.set_priority(PieceIndex(0), 0);
    f.picker.set_priority(PieceIndex(1), 0);
    CHECK(f.picker.is_complete());
    CHECK(f.pick(kAnn, all(2), 8).empty());
    f.picker.set_priority(PieceIndex(1), 2);
    CHECK_FALSE(f.picker.is_complete());
    CHECK(f.pick(kAnn, all(2), 8).size() == 4);
    f.picker.set_wanted(PieceIndex(1), true);
    CHECK(f.picker.priority(PieceIndex(1)) == 2);
}

TEST_CASE("a piece that is taken back counts for nobody, whether its peer came as a seed or not", "[piece_picker]") {
    const meta::PieceLayout layout(8 * 65536, 65536);
    PiecePicker picker(layout, meta::Bitfield(8), {}, Rng(1));
    meta::Bitfield all(8);
    all.set_all();
    meta::Bitfield some(8);
    some.set(PieceIndex(2));
    picker.on_peer_bitfield(all);
    picker.on_peer_bitfield(all);
    picker.on_peer_bitfield(some);
    picker.on_peer_lost(PieceIndex(2));
    picker.check_invariants();
    CHECK(picker.availability(PieceIndex(2)) == 2);
    CHECK(picker.availability(PieceIndex(3)) == 2);
    picker.on_peer_lost(PieceIndex(3));
    picker.check_invariants();
    CHECK(picker.availability(PieceIndex(3)) == 1);
    // Everybody leaves, in an order that the counting has to survive.
    meta::Bitfield first = all;
    first.clear(PieceIndex(2));
    first.clear(PieceIndex(3));
    picker.on_peer_gone(some);
    picker.on_peer_gone(first);
    picker.check_invariants();
    for (std::uint32_t i = 0; i < 8; ++i) CHECK(picker.availability(PieceIndex(i)) == 1);
    picker.on_peer_gone(all);
    for (std::uint32_t i = 0; i < 8; ++i) CHECK(picker.availability(PieceIndex(i)) == 0);
    picker.check_invariants();
}
