#include "common/storage/file_state.h"

#include "common/meta/metainfo_writer.h"
#include "tests/support/catch.h"

using namespace bt;
using storage::FileState;

namespace {

// Files of 20000, 0, 30000 and 10 bytes in pieces of 16384: [a][ab][b][b+c]; the last piece is short.
meta::Metainfo sample() {
    meta::TorrentDescription description;
    description.name = "tree";
    description.multi_file = true;
    description.files = {{"a", 20000}, {"empty", 0}, {"b", 30000}, {"c", 10}};
    description.piece_length = 16384;
    description.piece_hashes.resize(4);
    const auto bytes = meta::write_metainfo(description);
    REQUIRE(bytes.has_value());
    auto metainfo = meta::Metainfo::parse(*bytes);
    REQUIRE(metainfo.has_value());
    return std::move(*metainfo);
}

}  // namespace

TEST_CASE("a file is complete with the last piece that touches it", "[file_state]") {
    const auto metainfo = sample();
    FileState state(metainfo, meta::Bitfield(4));
    CHECK(state.complete_files() == 1);  // the empty one
    CHECK(state.missing_pieces(FileIndex(0)) == 2);
    CHECK(state.missing_pieces(FileIndex(2)) == 3);
    CHECK(state.on_piece_verified(PieceIndex(1)).empty());
    CHECK(state.on_piece_verified(PieceIndex(0)) == std::vector{FileIndex(0)});
    CHECK(state.on_piece_verified(PieceIndex(2)).empty());
    CHECK(state.on_piece_verified(PieceIndex(3)) == std::vector{FileIndex(2), FileIndex(3)});
    CHECK(state.complete_files() == 4);
}

TEST_CASE("pieces that are there at the start count", "[file_state]") {
    const auto metainfo = sample();
    meta::Bitfield have(4);
    have.set(PieceIndex(0));
    have.set(PieceIndex(3));
    const FileState state(metainfo, have);
    CHECK(state.is_complete(FileIndex(1)));
    CHECK(state.is_complete(FileIndex(3)));
    CHECK(state.missing_pieces(FileIndex(0)) == 1);
    CHECK(state.missing_pieces(FileIndex(2)) == 2);
}
