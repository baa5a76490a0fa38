#include "common/transport/rate_meter.h"

#include "tests/support/catch.h"
#include "tests/support/times.h"

namespace bt::transport {
namespace {

using bt::test_time::at_ms;

}  // namespace

TEST_CASE("a meter that saw nothing says 0") {
    const RateMeter meter;
    CHECK(meter.rate_bytes_per_s(at_ms(0)) == 0);
    CHECK(meter.rate_bytes_per_s(at_ms(100'000)) == 0);
    CHECK(meter.total_bytes() == 0);
}

TEST_CASE("first bytes count over half a second at least, then over the time since they came") {
    RateMeter meter;
    meter.add(1000, at_ms(10'000));
    CHECK(meter.rate_bytes_per_s(at_ms(10'000)) == 2000);
    CHECK(meter.rate_bytes_per_s(at_ms(10'500)) == 2000);
    CHECK(meter.rate_bytes_per_s(at_ms(11'000)) == 1000);
    CHECK(meter.rate_bytes_per_s(at_ms(12'000)) == 500);
}

TEST_CASE("a steady flow is measured as what it is, from the first second on") {
    RateMeter meter;
    for (std::int64_t ms = 0; ms < 20'000; ms += 50) {
        meter.add(500, at_ms(ms));  // 10,000 bytes a second
        if (ms < 1'000) continue;
        const std::uint64_t rate = meter.rate_bytes_per_s(at_ms(ms));
        CHECK(rate >= 9'000);
        CHECK(rate <= 11'000);
    }
    CHECK(meter.total_bytes() == 200'000);
}

TEST_CASE("bytes leave the window after 5 s, not before") {
    RateMeter meter;
    meter.add(9000, at_ms(0));
    CHECK(meter.rate_bytes_per_s(at_ms(4'500)) == 2000);
    CHECK(meter.rate_bytes_per_s(at_ms(4'999)) > 0);
    CHECK(meter.rate_bytes_per_s(at_ms(5'000)) == 0);
}

TEST_CASE("a bucket that is used again forgets what it held one window ago") {
    RateMeter meter;
    meter.add(1'000'000, at_ms(0));
    meter.add(1, at_ms(5'000));  // same bucket, a window later
    CHECK(meter.rate_bytes_per_s(at_ms(5'000)) == 0);
    CHECK(meter.total_bytes() == 1'000'001);
    meter.add(899, at_ms(9'499));
    CHECK(meter.rate_bytes_per_s(at_ms(9'500)) == 900 * 1000 / 4500);
}

TEST_CASE("silence lets the rate fall to 0, and a new flow starts from a clean window") {
    RateMeter meter;
    for (std::int64_t ms = 0; ms < 5'000; ms += 500) meter.add(5'000, at_ms(ms));
    const std::uint64_t busy = meter.rate_bytes_per_s(at_ms(5'000));
    std::uint64_t last = busy;
    for (std::int64_t ms = 5'500; ms <= 9'500; ms += 500) {
        const std::uint64_t rate = meter.rate_bytes_per_s(at_ms(ms));
        CHECK(rate < last);
        last = rate;
    }
    CHECK(meter.rate_bytes_per_s(at_ms(10'000)) == 0);
    CHECK(meter.rate_bytes_per_s(at_ms(3'600'000)) == 0);
    meter.add(4'500, at_ms(3'600'000));
    CHECK(meter.rate_bytes_per_s(at_ms(3'600'000)) == 1000);
}

TEST_CASE("a gap longer than the window empties every bucket") {
    for (const std::int64_t gap : {5'000, 5'500, 7'300, 50'000}) {
        RateMeter meter;
        for (std::int64_t ms = 0; ms < 5'000; ms += 500) meter.add(5'000, at_ms(ms));
        meter.add(0, at_ms(4'999 + gap));
        CHECK(meter.rate_bytes_per_s(at_ms(4'999 + gap)) == 0);
    }
}

TEST_CASE("asking does not change the answer") {
    RateMeter meter;
    meter.add(1000, at_ms(100));
    const RateMeter copy = meter;
    for (std::int64_t ms = 100; ms < 10'000; ms += 100) static_cast<void>(meter.rate_bytes_per_s(at_ms(ms)));
    CHECK(meter.rate_bytes_per_s(at_ms(1'000)) == copy.rate_bytes_per_s(at_ms(1'000)));
}

TEST_CASE("more than 32 bits of bytes are counted") {
    RateMeter meter;
    for (int i = 0; i < 10; ++i) meter.add(1ull << 32, at_ms(i * 500));
    CHECK(meter.total_bytes() == 10ull << 32);
    CHECK(meter.rate_bytes_per_s(at_ms(5'000 - 1)) >= (1ull << 33));
}

}  // namespace bt::transport
