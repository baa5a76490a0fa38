#include "tracker/connection_id.h"

#include "tests/support/catch.h"
#include "tests/support/times.h"

namespace bt::tracker {
namespace {

using bt::test_time::at;

constexpr crypto::SipKey kKey{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};

Address v4(Byte last) { return Address::v4({127, 0, 0, last}); }
Address v6(Byte last) {
    std::array<Byte, 16> bytes{0xfd};
    bytes[15] = last;
    return Address::v6(bytes);
}

TEST_CASE("a connection id is good for 120 seconds from the second it was made") {
    const ConnectionIds ids(kKey, {});
    const std::uint64_t id = ids.make(v4(1), at(1000.7));
    CHECK(ids.is_good(id, v4(1), at(1000.7)));
    CHECK(ids.is_good(id, v4(1), at(1120.7)));
    CHECK_FALSE(ids.is_good(id, v4(1), at(1121)));
}

TEST_CASE("the grace is added to a connection id's life, lenient mode knows no end") {
    const ConnectionIds graced(kKey, {.grace = seconds(60)});
    const std::uint64_t id = graced.make(v4(1), at(1000));
    CHECK(graced.is_good(id, v4(1), at(1180.9)));
    CHECK_FALSE(graced.is_good(id, v4(1), at(1181)));
    const ConnectionIds lenient(kKey, {.lenient = true});
    CHECK(lenient.is_good(id, v4(1), at(1000'000)));
    CHECK_FALSE(lenient.is_good(id, v4(2), at(1000)));
    CHECK_FALSE(lenient.is_good(id, v4(1), at(999)));
}

TEST_CASE(
    "bad input: a connection id of another address, another key, the future, or with any bit changed is refused") {
    const ConnectionIds ids(kKey, {.grace = seconds(300)});
    const TimePoint now = at(1000);
    for (const Address& mine : {v4(1), v6(1)}) {
        const std::uint64_t id = ids.make(mine, now);
        REQUIRE(ids.is_good(id, mine, now));
        CHECK_FALSE(ids.is_good(id, v4(2), now));
        CHECK_FALSE(ids.is_good(id, v6(2), now));
        CHECK_FALSE(ids.is_good(id, mine, at(999.9)));
        crypto::SipKey other = kKey;
        other[15] = 0;
        CHECK_FALSE(ConnectionIds(other, {}).is_good(id, mine, now));
        for (int bit = 0; bit < 64; ++bit) CHECK_FALSE(ids.is_good(id ^ (std::uint64_t{1} << bit), mine, now));
    }
    CHECK_FALSE(ids.is_good(0, v4(1), now));
    CHECK_FALSE(ids.is_good(UINT64_MAX, v4(1), now));
    CHECK_FALSE(ids.is_good(0x41727101980, v4(1), now));
}

}  // namespace
}  // namespace bt::tracker
