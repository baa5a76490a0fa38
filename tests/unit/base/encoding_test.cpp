#include "common/base/encoding.h"

#include "common/base/rng.h"
#include "tests/support/catch.h"

using namespace bt;

TEST_CASE("hex is written in lower case and read in either") {
    const ByteBuffer bytes{0x00, 0x1f, 0xab, 0xff};
    CHECK(to_hex(bytes) == "001fabff");
    CHECK(from_hex("001fABFf") == bytes);
    CHECK(from_hex("") == ByteBuffer{});
    CHECK_FALSE(from_hex("abc"));
    CHECK_FALSE(from_hex("0g"));
    CHECK_FALSE(from_hex("g0"));
}

TEST_CASE("the base32 examples of RFC 4648 are read, padded or not") {
    const std::pair<const char*, const char*> examples[] = {{"", ""},
                                                            {"MY======", "f"},
                                                            {"MZXQ====", "fo"},
                                                            {"MZXW6===", "foo"},
                                                            {"MZXW6YQ=", "foob"},
                                                            {"MZXW6YTB", "fooba"},
                                                            {"mzxw6ytboi", "foobar"}};
    for (const auto& [text, plain] : examples) {
        INFO(text);
        const auto bytes = from_base32(text);
        REQUIRE(bytes);
        CHECK(as_text(*bytes) == plain);
    }
}

TEST_CASE("base32 that stands for no whole bytes is refused") {
    for (const char* text : {"A", "AAA", "AAAAAA", "M1", "MZ", "MZXW6YT!", "M=Y"}) {
        INFO(text);
        CHECK_FALSE(from_base32(text));
    }
}

TEST_CASE("percent-encoding spares the unreserved characters alone") {
    CHECK(percent_encode(as_bytes("AZaz09-._~")) == "AZaz09-._~");
    CHECK(percent_encode(as_bytes(" /+%\xff")) == "%20%2F%2B%25%FF");
}

TEST_CASE("percent-decoding refuses a sign without two digits") {
    CHECK(percent_decode("a%20b+c") == "a b+c");
    CHECK(percent_decode("a+b", true) == "a b");
    CHECK(percent_decode("%fF") == "\xff");
    CHECK(percent_decode("%00")->size() == 1);
    for (const char* text : {"%", "%2", "a%", "%g0", "%0g", "%%20"}) {
        INFO(text);
        CHECK_FALSE(percent_decode(text));
    }
}

TEST_CASE("random bytes survive hex and percent-encoding") {
    Rng rng(3);
    for (std::size_t size = 0; size < 60; ++size) {
        ByteBuffer bytes(size);
        rng.fill(bytes);
        CHECK(from_hex(to_hex(bytes)) == bytes);
        CHECK(percent_decode(percent_encode(bytes)) == to_string(bytes));
    }
}

TEST_CASE("well-formed UTF-8 is told from overlong forms, surrogates and rest") {
    for (const char* good : {"", "a", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
                             "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
        INFO(to_hex(as_bytes(good)));
        CHECK(is_valid_utf8(good));
    }
    for (const char* bad :
         {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf",
          "\xe2\x82", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88\x80\x80\x80", "\xff"}) {
        INFO(to_hex(as_bytes(bad)));
        CHECK_FALSE(is_valid_utf8(bad));
    }
}
