#include "common/swarm/peer_list.h"

#include <algorithm>
#include <set>

#include "common/swarm/peer_priority.h"
#include "tests/support/catch.h"
#include "tests/support/times.h"

using namespace bt;
using swarm::peer_priority;
using swarm::PeerList;
using swarm::PeerListSettings;
using swarm::PeerSource;

namespace {

using bt::test_time::at;

Endpoint host(int number, std::uint16_t port = 6881) {
    return {Address::v4({10, 0, static_cast<Byte>(number / 256), static_cast<Byte>(number % 256)}), port};
}

PeerList list_of(int count, PeerListSettings settings = {}, std::uint64_t rng_seed = 1) {
    PeerList list(settings, Rng(rng_seed));
    for (int i = 1; i <= count; ++i) REQUIRE(list.add(host(i), PeerSource::Tracker, at(0)));
    return list;
}

void fail_next(PeerList& list, TimePoint now) {
    const auto dialed = list.next_to_dial(now);
    REQUIRE(dialed);
    list.on_dial_failed(*dialed, now);
    list.check_invariants();
}

}  // namespace

TEST_CASE("an address is new once and dialed once") {
    PeerList list({}, Rng(1));
    CHECK(list.next_deadline() == kNever);
    CHECK(list.add(host(1), PeerSource::Tracker, at(3)));
    CHECK_FALSE(list.add(host(1), PeerSource::Exchange, at(4)));
    CHECK(list.source_of(host(1)) == PeerSource::Tracker);
    CHECK(list.next_deadline() == at(3));
    CHECK(list.next_to_dial(at(4)) == host(1));
    CHECK_FALSE(list.next_to_dial(at(4)));
    CHECK(list.next_deadline() == kNever);
    CHECK(list.known() == 1);
}

TEST_CASE("port 0 and unspecified addresses are refused") {
    PeerList list({}, Rng(1));
    CHECK_FALSE(list.add(host(1, 0), PeerSource::Tracker, at(0)));
    CHECK_FALSE(list.add({Address{}, 6881}, PeerSource::Tracker, at(0)));
    CHECK_FALSE(list.add({Address::v6({}), 6881}, PeerSource::Manual, at(0)));
    CHECK(list.add(host(1, 1), PeerSource::Tracker, at(0)));
}

TEST_CASE("we never dial ourselves") {
    PeerList list = list_of(1);
    list.add_self(host(1));
    CHECK(list.known() == 0);
    CHECK_FALSE(list.add(host(1), PeerSource::Manual, at(0)));
    CHECK(list.add(host(1, 6882), PeerSource::Tracker, at(0)));  // another port is another node
}

TEST_CASE("only the last 64 own endpoints are remembered") {
    PeerList list({}, Rng(1));
    for (std::size_t i = 0; i < PeerList::kMaxSelf; ++i) list.add_self(host(static_cast<int>(i) + 1));
    CHECK_FALSE(list.add(host(1), PeerSource::Tracker, at(0)));
    list.add_self(host(1000));
    CHECK(list.add(host(1), PeerSource::Tracker, at(0)));
    CHECK_FALSE(list.add(host(2), PeerSource::Tracker, at(0)));
}

TEST_CASE("equal addresses are dialed in an order that depends on the rng seed") {
    std::set<Endpoint> first;
    for (std::uint64_t rng_seed = 1; rng_seed <= 40; ++rng_seed) {
        first.insert(*list_of(4, {}, rng_seed).next_to_dial(at(0)));
    }
    CHECK(first.size() == 4);
}

TEST_CASE("addresses with fewer failures are dialed first") {
    PeerList list = list_of(1);
    fail_next(list, at(0));
    REQUIRE(list.add(host(2), PeerSource::Tracker, at(0)));
    REQUIRE(list.add(host(3), PeerSource::Tracker, at(0)));
    CHECK(list.next_to_dial(at(100)) != host(1));
    CHECK(list.next_to_dial(at(100)) != host(1));
    CHECK(list.next_to_dial(at(100)) == host(1));
}

TEST_CASE("each failure doubles the wait, up to longest_retry") {
    PeerListSettings settings;
    settings.max_failures = 100;
    settings.longest_retry = seconds(30);
    PeerList list = list_of(1, settings);
    int now = 0;
    for (const int wait : {5, 10, 20, 30, 30, 30}) {
        fail_next(list, at(now));
        CHECK(list.next_deadline() == at(now + wait));
        CHECK_FALSE(list.next_to_dial(at(now + wait - 1)));
        now += wait;
    }
}

TEST_CASE("an address is dropped after max_failures dials in a row without a handshake") {
    PeerList list = list_of(1);
    for (int i = 0; i < 4; ++i) fail_next(list, at(1000 * i));
    CHECK(list.known() == 1);
    fail_next(list, at(5000));
    CHECK(list.known() == 0);
    CHECK(list.add(host(1), PeerSource::Tracker, at(5000)));  // named again: new
}

TEST_CASE("a handshake begins the count of failed dials anew") {
    PeerList list = list_of(1);
    for (int i = 0; i < 4; ++i) fail_next(list, at(1000 * i));
    REQUIRE(list.next_to_dial(at(5000)));
    list.on_connected(host(1), at(5000));
    list.on_disconnected(host(1), false, at(5001));
    for (int i = 0; i < 4; ++i) fail_next(list, at(10'000 + 1000 * i));
    CHECK(list.known() == 1);
}

TEST_CASE("an address that the user gave is not dropped") {
    PeerList list({}, Rng(1));
    list.add(host(1), PeerSource::Tracker, at(0));
    list.add(host(1), PeerSource::Manual, at(0));
    for (int i = 0; i < 10; ++i) fail_next(list, at(10'000 * i));
    CHECK(list.known() == 1);
}

TEST_CASE("a useless connection backs off like a failure, a useful one clears the failures") {
    PeerList list = list_of(1);
    fail_next(list, at(0));
    REQUIRE(list.next_to_dial(at(5)));
    list.on_connected(host(1), at(5));
    CHECK(list.next_deadline() == kNever);
    CHECK_FALSE(list.next_to_dial(at(500)));
    list.on_disconnected(host(1), false, at(10));
    CHECK(list.next_deadline() == at(20));

    REQUIRE(list.next_to_dial(at(20)));
    list.on_connected(host(1), at(20));
    list.on_disconnected(host(1), true, at(30));
    CHECK(list.next_deadline() == at(35));
    fail_next(list, at(35));
    CHECK(list.next_deadline() == at(40));
    list.check_invariants();
}

TEST_CASE("a failed dial does not touch an address that got connected meanwhile") {
    PeerList list = list_of(1);
    REQUIRE(list.next_to_dial(at(0)));
    list.on_connected(host(1), at(1));  // it dialed us
    list.on_dial_failed(host(1), at(2));
    CHECK_FALSE(list.next_to_dial(at(1000)));
}

TEST_CASE("an address that refused one way is ready at once for the other, and the second refusal is a failed dial") {
    using transport::DialWay;
    using transport::EncryptionPolicy;
    PeerList list = list_of(1, {.max_failures = 2, .first_retry = seconds(5)});
    for (int round = 0; round < 2; ++round) {
        const TimePoint now = at(100 * round);
        REQUIRE(list.next_to_dial(now) == host(1));
        CHECK(list.way_to_dial(host(1), EncryptionPolicy::Prefer) == DialWay::Encrypted);
        CHECK(list.on_way_refused(host(1), DialWay::Encrypted, EncryptionPolicy::Prefer, now));
        list.check_invariants();
        REQUIRE(list.next_to_dial(now) == host(1));
        CHECK(list.way_to_dial(host(1), EncryptionPolicy::Prefer) == DialWay::Plain);
        CHECK_FALSE(list.on_way_refused(host(1), DialWay::Plain, EncryptionPolicy::Prefer, now));
        list.check_invariants();
        CHECK_FALSE(list.next_to_dial(now + seconds(4)));
    }
    CHECK(list.known() == 0);  // two failed dials, not four
}

TEST_CASE("the way that an address answered to is dialled first next time") {
    using transport::DialWay;
    using transport::EncryptionPolicy;
    PeerList list = list_of(1);
    REQUIRE(list.next_to_dial(at(0)));
    CHECK(list.on_way_refused(host(1), DialWay::Encrypted, EncryptionPolicy::Prefer, at(0)));
    REQUIRE(list.next_to_dial(at(0)));
    list.on_way_accepted(host(1), DialWay::Plain);
    list.on_connected(host(1), at(1));
    list.on_disconnected(host(1), true, at(2));
    CHECK(list.way_to_dial(host(1), EncryptionPolicy::Prefer) == DialWay::Plain);
    // Of an address that is not known, and of one that is not being dialled, nothing is learned.
    list.on_way_accepted(host(9), DialWay::Plain);
    CHECK(list.way_to_dial(host(9), EncryptionPolicy::Prefer) == DialWay::Encrypted);
    CHECK_FALSE(list.on_way_refused(host(1), DialWay::Plain, EncryptionPolicy::Prefer, at(3)));
    CHECK(list.way_to_dial(host(1), EncryptionPolicy::Prefer) == DialWay::Plain);
}

TEST_CASE("a ban covers all ports of an address, known and to come") {
    PeerList list = list_of(2);
    list.add(host(1, 7000), PeerSource::Exchange, at(0));
    list.ban(host(1).address, "corrupt data");
    list.ban(host(1).address, "again");
    CHECK(list.is_banned(host(1).address));
    CHECK_FALSE(list.is_banned(host(2).address));
    CHECK(list.ban_reason(host(1).address) == "corrupt data");
    CHECK_FALSE(list.ban_reason(host(2).address));
    CHECK(list.banned() == 1);
    CHECK(list.known() == 1);
    CHECK_FALSE(list.add(host(1, 9), PeerSource::Manual, at(0)));
    CHECK(list.next_to_dial(at(0)) == host(2));
    list.check_invariants();
}

TEST_CASE("the oldest ban makes room for the one after the 4096th") {
    PeerList list({}, Rng(1));
    for (std::size_t i = 0; i < PeerList::kMaxBans; ++i) list.ban(host(static_cast<int>(i)).address, "test");
    CHECK(list.is_banned(host(0).address));
    list.ban(host(5000).address, "test");
    CHECK(list.banned() == PeerList::kMaxBans);
    CHECK_FALSE(list.is_banned(host(0).address));
    CHECK(list.is_banned(host(1).address));
}

TEST_CASE("a full list gives up the idle address with most failures, and refuses when none has failed") {
    PeerListSettings settings;
    settings.max_peers = 3;
    PeerList list = list_of(3, settings);
    CHECK_FALSE(list.add(host(4), PeerSource::Tracker, at(0)));

    const Endpoint failed = *list.next_to_dial(at(0));
    CHECK_FALSE(list.add(host(4), PeerSource::Tracker, at(0)));  // not while it is dialed
    list.on_dial_failed(failed, at(0));
    CHECK(list.add(host(4), PeerSource::Tracker, at(0)));
    CHECK(list.known() == 3);
    CHECK_FALSE(list.source_of(failed));
    list.check_invariants();
}

TEST_CASE("the default list holds 3000 addresses and no more") {
    PeerList list = list_of(2999);
    CHECK(list.add(host(3000), PeerSource::Tracker, at(0)));
    CHECK_FALSE(list.add(host(3001), PeerSource::Tracker, at(0)));
}

TEST_CASE("among equals the canonical priority decides, once our own address is known") {
    PeerList list({}, Rng(5));
    const Endpoint own{Address::v4({10, 20, 30, 40}), 6881};
    list.note_own_endpoint({Address{}, 6881});  // unspecified: nothing is known yet
    list.note_own_endpoint(own);
    list.note_own_endpoint({Address::v4({99, 1, 1, 1}), 6881});  // the first stays
    std::vector<Endpoint> expected;
    for (Byte i = 1; i <= 20; ++i) {
        const Endpoint peer{Address::v4({static_cast<Byte>(10 * i), i, 7, 9}), 6881};
        expected.push_back(peer);
        REQUIRE(list.add(peer, PeerSource::Tracker, TimePoint{}));
    }
    std::ranges::sort(
        expected, [&](const Endpoint& a, const Endpoint& b) { return peer_priority(own, a) > peer_priority(own, b); });
    std::vector<Endpoint> order;
    while (const auto next = list.next_to_dial(TimePoint{})) order.push_back(*next);
    CHECK(order == expected);
    list.check_invariants();
}
