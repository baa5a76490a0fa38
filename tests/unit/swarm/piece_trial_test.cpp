// A piece that came in corrupt from several peers is fetched from one of them alone.
#include <vector>

#include "common/swarm/piece_picker.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::swarm;

namespace {

constexpr ConnectionId kA{1};
constexpr ConnectionId kB{2};
constexpr PieceIndex kTriedPiece{0};

// One piece of four blocks, and two peers that have it.
struct TrialBench {
    meta::PieceLayout layout{4 * 16384, 4 * 16384};
    PiecePicker picker{layout, meta::Bitfield(1), PickerSettings{}, Rng(1)};
    meta::Bitfield all = full();

    static meta::Bitfield full() {
        meta::Bitfield pieces(1);
        pieces.set(kTriedPiece);
        return pieces;
    }
    TrialBench() {
        picker.on_peer_bitfield(all);
        picker.on_peer_bitfield(all);
    }
    std::vector<PickedBlock> pick(ConnectionId peer, std::size_t count) {
        std::vector<PickedBlock> out;
        picker.pick(peer, all, count, true, out);
        picker.check_invariants();
        return out;
    }
    void receive(ConnectionId peer, const std::vector<PickedBlock>& blocks) {
        std::vector<ConnectionId> cancel;
        for (const auto& picked : blocks) {
            REQUIRE(picker.on_block_received(peer, kTriedPiece, BlockIndex(picked.request.begin / 16384), cancel));
        }
    }
    void fill_from_both() {
        const auto from_a = pick(kA, 2);
        const auto from_b = pick(kB, 2);
        REQUIRE(from_a.size() == 2);
        REQUIRE(from_b.size() == 2);
        receive(kA, from_a);
        receive(kB, from_b);
        REQUIRE(picker.is_piece_full(kTriedPiece));
    }
};

}  // namespace

TEST_CASE("a piece on trial goes to the first peer that takes from it and to no other") {
    TrialBench f;
    f.fill_from_both();
    f.picker.on_piece_failed(kTriedPiece, true);
    const auto first = f.pick(kB, 1);
    REQUIRE(first.size() == 1);
    CHECK(f.pick(kA, 4).empty());
    f.receive(kB, first);
    CHECK(f.pick(kA, 4).empty());
    CHECK(f.pick(kB, 4).size() == 3);
    CHECK(f.pick(kA, 4).empty());  // nor in the endgame
}

TEST_CASE("a piece that failed without a trial is shared again") {
    TrialBench f;
    f.fill_from_both();
    f.picker.on_piece_failed(kTriedPiece);
    CHECK(f.pick(kB, 1).size() == 1);
    CHECK(f.pick(kA, 1).size() == 1);
}

TEST_CASE("a trial ends when its peer owes nothing more without having finished") {
    TrialBench f;
    f.fill_from_both();
    f.picker.on_piece_failed(kTriedPiece, true);
    f.receive(kB, f.pick(kB, 1));
    const auto owed = f.pick(kB, 2);
    f.picker.on_request_dropped(kB, kTriedPiece, BlockIndex(owed[0].request.begin / 16384));
    CHECK(f.pick(kA, 4).empty());  // one request is still out
    f.picker.on_request_dropped(kB, kTriedPiece, BlockIndex(owed[1].request.begin / 16384));
    CHECK(f.pick(kA, 4).size() == 3);
}

TEST_CASE("a trial ends when its peer stops although it owes nothing at the moment") {
    TrialBench f;
    f.fill_from_both();
    f.picker.on_piece_failed(kTriedPiece, true);
    f.receive(kB, f.pick(kB, 2));
    f.picker.on_peer_stopped(kA);
    CHECK(f.pick(kA, 4).empty());
    f.picker.on_peer_stopped(kB);
    CHECK(f.pick(kA, 4).size() == 2);
}

TEST_CASE("each failure puts the piece on trial anew, for whoever takes first") {
    TrialBench f;
    f.fill_from_both();
    f.picker.on_piece_failed(kTriedPiece, true);
    f.receive(kB, f.pick(kB, 4));
    f.picker.on_piece_failed(kTriedPiece, true);
    f.receive(kA, f.pick(kA, 4));
    f.picker.on_piece_verified(kTriedPiece);
    f.picker.check_invariants();
    CHECK(f.picker.is_complete());
}
