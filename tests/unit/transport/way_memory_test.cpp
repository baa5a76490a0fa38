#include "common/transport/way_memory.h"

#include "tests/support/catch.h"

using namespace bt::transport;

TEST_CASE("a peer that was never dialled is dialled as the policy says, encrypted first under prefer") {
    const WayMemory memory;
    CHECK(memory.next(EncryptionPolicy::Off) == DialWay::Plain);
    CHECK(memory.next(EncryptionPolicy::Require) == DialWay::Encrypted);
    CHECK(memory.next(EncryptionPolicy::Prefer) == DialWay::Encrypted);
    CHECK_FALSE(memory.known());
}

TEST_CASE("the other way is tried once, then both have failed and it starts again") {
    WayMemory memory;
    CHECK(memory.on_refused(DialWay::Encrypted, EncryptionPolicy::Prefer));
    CHECK(memory.next(EncryptionPolicy::Prefer) == DialWay::Plain);
    CHECK_FALSE(memory.on_refused(DialWay::Plain, EncryptionPolicy::Prefer));
    CHECK(memory.next(EncryptionPolicy::Prefer) == DialWay::Encrypted);
    CHECK(memory.on_refused(DialWay::Encrypted, EncryptionPolicy::Prefer));
}

TEST_CASE("the way that worked is first from then on, until it is refused") {
    WayMemory memory;
    CHECK(memory.on_refused(DialWay::Encrypted, EncryptionPolicy::Prefer));
    memory.on_accepted(DialWay::Plain);
    CHECK(memory.known() == DialWay::Plain);
    CHECK(memory.next(EncryptionPolicy::Prefer) == DialWay::Plain);
    CHECK(memory.on_refused(DialWay::Plain, EncryptionPolicy::Prefer));
    CHECK(memory.next(EncryptionPolicy::Prefer) == DialWay::Encrypted);
    memory.on_accepted(DialWay::Encrypted);
    CHECK(memory.next(EncryptionPolicy::Prefer) == DialWay::Encrypted);
    // What is known does not break a policy.
    memory.on_accepted(DialWay::Plain);
    CHECK(memory.next(EncryptionPolicy::Require) == DialWay::Encrypted);
}

TEST_CASE("there is no other way under require and off") {
    WayMemory memory;
    CHECK_FALSE(memory.on_refused(DialWay::Encrypted, EncryptionPolicy::Require));
    CHECK_FALSE(memory.on_refused(DialWay::Plain, EncryptionPolicy::Off));
    CHECK(memory.next(EncryptionPolicy::Prefer) == DialWay::Encrypted);
}
