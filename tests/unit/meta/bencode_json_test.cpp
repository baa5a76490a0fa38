#include "common/meta/bencode_json.h"

#include "tests/support/catch.h"

namespace bt::meta {
namespace {

std::string json(std::string_view text) {
    const auto document = BencodeDocument::parse(as_bytes(text));
    return document ? bencode_to_json(document->root()) : document.error().message();
}

TEST_CASE("bencode becomes one line of JSON") {
    CHECK(json("5:hello") == "\"hello\"");
    CHECK(json("i52e") == "52");
    CHECK(json("l5:helloi52ee") == "[\"hello\",52]");
    CHECK(json("d3:foo3:bar5:helloi52ee") == "{\"foo\":\"bar\",\"hello\":52}");
    CHECK(json("le") == "[]");
    CHECK(json("de") == "{}");
    CHECK(json("0:") == "\"\"");
    CHECK(json("d1:ad1:bl1:ci-1eeee") == "{\"a\":{\"b\":[\"c\",-1]}}");
    CHECK(json("lllleeee") == "[[[[]]]]");
    CHECK(json("ld1:xi1eed1:yi2eee") == "[{\"x\":1},{\"y\":2}]");
}

TEST_CASE("integers keep all their 64 bits") {
    CHECK(json("i9223372036854775807e") == "9223372036854775807");
    CHECK(json("i-9223372036854775808e") == "-9223372036854775808");
    CHECK(json("i9007199254740993e") == "9007199254740993");
}

TEST_CASE("slashes stand as they are; quotes, backslashes and control characters are escaped") {
    CHECK(json("15:http://a/b\"\\\n\t\r") == "\"http://a/b\\\"\\\\\\n\\t\\r\"");
    CHECK(json("3:\x01\x1b\x7f") == "\"\\u0001\\u001b\\u007f\"");
    CHECK(json("2:\xc2\x9b") == "\"\\u009b\"");
    CHECK(json(std::string_view("1:\0", 3)) == "\"\\u0000\"");
}

TEST_CASE("UTF-8 stays, and every other byte becomes a lone surrogate that no UTF-8 has") {
    CHECK(json("2:ü") == "\"ü\"");
    CHECK(json("4:😀") == "\"😀\"");
    CHECK(json("3:a\xffz") == "\"a\\udcffz\"");
    CHECK(json("2:\xc3(") == "\"\\udcc3(\"");
    CHECK(json("1:\xc3") == "\"\\udcc3\"");
    CHECK(json("3:\xed\xb2\x80") == "\"\\udced\\udcb2\\udc80\"");  // a surrogate in UTF-8's clothes
    CHECK(json("2:\xc0\x80") == "\"\\udcc0\\udc80\"");             // overlong
}

TEST_CASE("dictionaries keep their order and repeated keys") {
    CHECK(json("d1:bi1e1:ai2e1:bi3ee") == "{\"b\":1,\"a\":2,\"b\":3}");
}

}  // namespace
}  // namespace bt::meta
