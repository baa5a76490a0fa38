#include "common/transport/token_bucket.h"

#include "tests/support/catch.h"
#include "tests/support/times.h"

using namespace bt;
using transport::TokenBucket;

namespace {

using bt::test_time::at_ms;

}  // namespace

TEST_CASE("a bucket without a limit always has everything") {
    TokenBucket bucket;
    CHECK_FALSE(bucket.is_limited());
    CHECK(bucket.available(at_ms(0)) == UINT64_MAX);
    bucket.take(1'000'000);
    CHECK(bucket.available(at_ms(0)) == UINT64_MAX);
    CHECK(bucket.ready_at(5000, at_ms(7)) == at_ms(7));
}

TEST_CASE("a bucket earns its rate and begins with nothing") {
    TokenBucket bucket;
    bucket.set_rate(100'000, at_ms(1000));
    CHECK(bucket.available(at_ms(1000)) == 0);
    CHECK(bucket.available(at_ms(1010)) == 1000);
    bucket.take(600);
    CHECK(bucket.available(at_ms(1010)) == 400);
    CHECK(bucket.available(at_ms(1020)) == 1400);
}

TEST_CASE("a bucket keeps its burst and not a byte more") {
    TokenBucket bucket;
    bucket.set_rate(100'000, at_ms(0));
    CHECK(bucket.burst() == 26'024);  // a quarter of a second and 1 KiB
    CHECK(bucket.available(at_ms(260)) == 26'000);
    CHECK(bucket.available(at_ms(261)) == 26'024);
    CHECK(bucket.available(at_ms(3'600'000)) == 26'024);
    bucket.give_back(5);
    CHECK(bucket.available(at_ms(3'600'000)) == 26'024);
}

TEST_CASE("no fraction of a byte is lost however often the bucket is asked") {
    TokenBucket bucket;
    bucket.set_rate(3, at_ms(0));
    std::uint64_t taken = 0;
    for (int ms = 1; ms <= 100'000; ++ms) {
        const std::uint64_t there = bucket.available(at_ms(ms));
        bucket.take(there);
        taken += there;
    }
    CHECK(taken == 300);
}

TEST_CASE("a bucket that was overdrawn pays its debt first") {
    TokenBucket bucket;
    bucket.set_rate(1000, at_ms(0));
    bucket.take(5000);
    CHECK(bucket.available(at_ms(5000)) == 0);
    CHECK(bucket.ready_at(1, at_ms(5000)) == at_ms(5001));
    CHECK(bucket.available(at_ms(5001)) == 1);
}

TEST_CASE("ready_at is the first nanosecond at which the bytes are there") {
    for (const std::uint64_t rate :
         {std::uint64_t{7}, std::uint64_t{999}, std::uint64_t{1'000'003}, TokenBucket::kLargestRate}) {
        TokenBucket bucket;
        bucket.set_rate(rate, at_ms(0));
        const std::uint64_t wanted = bucket.least_grant();
        const TimePoint when = bucket.ready_at(wanted, at_ms(0));
        TokenBucket before = bucket;
        CHECK(before.available(when - Duration(1)) < wanted);
        CHECK(bucket.available(when) >= wanted);
        CHECK(bucket.ready_at(wanted, when) == when);
    }
}

TEST_CASE("more than a burst is never waited for") {
    TokenBucket bucket;
    bucket.set_rate(1000, at_ms(0));
    CHECK(bucket.ready_at(UINT64_MAX, at_ms(0)) == bucket.ready_at(bucket.burst(), at_ms(0)));
}

TEST_CASE("a lower rate keeps no more than its own burst, a higher one keeps what there was") {
    TokenBucket bucket;
    bucket.set_rate(100'000, at_ms(0));
    CHECK(bucket.available(at_ms(1000)) == 26'024);
    bucket.set_rate(200'000, at_ms(1000));
    CHECK(bucket.available(at_ms(1000)) == 26'024);
    bucket.set_rate(1000, at_ms(1000));
    CHECK(bucket.available(at_ms(1000)) == 1250);
    bucket.set_rate(0, at_ms(1000));
    CHECK(bucket.available(at_ms(1000)) == UINT64_MAX);
    bucket.set_rate(1000, at_ms(2000));
    CHECK(bucket.available(at_ms(2000)) == 0);
}

TEST_CASE("a rate beyond the largest is taken for the largest") {
    TokenBucket bucket;
    bucket.set_rate(UINT64_MAX, at_ms(0));
    CHECK(bucket.rate() == TokenBucket::kLargestRate);
    CHECK(bucket.available(at_ms(100)) == TokenBucket::kLargestRate / 10);
    CHECK(bucket.available(TimePoint(minutes(60 * 24 * 365 * 100))) == bucket.burst());
    bucket.set_rate(TokenBucket::kLargestRate - 1, at_ms(0));
    CHECK(bucket.rate() == TokenBucket::kLargestRate - 1);
}
