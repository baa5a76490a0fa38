#include "client/create_torrent.h"

#include <sys/stat.h>

#include "common/crypto/hash.h"
#include "common/meta/metainfo.h"
#include "tests/support/catch.h"
#include "tests/unit/client/temporary_tree.h"

namespace bt::client {
namespace {

using test::TemporaryTree;

CreateOptions options_for(const std::string& path) {
    CreateOptions options;
    options.path = path;
    options.piece_length = 16384;
    return options;
}

meta::Metainfo parsed_torrent(const CreatedTorrent& made) {
    auto metainfo = meta::Metainfo::parse(made.bytes);
    REQUIRE(metainfo.has_value());
    return std::move(*metainfo);
}

Error error_of(const CreateOptions& options) {
    const auto made = create_torrent(options);
    REQUIRE_FALSE(made.has_value());
    return made.error();
}

bool has(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

// A folder of files whose edges lie within pieces, one of them empty.
void fill(const TemporaryTree& tree) {
    tree.fill("tree/b", 50'000);
    tree.fill("tree/a/deep", 20'001);
    tree.write("tree/a/empty", "");
    tree.fill("tree/c", 3);
}

}  // namespace

TEST_CASE("a torrent of one file has its name, its length and the hash of every piece") {
    const TemporaryTree tree;
    tree.fill("x.bin", 40'000);
    const auto made = create_torrent(options_for(tree / "x.bin"));
    REQUIRE(made.has_value());
    const meta::Metainfo metainfo = parsed_torrent(*made);
    CHECK_FALSE(metainfo.is_multi_file());
    CHECK(metainfo.name() == "x.bin");
    CHECK(metainfo.info_hash() == made->info_hash);
    REQUIRE(metainfo.layout().piece_count() == 3);
    const std::string content = TemporaryTree::bytes_of("x.bin", 40'000);
    for (std::uint32_t i = 0; i < 3; ++i) {
        CHECK(metainfo.piece_hash(PieceIndex(i)) ==
              crypto::sha1(as_bytes(std::string_view(content).substr(i * 16384u, 16384))));
    }
}

TEST_CASE("the same tree gives the same torrent with any number of threads, files in the order of their paths") {
    const TemporaryTree tree;
    fill(tree);
    CreateOptions options = options_for(tree / "tree");
    options.creation_date = 1'700'000'000;
    const auto one = create_torrent(options);
    REQUIRE(one.has_value());
    for (const std::uint32_t threads : {1u, 2u, 7u, 0u}) {
        options.threads = threads;
        CHECK(create_torrent(options)->bytes == one->bytes);
    }
    const meta::Metainfo metainfo = parsed_torrent(*one);
    std::vector<std::string> paths;
    for (const auto& file : metainfo.files()) paths.push_back(file.path);
    CHECK(paths == std::vector<std::string>{"tree/a/deep", "tree/a/empty", "tree/b", "tree/c"});
    CHECK(metainfo.layout().total_length() == 70'004);
    CHECK(one->file_count == 4);
    CHECK(one->piece_count == 5);
}

TEST_CASE("pieces too large for memory in pairs are hashed all the same") {
    const TemporaryTree tree;
    tree.fill("large", (8u << 20) + 5);
    CreateOptions options = options_for(tree / "large");
    options.piece_length = 8u << 20;
    const auto made = create_torrent(options);
    REQUIRE(made.has_value());
    const std::string content = TemporaryTree::bytes_of("large", (8u << 20) + 5);
    CHECK(parsed_torrent(*made).piece_hash(PieceIndex(0)) ==
          crypto::sha1(as_bytes(std::string_view(content).substr(0, 8u << 20))));
    CHECK(parsed_torrent(*made).piece_hash(PieceIndex(1)) ==
          crypto::sha1(as_bytes(std::string_view(content).substr(8u << 20))));
}

TEST_CASE("what is said about a torrent stands in it: tiers, web seeds, private, comment, source, date, name") {
    const TemporaryTree tree;
    tree.fill("x", 5);
    CreateOptions options = options_for(tree / "x");
    const InfoHash plain = create_torrent(options)->info_hash;
    options.name = "other name";
    options.tracker_tiers = {{"http://a.test/announce", "udp://b.test:1"}, {"https://c.test/announce"}};
    options.web_seeds = {"http://w.test/files/"};
    options.is_private = true;
    options.comment = "words";
    options.source = "SITE";
    options.created_by = "a test";
    options.creation_date = 12;
    const auto made = create_torrent(options);
    REQUIRE(made.has_value());
    const meta::Metainfo metainfo = parsed_torrent(*made);
    CHECK(metainfo.name() == "other name");
    CHECK(metainfo.tracker_tiers() == options.tracker_tiers);
    CHECK(metainfo.is_private());
    CHECK(metainfo.comment() == "words");
    CHECK(metainfo.created_by() == "a test");
    CHECK(metainfo.creation_date() == 12);
    CHECK(has(to_string(made->bytes), "8:url-listl20:http://w.test/files/e"));
    CHECK(has(to_string(metainfo.info_bytes()), "7:privatei1e6:source4:SITEe"));

    // source alone makes another info_hash; the comment does not.
    CreateOptions sourced = options_for(tree / "x");
    sourced.source = "SITE";
    CHECK(create_torrent(sourced)->info_hash != plain);
    CreateOptions commented = options_for(tree / "x");
    commented.comment = "words";
    CHECK(create_torrent(commented)->info_hash == plain);
}

TEST_CASE("without a piece length one is chosen by size") {
    const TemporaryTree tree;
    tree.fill("x", 40u << 20);
    CreateOptions options = options_for(tree / "x");
    options.piece_length.reset();
    CHECK(create_torrent(options)->piece_length == 32768);
}

TEST_CASE("patterns and paths leave files out, what is no file is left out with a warning") {
    const TemporaryTree tree;
    fill(tree);
    tree.fill("tree/note.tmp", 10);
    tree.fill("tree/cache/deep/x", 10);
    tree.fill("tree/out.torrent", 10);
    std::filesystem::create_symlink("b", tree / "tree/link");
    REQUIRE(mkfifo((tree / "tree/pipe").c_str(), 0600) == 0);
    CreateOptions options = options_for(tree / "tree");
    options.exclude = {"*.tmp", "cache", "a/empty"};
    options.exclude_paths = {tree / "tree/out.torrent"};
    const auto made = create_torrent(options);
    REQUIRE(made.has_value());
    CHECK(made->file_count == 3);
    REQUIRE(made->warnings.size() == 2);
    CHECK(has(made->warnings[0] + made->warnings[1], "link: neither file nor folder"));
    CHECK(has(made->warnings[0] + made->warnings[1], "pipe: neither file nor folder"));

    CHECK(matches_pattern("*.tmp", "a.tmp"));
    CHECK_FALSE(matches_pattern("*.tmp", "d/a.tmp"));
    CHECK(matches_pattern("**.tmp", "d/a.tmp"));
    CHECK(matches_pattern("d/?", "d/a"));
    CHECK_FALSE(matches_pattern("d?a", "d/a"));
    CHECK(matches_pattern("*", ""));
    CHECK_FALSE(matches_pattern("", "a"));
    CHECK_FALSE(matches_pattern("a", "ab"));
}

TEST_CASE("progress goes from nothing to all") {
    const TemporaryTree tree;
    tree.fill("x", 100'000);
    CreateOptions options = options_for(tree / "x");
    std::uint64_t last = 0;
    options.progress = [&](std::uint64_t done, std::uint64_t total) {
        CHECK(total == 100'000);
        CHECK(done >= last);
        last = done;
    };
    REQUIRE(create_torrent(options).has_value());
    CHECK(last == 100'000);
}

TEST_CASE("bad input: trees of which no torrent can be made are refused with what is wrong and where") {
    const TemporaryTree tree;
    CHECK(error_of(options_for(tree / "nothing")).code == ErrorCode::NotFound);
    CHECK(has(error_of(options_for(tree / "nothing")).detail, "nothing"));
    tree.write("hollow/empty", "");
    CHECK(has(error_of(options_for(tree / "hollow")).detail, "not even one byte"));
    REQUIRE(mkfifo((tree / "pipe").c_str(), 0600) == 0);
    CHECK(has(error_of(options_for(tree / "pipe")).detail, "neither file nor folder"));
    tree.fill("odd/line\nbreak", 5);
    const Error odd = error_of(options_for(tree / "odd"));
    CHECK(odd.code == ErrorCode::InvalidArgument);
    CHECK(has(odd.detail, "break"));
    tree.fill("x", 5);
    CreateOptions named = options_for(tree / "x");
    named.name = "a/b";
    CHECK(has(error_of(named).detail, "--name"));
}

TEST_CASE("bad input: a tracker or web seed that is no URL is refused before anything is read") {
    const TemporaryTree tree;
    tree.fill("x", 5);
    CreateOptions options = options_for(tree / "x");
    options.progress = [](std::uint64_t, std::uint64_t) { FAIL("it was hashed"); };
    options.tracker_tiers = {{"tracker.test/announce"}};
    CHECK(has(error_of(options).detail, "tracker.test/announce"));
    options.tracker_tiers.clear();
    options.web_seeds = {"http://a b/"};
    CHECK(has(error_of(options).detail, "http://a b/"));
}

TEST_CASE("bad input: too many pieces are refused before anything is read, the most there may be are not") {
    const TemporaryTree tree;
    const std::uint32_t most = (16u << 20) / 20 - 1024;
    tree.write("x", "");
    tree.resize("x", most);
    CreateOptions options = options_for(tree / "x");
    options.piece_length = 1;
    CHECK(create_torrent(options)->piece_count == most);
    tree.resize("x", most + 1);
    options.progress = [](std::uint64_t, std::uint64_t) { FAIL("it was hashed"); };
    CHECK(has(error_of(options).detail, "--piece-length"));
}

TEST_CASE("bad input: a file that changes while it is read is an error") {
    const TemporaryTree tree;
    tree.fill("x", 1u << 20);
    CreateOptions options = options_for(tree / "x");
    options.progress = [&](std::uint64_t, std::uint64_t) { tree.resize("x", 77); };
    const Error error = error_of(options);
    CHECK(error.code == ErrorCode::WrongSize);
    CHECK(has(error.detail, "changed while it was read"));
}

}  // namespace bt::client
