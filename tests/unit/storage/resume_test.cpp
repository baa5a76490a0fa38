#include "common/storage/resume.h"

#include "tests/support/catch.h"

using namespace bt;
using storage::FileStat;
using storage::ResumeData;

namespace {

ResumeData sample() {
    ResumeData data;
    data.info_hash.fill(0x11);
    data.pieces = meta::Bitfield(10);
    data.pieces.set(PieceIndex(3));
    data.pieces.set(PieceIndex(9));
    data.files = {{true, true, 1000, 123456789}, {false, false, 0, 0}};
    data.boot_id = "boot-1";
    return data;
}

}  // namespace

TEST_CASE("resume data reads back as it was written", "[resume]") {
    const ResumeData data = sample();
    const auto decoded = ResumeData::decode(data.encode(), 10);
    REQUIRE(decoded.has_value());
    CHECK(decoded->info_hash == data.info_hash);
    CHECK(decoded->pieces == data.pieces);
    CHECK(decoded->files == data.files);
    CHECK(decoded->boot_id == "boot-1");
    CHECK_FALSE(decoded->flushed);
}

TEST_CASE("resume data of another number of pieces, cut or garbled is refused", "[resume]") {
    const ByteBuffer bytes = sample().encode();
    CHECK_FALSE(ResumeData::decode(bytes, 17).has_value());
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        CHECK_FALSE(ResumeData::decode(ByteView(bytes).first(cut), 10).has_value());
    }
    CHECK_FALSE(ResumeData::decode(as_bytes("i1e"), 10).has_value());
    CHECK_FALSE(ResumeData::decode(as_bytes("de"), 10).has_value());
}

TEST_CASE("resume data is believed only for the same torrent, the same files and data that cannot be lost", "[resume]") {
    ResumeData data = sample();
    const auto files = data.files;
    CHECK(data.is_trusted(data.info_hash, files, "boot-1"));

    InfoHash other = data.info_hash;
    other[0] ^= 1;
    CHECK_FALSE(data.is_trusted(other, files, "boot-1"));

    auto changed = files;
    SECTION("another size") { changed[0].size += 1; }
    SECTION("another time") { changed[0].mtime_ns += 1; }
    SECTION("gone") { changed[0] = FileStat{}; }
    SECTION("one more") { changed.push_back({}); }
    CHECK_FALSE(data.is_trusted(data.info_hash, changed, "boot-1"));

    // Unflushed data survives a killed process, not a machine that was started anew.
    CHECK_FALSE(data.is_trusted(data.info_hash, files, "boot-2"));
    CHECK_FALSE(data.is_trusted(data.info_hash, files, ""));
    data.boot_id.clear();
    CHECK_FALSE(data.is_trusted(data.info_hash, files, ""));
    data.flushed = true;
    CHECK(data.is_trusted(data.info_hash, files, "boot-2"));
}
