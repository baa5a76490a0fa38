#include "common/app/units.h"

#include "tests/support/catch.h"

namespace bt::app {
namespace {

TEST_CASE("sizes are plain numbers or have a unit of 1000 or 1024") {
    CHECK(parse_size("0") == 0u);
    CHECK(parse_size("65536") == 65536u);
    CHECK(parse_size("9007199254740993") == 9007199254740993u);
    CHECK(parse_size("500k") == 500'000u);
    CHECK(parse_size("500 kB") == 500'000u);
    CHECK(parse_size("8MiB") == 8u << 20);
    CHECK(parse_size("8mi") == 8u << 20);
    CHECK(parse_size("1.5G") == 1'500'000'000u);
    CHECK(parse_size("16B") == 16u);
    CHECK(parse_size("1TiB") == 1ull << 40);
}

TEST_CASE("rates are sizes with or without a second") {
    CHECK(parse_rate("8MiB/s") == 8u << 20);
    CHECK(parse_rate("500k") == 500'000u);
    CHECK(parse_rate("500K/S") == 500'000u);
    CHECK(parse_rate("0") == 0u);
    CHECK_FALSE(parse_rate("/s").has_value());
    CHECK_FALSE(parse_rate("8MiB/h").has_value());
}

TEST_CASE("durations are seconds or have units, one behind the other") {
    CHECK(parse_duration("90") == seconds(90));
    CHECK(parse_duration("0.1") == milliseconds(100));
    CHECK(parse_duration("250ms") == milliseconds(250));
    CHECK(parse_duration("5m") == minutes(5));
    CHECK(parse_duration("1h") == std::chrono::hours(1));
    CHECK(parse_duration("1h30m") == minutes(90));
    CHECK(parse_duration("1 h 30 m") == minutes(90));
    CHECK(parse_duration("2d") == std::chrono::hours(48));
}

TEST_CASE("bad input: amounts that are none are refused and quoted") {
    for (const char* text :
         {"", "k", "-1", "1x", "1e9", "8 Mi B", "1,5M", "9223372036854775808", "99999999T", "0x10"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_size(text).has_value());
    }
    CHECK(parse_size("9223372036854775807") == 9223372036854775807u);
    for (const char* text : {"", "m", "-1", "5 x", "1h30", "30 30", "3651d", "nan", "inf"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text).has_value());
    }
    CHECK(parse_duration("3650d") == kLongestDuration);
    CHECK(parse_size("fast").error().detail.find("\"fast\"") != std::string::npos);
}

}  // namespace
}  // namespace bt::app
