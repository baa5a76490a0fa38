// Torrents that are damaged or meant to harm: each is refused with one line, what and where.

#include "common/meta/metainfo.h"
#include "tests/unit/meta/torrent_text.h"

using namespace bt::meta::test;
using bt::as_bytes;
using bt::meta::Metainfo;

namespace {

const std::string kTail = "4:name1:a12:piece lengthi16384e6:pieces" + hashes(1);

// The torrent's error, which the bencode reader found.
void check_no_bencode(std::string_view torrent, std::string_view words, std::uint64_t offset) {
    const auto result = Metainfo::parse(as_bytes(torrent));
    REQUIRE_FALSE(result);
    CHECK(result.error().code == bt::ErrorCode::InvalidBencode);
    INFO("answer: " << result.error().detail);
    CHECK(result.error().detail.find(words) != std::string::npos);
    CHECK(result.error().offset == offset);
}

}  // namespace

TEST_CASE("hostile: a truncated torrent") {
    const std::string whole = single(40000, 16384, 3);
    for (std::size_t length = 0; length < whole.size(); ++length) {
        INFO("first " << length << " bytes");
        const auto result = Metainfo::parse(as_bytes(std::string_view(whole).substr(0, length)));
        REQUIRE_FALSE(result);
        CHECK(result.error().code == bt::ErrorCode::InvalidBencode);
        CHECK(result.error().offset <= length);
    }
}

TEST_CASE("hostile: 100,000 levels of nesting") {
    check_no_bencode(std::string(100'000, 'l'), "nested deeper than 100", 100);
    check_no_bencode("d4:info" + std::string(100'000, 'd'), "key is not a string", 8);
    check_no_bencode("d4:info" + std::string(100'000, 'l') + std::string(100'000, 'e') + "e", "nested deeper", 106);
}

TEST_CASE("hostile: a string that claims 100 MB") {
    check_no_bencode("d4:infod6:pieces100000000:abcee", "claims 100000000 bytes, 5 are left", 16);
}

TEST_CASE("hostile: values of the wrong type") {
    check_refused("le", "not a dictionary", "le");
    check_refused("i1e", "not a dictionary", "i1e");
    check_refused("d4:infoi1ee", "\"info\" is not a dictionary", "i1e");
    check_refused("d4:infolee", "\"info\" is not a dictionary", "lee");
    check_refused(with_info("6:length1:5" + kTail), "\"length\" is not an integer", "1:5");
    check_refused(with_info("6:lengthle" + kTail), "\"length\" is not an integer", "le4:name");
    check_refused(with_info("6:lengthi5e4:namei1e"), "\"name\" is not a string", "i1e");
    check_refused(with_info("6:lengthi5e4:name1:a12:piece length1:x"), "\"piece length\" is not an integer", "1:x");
    check_refused(with_info("6:lengthi5e4:name1:a12:piece lengthi1e6:piecesi5e"), "\"pieces\" is not a string",
                  "i5eee");
    check_refused(with_info("5:filesi1e" + kTail), "\"files\" is not a list", "i1e");
    check_refused(multi("i7e"), "entry of \"files\" is not a dictionary", "i7e");
    check_refused(multi("d6:lengthi5e4:path1:ae"), "\"path\" is not a list", "1:ae");
    check_refused(multi("d6:lengthi5e4:pathli9eee"), "path element is not a string", "i9e");
    check_refused(multi("d6:length1:x4:pathl1:aee"), "\"length\" is not an integer", "1:x");
}

TEST_CASE("hostile: keys that are missing") {
    check_refused("de", "key \"info\" is missing", "de");
    check_refused("d4:infodee", "key \"name\" is missing", "dee");
    check_refused(with_info(kTail), "neither \"length\" nor \"files\"", "d4:name");
    check_refused(with_info("6:lengthi5e4:name1:a"), "key \"piece length\" is missing", "d6:length");
    check_refused(with_info("6:lengthi5e4:name1:a12:piece lengthi1e"), "key \"pieces\" is missing", "d6:length");
    check_refused(multi("d4:pathl1:aee"), "key \"length\" is missing", "d4:path");
    check_refused(multi("d6:lengthi5ee"), "key \"path\" is missing", "d6:length");
}

TEST_CASE("hostile: keys that stand twice") {
    check_refused("d4:infode4:infodee", "key \"info\" stands twice", "4:infodee");
    check_refused(with_info("6:lengthi5e6:lengthi6e" + kTail), "key \"length\" stands twice", "6:lengthi6e");
    check_refused(with_info("5:filesle6:lengthi6e" + kTail), "both \"length\" and \"files\"", "le6:");
}

TEST_CASE("hostile: a path with .. or .") {
    check_refused(multi(file_entry(5, {"..", "a"})), "is \".\" or \"..\"", "2:..");
    check_refused(multi(file_entry(5, {"a", ".."})), "is \".\" or \"..\"", "2:..");
    check_refused(multi(file_entry(5, {"."})), "is \".\" or \"..\"", "1:.e");
    check_refused(single(5, 16384, 1, ".."), "\"name\" is \".\" or \"..\"", "2:..");
    check_refused(single(5, 16384, 1, "."), "\"name\" is \".\" or \"..\"", "1:.12");
    CHECK(accepted(multi(file_entry(5, {"...", ".a", "a.."}))).files()[0].path == "top/.../.a/a..");
}

TEST_CASE("hostile: an absolute path or a separator in a name") {
    check_refused(multi(file_entry(5, {"/etc", "passwd"})), "contains a separator", "4:/etc");
    check_refused(multi(file_entry(5, {"a/b"})), "contains a separator", "3:a/b");
    check_refused(multi(file_entry(5, {"..\\a"})), "contains a separator", "4:..\\a");
    check_refused(multi(file_entry(5, {"", "etc"})), "path element is empty", "0:3:etc");
    check_refused(single(5, 16384, 1, "/etc/passwd"), "\"name\" contains a separator", "11:/etc");
    check_refused(single(5, 16384, 1, ""), "\"name\" is empty", "0:12:piece");
}

TEST_CASE("hostile: control characters and reversed text in a name") {
    check_refused(multi(file_entry(5, {"a\nb"})), "control character", "3:a\nb");
    check_refused(multi(file_entry(5, {std::string("a\0b", 3)})), "control character", std::string("3:a\0b", 5));
    check_refused(single(5, 16384, 1, "a\x1b[2J"), "control character", "5:a\x1b");
    check_refused(single(5, 16384, 1, "a\x7f"), "control character", "2:a\x7f");
    check_refused(single(5, 16384, 1, "a\xc2\x9b"), "control character", "3:a\xc2");
    for (const char* mark : {"\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"})
        check_refused(single(5, 16384, 1, "a" + std::string(mark) + "gpj.exe"), "reverses the direction", "11:a");
    for (const char* harmless : {"\xe2\x80\xa9", "\xe2\x80\xaf", "\xe2\x81\xa5", "\xe2\x81\xaa", "\xc2\xa0"})
        CHECK(accepted(single(5, 16384, 1, harmless)).name() == harmless);
}

TEST_CASE("hostile: names and paths that are too long") {
    CHECK(accepted(single(5, 16384, 1, std::string(240, 'n'))).name().size() == 240);
    check_refused(single(5, 16384, 1, std::string(241, 'n')), "longer than 240 bytes", "241:");
    CHECK(accepted(multi(file_entry(5, std::vector<std::string>(100, "d")))).files().size() == 1);
    check_refused(multi(file_entry(5, std::vector<std::string>(101, "d"))), "more than 100 elements", "l1:d");
    check_refused(multi(file_entry(5, {})), "\"path\" is empty", "leee4:name");
}

TEST_CASE("hostile: two files at one path, or a file that is also a folder") {
    const std::string a = file_entry(5, {"a"});
    check_refused(multi(a + file_entry(6, {"b"}) + file_entry(7, {"b"})), "two files at one path", "l1:beee4:name");
    check_refused(multi(file_entry(5, {"a", "b"}) + a), "both a file and a folder", "l1:aee");
    // "a-b" sorts between "a" and "a/b" in plain byte order.
    check_refused(multi(file_entry(5, {"a-b"}) + a + file_entry(5, {"a", "x", "y"})), "both a file and a folder",
                  "l1:a1:x1:ye");
    CHECK(accepted(multi(file_entry(5, {"a", "b"}) + file_entry(5, {"ab"}) + file_entry(5, {"a b"}))).files().size() ==
          3);
}

TEST_CASE("hostile: zero or negative lengths") {
    check_refused(single(0, 16384, 0), "no byte in all", "i0e");
    check_refused(single(0, 16384, 1), "no byte in all", "i0e");
    check_refused(single(-1, 16384, 1), "negative length -1", "i-1e");
    check_refused(single(INT64_MIN, 16384, 1), "negative length", "i-92");
    check_refused(multi(file_entry(0, {"a"}) + file_entry(0, {"b"})), "no byte in all", "ld6:length");
    check_refused(multi(file_entry(9, {"a"}) + file_entry(-4, {"b"})), "negative length -4", "i-4e");
    check_refused(multi(""), "\"files\" is empty", "le4:name");
    CHECK(accepted(single(1, 16384, 1)).file_map().total_length() == 1);
}

TEST_CASE("hostile: lengths whose sum overflows") {
    const std::int64_t limit = std::int64_t{1} << 62;
    check_refused(multi(file_entry(limit, {"a"}) + file_entry(1, {"b"})), "more than 2^62", "i1e");
    check_refused(multi(file_entry(INT64_MAX, {"a"}) + file_entry(INT64_MAX, {"b"})), "more than 2^62", "i9223372");
    check_refused(single(limit + 1, 1 << 29, 1), "more than 2^62", "i4611");
    // 2^62 itself passes this rule and is then too much for any number of pieces.
    check_refused(single(limit, 1 << 29, 1), "more than 2^21 pieces (8589934592)", "20:hhh");
}

TEST_CASE("hostile: a piece length out of range") {
    check_refused(single(5, 0, 1), "piece length 0 is not in", "i0e");
    check_refused(single(5, -16384, 1), "piece length -16384 is not in", "i-16384e");
    check_refused(single(5, (1 << 29) + 1, 1), "is not in 1 to 2^29", "i536870913e");
    check_refused(single(5, INT64_MAX, 1), "is not in 1 to 2^29", "i9223372036854775807e");
    CHECK(accepted(single(5, 1 << 29, 1)).layout().piece_length() == 1u << 29);
    CHECK(accepted(single(5, 1, 5)).layout().piece_count() == 5);
}

TEST_CASE("hostile: pieces of the wrong size") {
    check_refused(single(40000, 16384, 2), "has 2 hashes where the length needs 3", "40:hhh");
    check_refused(single(40000, 16384, 4), "has 4 hashes where the length needs 3", "80:hhh");
    check_refused(single(5, 16384, 0), "has 0 hashes where the length needs 1", "0:ee");
    check_refused(with_info("6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces19:" + std::string(19, 'h')),
                  "of 19 bytes is no multiple of 20", "19:hhh");
    check_refused(with_info("6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces21:" + std::string(21, 'h')),
                  "of 21 bytes is no multiple of 20", "21:hhh");
}

TEST_CASE("hostile: more pieces than 2^21") {
    // No file of 16 MiB can hold the hashes of so many: the count is refused before the hashes are compared.
    check_refused(single((std::int64_t{1} << 21) + 1, 1, 1), "more than 2^21 pieces (2097153)", "20:hhh");
    check_refused(single(std::int64_t{1} << 21, 1, 1), "has 1 hashes where the length needs 2097152", "20:hhh");
}

TEST_CASE("a torrent of BEP 52 alone is refused by its name") {
    check_refused(with_info("9:file treede12:meta versioni2e4:name1:a12:piece lengthi16384e"), "BEP 52 (v2)",
                  "d9:file tree");
    const std::string hybrid = with_info("6:lengthi5e12:meta versioni2e" + kTail);
    CHECK(accepted(hybrid).name() == "a");
}
