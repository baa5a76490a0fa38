#include "common/meta/bitfield.h"

#include <vector>

#include "common/base/rng.h"
#include "tests/support/catch.h"

using bt::Byte;
using bt::ByteBuffer;
using bt::PieceIndex;
using bt::meta::Bitfield;

TEST_CASE("piece 0 is the high bit of the first byte") {
    Bitfield field(10);
    CHECK(field.set(PieceIndex(0)));
    CHECK(field.set(PieceIndex(9)));
    CHECK(bt::to_buffer(field.wire()) == ByteBuffer{0x80, 0x40});
    CHECK(field.count() == 2);
}

TEST_CASE("setting and clearing tell whether the bit changed") {
    Bitfield field(3);
    CHECK(field.set(PieceIndex(1)));
    CHECK_FALSE(field.set(PieceIndex(1)));
    CHECK(field.count() == 1);
    CHECK(field.clear(PieceIndex(1)));
    CHECK_FALSE(field.clear(PieceIndex(1)));
    CHECK(field.is_empty());
}

TEST_CASE("a bitfield message of the wrong length is refused") {
    const ByteBuffer one{0xFF};
    const ByteBuffer two{0xFF, 0x80};
    const ByteBuffer three{0xFF, 0x80, 0x00};
    CHECK_FALSE(Bitfield::from_wire(one, 9));
    CHECK(Bitfield::from_wire(two, 9));
    CHECK_FALSE(Bitfield::from_wire(three, 9));
    CHECK_FALSE(Bitfield::from_wire({}, 1));
    CHECK(Bitfield::from_wire({}, 0));
}

TEST_CASE("a bitfield message with a spare bit set is refused") {
    for (std::uint32_t pieces = 1; pieces <= 8; ++pieces) {
        const ByteBuffer full{static_cast<Byte>(0xFF00u >> pieces)};
        const auto field = Bitfield::from_wire(full, pieces);
        REQUIRE(field);
        CHECK(field->is_complete());
        if (pieces == 8) continue;
        const ByteBuffer spare{static_cast<Byte>(full[0] | 0x80u >> pieces)};
        CHECK_FALSE(Bitfield::from_wire(spare, pieces));
    }
}

TEST_CASE("set_all leaves the spare bits clear") {
    for (std::uint32_t pieces : {0u, 1u, 7u, 8u, 9u, 64u, 1001u}) {
        Bitfield field(pieces);
        field.set_all();
        CHECK(field.is_complete());
        CHECK(field.count() == pieces);
        field.check_invariants();
        const auto copy = Bitfield::from_wire(field.wire(), pieces);
        REQUIRE(copy);
        CHECK(*copy == field);
    }
}

TEST_CASE("the next set or clear piece is what a plain walk finds") {
    bt::Rng rng(1);
    for (std::uint32_t pieces : {1u, 8u, 9u, 31u, 200u}) {
        Bitfield field(pieces);
        std::vector<bool> model(pieces);
        for (int i = 0; i < 60; ++i) {
            const auto piece = static_cast<std::uint32_t>(rng.below(pieces));
            const bool on = rng.chance(1, 2);
            CHECK((on ? field.set(PieceIndex(piece)) : field.clear(PieceIndex(piece))) == (model[piece] != on));
            model[piece] = on;
        }
        field.check_invariants();
        for (std::uint32_t from = 0; from <= pieces; ++from) {
            std::optional<PieceIndex> set;
            std::optional<PieceIndex> clear;
            for (std::uint32_t p = pieces; p-- > from;) (model[p] ? set : clear) = PieceIndex(p);
            CHECK(field.next_set(PieceIndex(from)) == set);
            CHECK(field.next_clear(PieceIndex(from)) == clear);
        }
    }
}

TEST_CASE("the spare bits of a full bitfield are no clear pieces") {
    Bitfield field(9);
    field.set_all();
    CHECK_FALSE(field.next_clear(PieceIndex(0)));
    CHECK_FALSE(field.next_set(PieceIndex(9)));
}
