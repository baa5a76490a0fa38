#include "common/meta/metainfo_writer.h"

#include "tests/unit/meta/torrent_text.h"

using namespace bt::meta;
using bt::as_text;

namespace {

TorrentDescription one_file() {
    TorrentDescription description;
    description.name = "a.bin";
    description.files = {{"a.bin", 40000}};
    description.piece_length = 16384;
    description.piece_hashes.resize(3);
    for (auto& digest : description.piece_hashes) digest.fill('h');
    return description;
}

void check_writer_refused(const TorrentDescription& description, std::string_view words) {
    const auto bytes = write_metainfo(description);
    REQUIRE_FALSE(bytes);
    INFO("answer: " << bytes.error().detail);
    CHECK(bytes.error().detail.find(words) != std::string::npos);
    CHECK(bytes.error().code == bt::ErrorCode::InvalidArgument);
    CHECK(bytes.error().fault == bt::Fault::Local);
}

}  // namespace

TEST_CASE("the smallest torrent is written in canonical order") {
    const auto bytes = write_metainfo(one_file());
    REQUIRE(bytes);
    CHECK(as_text(*bytes) == test::single(40000, 16384, 3));
}

TEST_CASE("everything in a description is read back") {
    TorrentDescription description = one_file();
    description.multi_file = true;
    description.name = "top";
    description.files = {{"sub/a", 20000}, {"empty", 0}, {"sub/b", 20000}};
    description.tracker_tiers = {{"http://a/announce", "http://b/announce"}, {"udp://c:1"}};
    description.is_private = true;
    description.comment = "for a test";
    description.created_by = "test";
    description.creation_date = 0;
    const auto bytes = write_metainfo(description);
    REQUIRE(bytes);
    const auto torrent = Metainfo::parse(*bytes);
    REQUIRE(torrent);
    REQUIRE(torrent->files().size() == 3);
    CHECK(torrent->files()[0].path == "top/sub/a");
    CHECK(torrent->files()[1].length == 0);
    CHECK(torrent->tracker_tiers() == description.tracker_tiers);
    CHECK(torrent->is_private());
    CHECK(torrent->comment() == "for a test");
    CHECK(torrent->created_by() == "test");
    CHECK(torrent->creation_date() == 0);
    CHECK(torrent->piece_hash(bt::PieceIndex(1)) == description.piece_hashes[1]);
}

TEST_CASE("one tracker is written as announce alone") {
    TorrentDescription description = one_file();
    description.tracker_tiers = {{"http://a/announce"}};
    const std::string one = std::string(as_text(*write_metainfo(description)));
    CHECK(one.starts_with("d8:announce17:http://a/announce4:info"));
    description.tracker_tiers.push_back({"http://b/announce"});
    const std::string two = std::string(as_text(*write_metainfo(description)));
    CHECK(two.find("13:announce-listll17:http://a/announceel17:http://b/announceee") != std::string::npos);
}

TEST_CASE("a description that the reader would refuse is not written") {
    TorrentDescription description = one_file();
    description.files.push_back({"b", 1});
    check_writer_refused(description, "exactly one file");

    description = one_file();
    description.piece_hashes.pop_back();
    check_writer_refused(description, "has 2 hashes where the length needs 3");

    description = one_file();
    description.piece_length = 0;
    check_writer_refused(description, "piece length 0");

    description = one_file();
    description.files[0].length = ~std::uint64_t{0};
    check_writer_refused(description, "exceeds 63 bits");

    description = one_file();
    description.name = "../a";
    check_writer_refused(description, "contains a separator");

    description = one_file();
    description.tracker_tiers = {{}};
    check_writer_refused(description, "tier without a tracker");

    description = one_file();
    description.tracker_tiers = {{"http://a b"}};
    check_writer_refused(description, "not text without spaces");

    description = one_file();
    description.multi_file = true;
    for (const char* path : {"", "/a", "a/", "a//b", "a/../b"}) {
        INFO(path);
        description.files = {{path, 40000}};
        check_writer_refused(description, "path element");
    }
}

TEST_CASE("the piece length is a power of two that gives 1,000 to 2,000 pieces") {
    CHECK(choose_piece_length(0) == 16384);
    CHECK(choose_piece_length(1) == 16384);
    CHECK(choose_piece_length(16384ull * 2000) == 16384);
    CHECK(choose_piece_length(16384ull * 2000 + 1) == 32768);
    CHECK(choose_piece_length((16ull << 20) * 2000) == 16u << 20);
    CHECK(choose_piece_length(std::uint64_t{1} << 45) == 16u << 20);
    for (std::uint64_t total = 16384ull * 2000; total < (16ull << 20) * 2000; total = total * 5 / 4) {
        const std::uint64_t pieces = (total + choose_piece_length(total) - 1) / choose_piece_length(total);
        CHECK(pieces >= 1000);
        CHECK(pieces <= 2000);
    }
}
