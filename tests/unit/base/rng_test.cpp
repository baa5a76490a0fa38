#include "common/base/rng.h"

#include <algorithm>
#include <array>
#include <set>
#include <vector>

#include "tests/support/catch.h"

using bt::Rng;

TEST_CASE("the same rng_seed gives the same numbers on every machine") {
    // Computed by a separate implementation of splitmix64 and xoshiro256**.
    Rng rng(42);
    CHECK(rng.next() == 1546998764402558742u);
    CHECK(rng.next() == 6990951692964543102u);
    CHECK(rng.next() == 12544586762248559009u);
}

TEST_CASE("another rng_seed gives other numbers") {
    Rng a(1);
    Rng b(2);
    CHECK(a.next() != b.next());
}

TEST_CASE("bounded numbers reach every value below the bound and none beyond") {
    Rng rng(5);
    for (std::uint64_t bound : {1u, 2u, 3u, 7u, 10u}) {
        std::set<std::uint64_t> seen;
        for (int i = 0; i < 500; ++i) seen.insert(rng.below(bound));
        CHECK(seen.size() == bound);
        CHECK(*seen.rbegin() == bound - 1);
    }
}

TEST_CASE("bounded numbers are spread evenly") {
    Rng rng(6);
    std::array<int, 6> counts{};
    for (int i = 0; i < 60'000; ++i) ++counts[static_cast<std::size_t>(rng.below(6))];
    // Standard deviation is 91: six of them.
    for (int count : counts) CHECK(std::abs(count - 10'000) < 550);
}

TEST_CASE("a chance of none and of all is certain") {
    Rng rng(7);
    for (int i = 0; i < 100; ++i) {
        CHECK_FALSE(rng.chance(0, 3));
        CHECK(rng.chance(3, 3));
    }
}

TEST_CASE("a shuffle keeps the items and reaches every order") {
    Rng rng(8);
    std::set<std::vector<int>> orders;
    for (int i = 0; i < 200; ++i) {
        std::vector<int> items = {1, 2, 3};
        rng.shuffle(std::span<int>(items));
        orders.insert(items);
        std::sort(items.begin(), items.end());
        CHECK(items == std::vector<int>{1, 2, 3});
    }
    CHECK(orders.size() == 6);
}

TEST_CASE("a fork has a stream of its own, replayed from the same state and salt") {
    Rng a(9);
    Rng b(9);
    Rng fork_a = a.fork(1);
    Rng fork_b = b.fork(1);
    CHECK(fork_a.next() == fork_b.next());
    CHECK(a.next() == b.next());
    Rng c(9);
    Rng other = c.fork(2);
    CHECK(other.next() != Rng(9).fork(1).next());
}

TEST_CASE("fill writes every byte of any length") {
    for (std::size_t size = 0; size < 20; ++size) {
        bt::ByteBuffer bytes(size);
        std::vector<bool> changed(size);
        Rng rng(10);
        for (int round = 0; round < 30; ++round) {
            rng.fill(bytes);
            for (std::size_t i = 0; i < size; ++i) changed[i] = changed[i] || bytes[i] != 0;
        }
        CHECK(std::count(changed.begin(), changed.end(), false) == 0);
    }
}
