#include "common/storage/resume.h"

#include "tests/support/catch.h"

using namespace bt;
using storage::FileStat;
using storage::ResumeData;

namespace {

ResumeData sample_resume_data() {
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
    const ResumeData data = sample_resume_data();
    const auto decoded = ResumeData::decode(data.encode(), 10);
    REQUIRE(decoded.has_value());
    CHECK(decoded->info_hash == data.info_hash);
    CHECK(decoded->pieces == data.pieces);
    CHECK(decoded->files == data.files);
    CHECK(decoded->boot_id == "boot-1");
    CHECK_FALSE(decoded->flushed);
}

TEST_CASE("resume data of another number of pieces, cut or garbled is refused", "[resume]") {
    const ByteBuffer bytes = sample_resume_data().encode();
    CHECK_FALSE(ResumeData::decode(bytes, 17).has_value());
    for (std::size_t cut = 0; cut < bytes.size(); ++cut) {
        CHECK_FALSE(ResumeData::decode(ByteView(bytes).first(cut), 10).has_value());
    }
    CHECK_FALSE(ResumeData::decode(as_bytes("i1e"), 10).has_value());
    CHECK_FALSE(ResumeData::decode(as_bytes("de"), 10).has_value());
}

namespace {

// Files of 40,000, 0, 100 and 50,000 bytes in pieces of 16 KiB: a 0-2, b none, c 2, d 2-5.
meta::Metainfo four_files() {
    std::string list;
    int number = 0;
    for (const int length : {40'000, 0, 100, 50'000}) {
        list += "d6:lengthi" + std::to_string(length) + "e4:pathl1:" + std::to_string(number++) + "ee";
    }
    const std::string text =
        "d4:infod5:filesl" + list + "e4:name1:n12:piece lengthi16384e6:pieces120:" + std::string(120, 'h') + "ee";
    auto parsed = meta::Metainfo::parse(as_bytes(text));
    REQUIRE(parsed);
    return std::move(*parsed);
}

ResumeData record_of(const meta::Metainfo& metainfo) {
    ResumeData data;
    data.info_hash = metainfo.info_hash();
    data.pieces = meta::Bitfield(6);
    for (std::int64_t i = 0; i < 5; ++i) data.files.push_back({true, true, 1000, 100 + i});
    data.boot_id = "boot-1";
    return data;
}

std::string unknown(const ResumeData& data, const std::vector<FileStat>& now, const std::string& boot = "boot-1") {
    const auto pieces = data.unknown_pieces(four_files(), now, boot);
    std::string text;
    for (std::uint32_t i = 0; i < pieces.piece_count(); ++i) text += pieces.has(PieceIndex(i)) ? '?' : '.';
    return text;
}

}  // namespace

TEST_CASE("resume data is believed for files that have not changed, and for no piece of another one", "[resume]") {
    const ResumeData data = record_of(four_files());
    auto now = data.files;
    CHECK(unknown(data, now) == "......");
    SECTION("another size") {
        now[0].size += 1;
        CHECK(unknown(data, now) == "???...");
    }
    SECTION("another time") {
        now[3].mtime_ns += 1;
        CHECK(unknown(data, now) == "..????");
    }
    SECTION("gone") {
        now[2] = FileStat{};
        CHECK(unknown(data, now) == "..?...");
    }
    SECTION("a file of no bytes has no pieces") {
        now[1] = FileStat{};
        CHECK(unknown(data, now) == "......");
    }
    SECTION("the hidden file has parts of pieces that lie in several") {
        now[4].mtime_ns += 1;
        CHECK(unknown(data, now) == "..?...");
    }
    SECTION("renamed") {
        now[0].is_part = true;
        CHECK(unknown(data, now) == "......");
    }
}

TEST_CASE("resume data of another torrent, of other files, or of data that may be lost is not believed", "[resume]") {
    ResumeData data = record_of(four_files());
    const auto now = data.files;
    SECTION("another torrent") {
        data.info_hash[0] ^= 1;
        CHECK(unknown(data, now) == "??????");
    }
    SECTION("one file more") {
        data.files.push_back({});
        CHECK(unknown(data, now) == "??????");
    }
    SECTION("fewer files than the torrent has") {
        data.files.resize(3);
        CHECK(unknown(data, {now[0], now[1], now[2]}) == "??????");
    }
    SECTION("unflushed data survives a killed process, not a machine that was started anew") {
        CHECK(unknown(data, now, "boot-2") == "??????");
        CHECK(unknown(data, now, "") == "??????");
        data.boot_id.clear();
        CHECK(unknown(data, now, "") == "??????");
        data.flushed = true;
        CHECK(unknown(data, now, "boot-2") == "......");
    }
}
