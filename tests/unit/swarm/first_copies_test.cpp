#include "common/swarm/first_copies.h"

#include <algorithm>

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::swarm;

namespace {

const auto kNowhere = [](PieceIndex) { return false; };

std::vector<std::uint32_t> all_of(FirstCopies& copies) {
    std::vector<std::uint32_t> given;
    while (const auto piece = copies.next(kNowhere)) given.push_back(piece->value());
    return given;
}

}  // namespace

TEST_CASE("every piece is given once, in an order drawn from the rng") {
    FirstCopies one(100, Rng(1));
    FirstCopies same(100, Rng(1));
    FirstCopies other(100, Rng(2));
    std::vector<std::uint32_t> given = all_of(one);
    CHECK(given == all_of(same));
    CHECK(given != all_of(other));
    CHECK_FALSE(std::ranges::is_sorted(given));
    std::ranges::sort(given);
    REQUIRE(given.size() == 100);
    for (std::uint32_t i = 0; i < 100; ++i) CHECK(given[i] == i);
}

TEST_CASE("what is in the swarm already need not be given; what was given for nothing comes again") {
    FirstCopies copies(10, Rng(1));
    const auto first = copies.next([](PieceIndex piece) { return piece.value() != 7; });
    REQUIRE(first);
    CHECK(first->value() == 7);
    const std::vector<std::uint32_t> rest = all_of(copies);
    CHECK(rest.size() < 10);
    CHECK_FALSE(copies.next(kNowhere));
    copies.give_back(PieceIndex(7));
    CHECK(all_of(copies) == std::vector<std::uint32_t>{7});
}

TEST_CASE("what somebody asked for of its own accord is not given any more, unless it comes back") {
    FirstCopies copies(10, Rng(1));
    copies.take(PieceIndex(4));
    const std::vector<std::uint32_t> given = all_of(copies);
    CHECK(given.size() == 9);
    CHECK(std::ranges::count(given, 4u) == 0);
    copies.give_back(PieceIndex(4));
    CHECK(all_of(copies) == std::vector<std::uint32_t>{4});
}
