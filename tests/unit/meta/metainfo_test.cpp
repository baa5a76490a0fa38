#include "common/meta/metainfo.h"

#include "common/base/encoding.h"
#include "common/crypto/hash.h"
#include "tests/unit/meta/torrent_text.h"

using namespace bt::meta::test;
using bt::as_bytes;
using bt::PieceIndex;
using bt::meta::Metainfo;

namespace {

using Tiers = std::vector<std::vector<std::string>>;

}  // namespace

TEST_CASE("a single-file torrent is read") {
    const Metainfo torrent = accepted(single(40000, 16384, 3));
    CHECK(torrent.name() == "a.bin");
    CHECK_FALSE(torrent.is_multi_file());
    REQUIRE(torrent.files().size() == 1);
    CHECK(torrent.files()[0].path == "a.bin");
    CHECK(torrent.files()[0].length == 40000);
    CHECK(torrent.layout().piece_count() == 3);
    CHECK(torrent.layout().piece_size(PieceIndex(2)) == 40000 - 2 * 16384);
    CHECK(torrent.piece_hash(PieceIndex(2))[19] == 'h');
    CHECK_FALSE(torrent.is_private());
    CHECK(torrent.tracker_tiers().empty());
    CHECK_FALSE(torrent.creation_date());
}

TEST_CASE("a multi-file torrent's paths start with its name") {
    const Metainfo torrent =
        accepted(multi(file_entry(10, {"sub", "a"}) + file_entry(0, {"empty"}) + file_entry(5, {"sub", "b"})));
    CHECK(torrent.is_multi_file());
    REQUIRE(torrent.files().size() == 3);
    CHECK(torrent.files()[0].path == "top/sub/a");
    CHECK(torrent.files()[1].path == "top/empty");
    CHECK(torrent.files()[2].path == "top/sub/b");
    CHECK(torrent.file_map().total_length() == 15);
    CHECK(torrent.file_map().file_length(bt::FileIndex(1)) == 0);
}

TEST_CASE("the info_hash is taken over the raw bytes of info, sorted or not") {
    // Unsorted keys and one we do not know: writing it out again would give another hash.
    const std::string info = "d4:name1:a5:extrai1e6:lengthi5e12:piece lengthi16384e6:pieces" + hashes(1) + "e";
    const Metainfo torrent = accepted("d8:announce8:http://a4:info" + info + "e");
    CHECK(torrent.info_hash() == bt::crypto::sha1(as_bytes(info)));
    CHECK(bt::as_text(torrent.info_bytes()) == info);
}

TEST_CASE("an info_hash that was computed by another program") {
    // printf '%s' "$info" | sha1sum
    const Metainfo torrent = accepted(single(1, 16384, 1, "x"));
    CHECK(bt::to_hex(torrent.info_hash()) == "58572b013eab69211c8ae5c918e64f3ffdeb1158");
}

TEST_CASE("announce-list rules over announce, tiers keep their order") {
    const std::string list = "13:announce-listll8:http://b8:http://celel7:udp://dee";
    const Metainfo torrent = accepted(
        with_info("6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces" + hashes(1), "8:announce8:http://a" + list));
    CHECK(torrent.tracker_tiers() == Tiers{{"http://b", "http://c"}, {"udp://d"}});
}

TEST_CASE("announce alone is a tier, and stands in for a list without a usable URL") {
    const std::string info = "6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces" + hashes(1);
    const std::string announce = "8:announce8:http://a";
    CHECK(accepted(with_info(info, announce)).tracker_tiers() == Tiers{{"http://a"}});
    for (const char* list : {"le", "llee", "ll0:ee", "lli1eee", "i5e", "ll3:a cel3:\x01yzee", "l8:http://be"}) {
        INFO(list);
        CHECK(accepted(with_info(info, announce + "13:announce-list" + list)).tracker_tiers() == Tiers{{"http://a"}});
    }
}

TEST_CASE("announce URLs that are not text are dropped") {
    const std::string info = "6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces" + hashes(1);
    const std::string list =
        "13:announce-listll3:\xff\xfe\xfd"
        "8:http://bee";
    CHECK(accepted(with_info(info, list)).tracker_tiers() == Tiers{{"http://b"}});
    CHECK(accepted(with_info(info, "8:announce3:\xff\xfe\xfd")).tracker_tiers().empty());
    CHECK(accepted(with_info(info, "8:announcei1e")).tracker_tiers().empty());
    CHECK(accepted(with_info(info, "8:announce0:")).tracker_tiers().empty());
}

TEST_CASE("what describes a torrent is kept, and left out when it has another type") {
    const std::string info = "6:lengthi5e4:name1:a12:piece lengthi16384e6:pieces" + hashes(1) + "7:privatei1e";
    const Metainfo torrent = accepted(with_info(info, "7:comment2:hi10:created by2:me13:creation datei1700000000e"));
    CHECK(torrent.is_private());
    CHECK(torrent.comment() == "hi");
    CHECK(torrent.created_by() == "me");
    CHECK(torrent.creation_date() == 1700000000);
    const Metainfo odd = accepted(with_info(info, "7:commenti1e10:created byle13:creation date4:soon"));
    CHECK(odd.comment().empty());
    CHECK(odd.created_by().empty());
    CHECK_FALSE(odd.creation_date());
}

TEST_CASE("a file of 16 MiB is read and of one byte more refused") {
    // A comment fills the file up to the wished size.
    const auto of_size = [](std::size_t size) {
        const std::string rest = single(5, 16384, 1).substr(1);
        std::string head = "d7:comment";
        const std::size_t text = size - head.size() - rest.size() - 9;  // "########:" in front of the text
        head += std::to_string(text) + ":" + std::string(text, 'c');
        return head + rest;
    };
    const std::string largest = of_size(16u << 20);
    REQUIRE(largest.size() == 16u << 20);
    CHECK(Metainfo::parse(as_bytes(largest)).has_value());
    const auto refused = Metainfo::parse(as_bytes(of_size((16u << 20) + 1)));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().message() == "torrent: file of 16777217 bytes is larger than 16 MiB (at byte 16777216)");
}

TEST_CASE("names that differ only in case are told") {
    CHECK(accepted(multi(file_entry(1, {"Read"}) + file_entry(1, {"READ"}))).has_case_clashes());
    CHECK(accepted(multi(file_entry(1, {"A"}) + file_entry(1, {"a", "b"}))).has_case_clashes());
    CHECK_FALSE(accepted(multi(file_entry(1, {"Read"}) + file_entry(1, {"Reed"}))).has_case_clashes());
    CHECK_FALSE(accepted(multi(file_entry(1, {"D", "x"}) + file_entry(1, {"d", "y"}))).has_case_clashes());
}

TEST_CASE("padding files that share a path get one each") {
    const std::string pad = "d4:attr1:p6:lengthi3e4:path" + path_list({".pad", "3"}) + "e";
    const Metainfo torrent = accepted(multi(file_entry(1, {"a"}) + pad + file_entry(1, {"b"}) + pad));
    CHECK(torrent.files()[1].path == "top/.pad/3");
    CHECK(torrent.files()[3].path == "top/.pad/3.3");
}

TEST_CASE("names that are no UTF-8 are kept byte for byte") {
    const Metainfo torrent = accepted(single(5, 16384, 1, "caf\xe9\x85"));
    CHECK(torrent.name() == "caf\xe9\x85");
    CHECK(accepted(single(5, 16384, 1, "na\xc3\xafve \xe2\x82\xac")).name() == "na\xc3\xafve \xe2\x82\xac");
}
