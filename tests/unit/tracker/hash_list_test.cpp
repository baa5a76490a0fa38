#include "tracker/hash_list.h"

#include <string>

#include "common/base/encoding.h"
#include "tests/support/catch.h"

namespace bt::tracker {
namespace {

TEST_CASE("a file of info_hashes has one a line, with comments, spaces and either case") {
    const std::string a(40, 'a');
    HashList list;
    REQUIRE(parse_hash_list("# all of them\n\n " + a + " # the first\r\n" + std::string(40, 'B') + "\n" + a, list));
    CHECK(list.size() == 2);
    CHECK(list.contains(*parse_info_hash(a)));
    CHECK(list.contains(*parse_info_hash(std::string(40, 'b'))));
}

TEST_CASE("bad input: what is no info_hash is refused with its line") {
    for (const std::string& bad :
         {std::string(39, 'a'), std::string(41, 'a'), std::string(40, 'g'), std::string("x")}) {
        HashList list;
        const Status status = parse_hash_list("\n# comment\n" + bad + "\n", list);
        REQUIRE_FALSE(status);
        CHECK(status.error().detail.starts_with("3: "));
    }
}

TEST_CASE("bad input: a list holds a million torrents and not one more") {
    HashList list;
    for (std::uint32_t i = 0; i < kMaxHashList - 1; ++i) {
        InfoHash hash{};
        for (std::size_t byte = 0; byte < 4; ++byte) hash[byte] = static_cast<Byte>(i >> (8 * byte));
        list.insert(hash);
    }
    CHECK(parse_hash_list(std::string(40, 'e'), list));
    CHECK_FALSE(parse_hash_list(std::string(40, 'd'), list));
}

}  // namespace
}  // namespace bt::tracker
