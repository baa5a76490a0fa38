#include "common/meta/bencode.h"

#include "tests/support/catch.h"

using bt::as_bytes;
using bt::as_text;
using bt::meta::BencodeDocument;
using bt::meta::BencodeLimits;
using bt::meta::BencodeNode;
using bt::meta::BencodeWriter;

namespace {

struct Refusal {
    std::string detail;
    std::uint64_t offset = 0;
};

// The error of a text that must be refused.
Refusal refusal(std::string_view text, const BencodeLimits& limits = {}) {
    const auto document = BencodeDocument::parse(as_bytes(text), limits);
    REQUIRE_FALSE(document);
    CHECK(document.error().code == bt::ErrorCode::InvalidBencode);
    CHECK(document.error().fault == bt::Fault::Remote);
    CHECK(document.error().detail.find('\n') == std::string::npos);
    REQUIRE(document.error().offset);
    return {document.error().detail, *document.error().offset};
}

bool is_accepted(std::string_view text, const BencodeLimits& limits = {}) {
    return BencodeDocument::parse(as_bytes(text), limits).has_value();
}

void check_bencode_refused(std::string_view text, std::string_view what, std::uint64_t offset) {
    INFO("input: " << text.substr(0, 60));
    const Refusal refused = refusal(text);
    INFO("answer: " << refused.detail);
    CHECK(refused.detail.find(what) != std::string::npos);
    CHECK(refused.offset == offset);
}

std::string nested(std::size_t depth) { return std::string(depth, 'l') + std::string(depth, 'e'); }

}  // namespace

TEST_CASE("integers of 64 bits are read, one more is refused") {
    const std::string_view smallest = "i-9223372036854775808e";
    const std::string_view largest = "i9223372036854775807e";
    CHECK(BencodeDocument::parse(as_bytes(smallest))->root().integer() == INT64_MIN);
    CHECK(BencodeDocument::parse(as_bytes(largest))->root().integer() == INT64_MAX);
    CHECK(BencodeDocument::parse(as_bytes("i0e"))->root().integer() == 0);
    check_bencode_refused("i9223372036854775808e", "exceeds 64 bits", 0);
    check_bencode_refused("i-9223372036854775809e", "exceeds 64 bits", 0);
}

TEST_CASE("integers that are not canonical are refused") {
    check_bencode_refused("i-0e", "leading zero or -0", 0);
    check_bencode_refused("i00e", "leading zero", 0);
    check_bencode_refused("i-07e", "leading zero", 0);
    check_bencode_refused("ie", "without digits", 0);
    check_bencode_refused("i-e", "without digits", 0);
    check_bencode_refused("i+1e", "no digit", 1);
    check_bencode_refused("i1-e", "no digit", 2);
    check_bencode_refused("i 1e", "no digit", 1);
    check_bencode_refused("li1ei12", "integer without its end", 4);
}

TEST_CASE("a string is exactly as long as it says") {
    CHECK(BencodeDocument::parse(as_bytes("4:spam"))->root().string() == "spam");
    CHECK(BencodeDocument::parse(as_bytes("0:"))->root().string() == "");
    check_bencode_refused("5:spam", "claims 5 bytes, 4 are left", 0);
    check_bencode_refused("04:spam", "leading zero", 0);
    check_bencode_refused("4spam", "no ':'", 1);
    check_bencode_refused("4", "inside a string's length", 1);
}

TEST_CASE("a string that claims 100 MB is refused before anything is allocated") {
    check_bencode_refused("l100000000:abce", "claims 100000000 bytes, 4 are left", 1);
    check_bencode_refused("99999999999999999999:", "claims 4 GiB or more", 0);
    check_bencode_refused("4294967296:", "claims 4 GiB or more", 0);
    check_bencode_refused("4294967295:", "claims 4294967295 bytes", 0);
}

TEST_CASE("a value that was cut off anywhere is refused") {
    const std::string whole = "d3:cowl4:spami42eee";
    REQUIRE(is_accepted(whole));
    for (std::size_t length = 0; length < whole.size(); ++length) {
        INFO("first " << length << " bytes");
        CHECK(refusal(whole.substr(0, length)).offset <= length);
    }
}

TEST_CASE("bytes behind the value are refused unless allowed") {
    check_bencode_refused("i1ei2e", "3 bytes behind the value", 3);
    check_bencode_refused("i1e\n", "1 bytes behind the value", 3);
    BencodeLimits limits;
    limits.allow_trailing = true;
    const auto document = BencodeDocument::parse(as_bytes("d1:ai1eeREST"), limits);
    REQUIRE(document);
    CHECK(document->size() == 8);
    CHECK(document->root().raw().size() == 8);
    CHECK_FALSE(document->root().next_sibling());
}

TEST_CASE("a dictionary wants string keys and a value for each") {
    check_bencode_refused("di1ei2ee", "key is not a string", 1);
    check_bencode_refused("dlei2ee", "key is not a string", 1);
    check_bencode_refused("d1:ae", "key without a value", 4);
    check_bencode_refused("e", "no value starts", 0);
    check_bencode_refused("x", "no value starts", 0);
    check_bencode_refused("l-1e", "no value starts", 1);
}

TEST_CASE("nesting of 100 is accepted and of 101 refused") {
    CHECK(is_accepted(nested(100)));
    check_bencode_refused(nested(101), "nested deeper than 100", 100);
}

TEST_CASE("100,000 levels of nesting are refused where the limit is") {
    check_bencode_refused(nested(100'000), "nested deeper than 100", 100);
    std::string dicts;
    for (int i = 0; i < 100'000; ++i) dicts += "d1:a";
    check_bencode_refused(dicts, "nested deeper than 100", 400);
}

TEST_CASE("the number of values is limited") {
    BencodeLimits limits;
    limits.max_tokens = 4;
    CHECK(is_accepted("li1ei2ei3ee", limits));
    const Refusal refused = refusal("li1ei2ei3ei4ee", limits);
    CHECK(refused.detail == "bencode: more than 4 values");
    CHECK(refused.offset == 10);
}

TEST_CASE("unsorted and duplicate keys are read but are not canonical") {
    CHECK(BencodeDocument::parse(as_bytes("d1:ai1e1:bi2ee"))->is_canonical());
    CHECK(BencodeDocument::parse(as_bytes("d1:ai1e2:aai2ee"))->is_canonical());
    CHECK(BencodeDocument::parse(as_bytes("d1:Bi1e1:ai2ee"))->is_canonical());
    CHECK_FALSE(BencodeDocument::parse(as_bytes("d1:bi1e1:ai2ee"))->is_canonical());
    CHECK_FALSE(BencodeDocument::parse(as_bytes("ld1:bi1e1:ai2eee"))->is_canonical());
    const auto twice = BencodeDocument::parse(as_bytes("d1:ai1e1:ai2ee"));
    CHECK_FALSE(twice->is_canonical());
    CHECK(twice->root().find_integer("a") == 1);
}

TEST_CASE("keys are compared as unsigned bytes") {
    CHECK(BencodeDocument::parse(as_bytes("d1:z0:1:\xff"
                                          "0:e"))
              ->is_canonical());
    CHECK_FALSE(BencodeDocument::parse(as_bytes("d1:\xff"
                                                "0:1:z0:e"))
                    ->is_canonical());
}

TEST_CASE("nodes answer by type and nothing for another type") {
    const std::string_view text = "d1:ai7e1:bl1:x1:ye1:cd1:k1:vee";
    const auto document = BencodeDocument::parse(as_bytes(text));
    REQUIRE(document);
    const BencodeNode root = document->root();
    CHECK(root.is_dict());
    CHECK(root.size() == 3);
    CHECK_FALSE(root.integer());
    CHECK_FALSE(root.string());
    CHECK(root.find_integer("a") == 7);
    CHECK_FALSE(root.find_string("a"));
    CHECK_FALSE(root.find("z"));
    const auto list = root.find("b");
    REQUIRE(list);
    CHECK(list->size() == 2);
    CHECK(list->first_child()->string() == "x");
    CHECK(list->first_child()->next_sibling()->string() == "y");
    CHECK_FALSE(list->first_child()->next_sibling()->next_sibling());
    CHECK_FALSE(list->find("x"));
    CHECK(as_text(root.find("c")->raw()) == "d1:k1:ve");
    CHECK(root.find("c")->offset() == 21);
    CHECK(root.find("c")->find_string("k") == "v");
}

TEST_CASE("an empty list and an empty dictionary have no children") {
    for (const char* text : {"le", "de"}) {
        const auto document = BencodeDocument::parse(as_bytes(text));
        REQUIRE(document);
        CHECK(document->root().size() == 0);
        CHECK_FALSE(document->root().first_child());
    }
    // A sibling behind an empty container is found although the container has no child.
    const auto document = BencodeDocument::parse(as_bytes("llei5ee"));
    CHECK(document->root().first_child()->next_sibling()->integer() == 5);
}

TEST_CASE("a document may be moved") {
    auto first = BencodeDocument::parse(as_bytes("li1ee"));
    const BencodeDocument second = std::move(*first);
    CHECK(second.root().first_child()->integer() == 1);
}

TEST_CASE("the writer's bytes are read back the same") {
    BencodeWriter writer;
    writer.begin_dict();
    writer.key("a").integer(INT64_MIN);
    writer.key("b").begin_list().string("x").integer(0).begin_dict().end().end();
    writer.key("c").raw(as_bytes("i5e"));
    writer.key("d").string("\x01\xff");
    writer.end();
    const auto bytes = writer.take();
    CHECK(as_text(bytes) ==
          "d1:ai-9223372036854775808e1:bl1:xi0edee1:ci5e1:d2:\x01\xff"
          "e");
    const auto document = BencodeDocument::parse(bytes);
    REQUIRE(document);
    CHECK(document->is_canonical());
    CHECK(document->root().find_integer("a") == INT64_MIN);
    CHECK(document->root().find_integer("c") == 5);
    CHECK(document->root().find_string("d")->size() == 2);
    writer.integer(3);  // take() left it empty
    CHECK(as_text(writer.take()) == "i3e");
}
