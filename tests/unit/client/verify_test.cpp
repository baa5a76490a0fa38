#include "client/verify.h"

#include "client/create_torrent.h"
#include "tests/support/catch.h"
#include "tests/unit/client/temporary_tree.h"

namespace bt::client {
namespace {

using test::TemporaryTree;

// Pieces of 16 KiB. first: pieces 0-2 (the last shared), small: piece 2, last: pieces 2-6, and an empty file.
struct Rig {
    Rig() {
        tree.fill("out/tree/first", 40'000);
        tree.fill("out/tree/sub/last", 60'000);
        tree.fill("out/tree/small", 100);
        tree.write("out/tree/void", "");
        CreateOptions options;
        options.path = tree / "out/tree";
        options.piece_length = 16384;
        metainfo.emplace(meta::Metainfo::parse(create_torrent(options)->bytes).value());
    }
    VerifyReport run(const std::string& folder = "out", std::uint32_t threads = 0) const {
        const auto report = verify(*metainfo, {tree / folder, threads, {}});
        REQUIRE(report.has_value());
        return *report;
    }
    // "first:ok small:ok …"
    std::string verdicts(const std::string& folder = "out") const {
        std::string text;
        for (const auto& file : run(folder).files) {
            text += file.path.substr(file.path.rfind('/') + 1) + ":" + file_verdict_name(file.verdict) + " ";
        }
        return text;
    }
    std::string bad(const std::string& folder = "out") const { return piece_ranges(run(folder).bad_pieces); }

    TemporaryTree tree;
    std::optional<meta::Metainfo> metainfo;
};

}  // namespace

TEST_CASE("content that is as the torrent says is ok, in its folder, named itself, or under another name") {
    Rig rig;
    for (const std::uint32_t threads : {0u, 1u, 3u}) {
        const VerifyReport report = rig.run("out", threads);
        CHECK(report.is_ok());
        CHECK(report.piece_count == 7);
        CHECK(report.total_length == 100'100);
    }
    CHECK(rig.verdicts() == "first:ok small:ok last:ok void:ok ");
    CHECK(rig.run("out/tree").is_ok());
    CHECK(rig.run("out/tree/").is_ok());
    std::filesystem::rename(rig.tree / "out/tree", rig.tree / "out/renamed");
    CHECK(rig.run("out/renamed").is_ok());
    CHECK(rig.verdicts("out") == "first:missing small:missing last:missing void:missing ");
}

TEST_CASE("a single file is found in its folder, or named itself") {
    const TemporaryTree tree;
    tree.fill("out/x", 20'000);
    CreateOptions options;
    options.path = tree / "out/x";
    const auto metainfo = meta::Metainfo::parse(create_torrent(options)->bytes).value();
    CHECK(verify(metainfo, {tree / "out", 0, {}})->is_ok());
    CHECK(verify(metainfo, {tree / "out/x", 0, {}})->is_ok());
    std::filesystem::rename(tree / "out/x", tree / "out/y");
    CHECK(verify(metainfo, {tree / "out/y", 0, {}})->is_ok());
    CHECK(verify(metainfo, {tree / "out", 0, {}})->files[0].verdict == FileVerdict::Missing);
}

TEST_CASE("one wrong byte makes its piece bad and every file of that piece corrupt") {
    Rig rig;
    rig.tree.flip_byte("out/tree/first", 5);
    CHECK(rig.bad() == "0");
    CHECK(rig.verdicts() == "first:corrupt small:ok last:ok void:ok ");
    rig.tree.flip_byte("out/tree/sub/last", 59'999);
    CHECK(rig.bad() == "0, 6");
    CHECK(rig.verdicts() == "first:corrupt small:ok last:corrupt void:ok ");
    rig.tree.flip_byte("out/tree/small", 50);
    CHECK(rig.bad() == "0, 2, 6");
    CHECK(rig.run().files[0].bad_pieces == 2);
    CHECK_FALSE(rig.run().is_ok());
}

TEST_CASE("missing, short and long files are told apart, and their neighbours are unproven") {
    Rig rig;
    rig.tree.remove("out/tree/small");
    CHECK(rig.bad() == "2");
    CHECK(rig.verdicts() == "first:unproven small:missing last:unproven void:ok ");
    rig.tree.resize("out/tree/sub/last", 59'000);
    CHECK(rig.bad() == "2, 6");
    CHECK(rig.verdicts() == "first:unproven small:missing last:short void:ok ");
    // Wrong itself as well: no longer unproven.
    rig.tree.flip_byte("out/tree/first", 20'000);
    CHECK(rig.bad() == "1-2, 6");
    CHECK(rig.verdicts() == "first:corrupt small:missing last:short void:ok ");
}

TEST_CASE("a file with more bytes than it should have is not ok, though its pieces are right") {
    Rig rig;
    rig.tree.resize("out/tree/first", 40'001);
    rig.tree.write("out/tree/void", "x");
    CHECK(rig.bad().empty());
    CHECK(rig.verdicts() == "first:long small:ok last:ok void:long ");
    CHECK_FALSE(rig.run().is_ok());
    CHECK(rig.run().files[0].size == 40'001);
}

TEST_CASE("a missing empty file and a folder in the place of a file are missing") {
    Rig rig;
    rig.tree.remove("out/tree/void");
    rig.tree.remove("out/tree/small");
    std::filesystem::create_directory(rig.tree / "out/tree/small");
    CHECK(rig.verdicts() == "first:unproven small:missing last:unproven void:missing ");
}

TEST_CASE("piece numbers are written as ranges") {
    CHECK(piece_ranges({}).empty());
    CHECK(piece_ranges({PieceIndex(3), PieceIndex(17), PieceIndex(18), PieceIndex(19), PieceIndex(99)}) ==
          "3, 17-19, 99");
}

}  // namespace bt::client
