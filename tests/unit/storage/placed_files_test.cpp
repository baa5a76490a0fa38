#include "common/storage/placed_files.h"

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "common/base/rng.h"
#include "common/crypto/hash.h"
#include "common/storage/file_names.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::storage;

namespace {

constexpr std::uint32_t kPiece = 16384;

// Files in memory by their paths.
struct PathFiles final : BaseFiles {
    explicit PathFiles(std::vector<std::string> all) : paths(std::move(all)) {}

    std::vector<std::string> paths;
    std::map<std::string, ByteBuffer> files;
    std::map<std::string, bool> folders;
    std::optional<std::string> read_only;
    std::function<void()> on_rename;
    std::mutex mutex;

    const std::string& path(FileIndex file) const { return paths.at(file.value()); }
    Status write(FileIndex file, std::uint64_t offset, ByteView bytes) override {
        const std::lock_guard lock(mutex);
        auto& content = files[path(file)];
        if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
        std::ranges::copy(bytes, content.begin() + static_cast<std::ptrdiff_t>(offset));
        return {};
    }
    Result<std::size_t> read(FileIndex file, std::uint64_t offset, MutableByteView into) override {
        const std::lock_guard lock(mutex);
        const auto found = files.find(path(file));
        if (found == files.end()) return fail(Error{ErrorCode::NotFound, Fault::System, path(file), std::nullopt});
        if (offset >= found->second.size()) return std::size_t{0};
        const std::size_t count = std::min<std::size_t>(into.size(), found->second.size() - offset);
        std::copy_n(found->second.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
        return count;
    }
    Result<FileStat> stat(FileIndex file) override {
        if (folders.contains(path(file))) return FileStat{true, false, 0, 1};
        const auto found = files.find(path(file));
        return found == files.end() ? FileStat{} : FileStat{true, true, found->second.size(), 1};
    }
    Status make_empty(FileIndex file) override {
        files[path(file)].clear();
        return {};
    }
    Status truncate(FileIndex file, std::uint64_t length) override {
        files.at(path(file)).resize(length);
        return {};
    }
    Status check_writable(FileIndex file) override {
        if (read_only != path(file)) return {};
        return fail(Error{ErrorCode::PermissionDenied, Fault::System, path(file), std::nullopt});
    }
    Status rename(FileIndex from, FileIndex to) override {
        if (on_rename) on_rename();
        const std::lock_guard lock(mutex);
        auto moved = files.extract(path(from));
        if (moved.empty()) return fail(Error{ErrorCode::NotFound, Fault::System, path(from), std::nullopt});
        files[path(to)] = std::move(moved.mapped());
        return {};
    }
};

std::shared_ptr<const meta::Metainfo> torrent_of_lengths(const std::vector<std::size_t>& lengths, ByteBuffer& bytes) {
    std::string list;
    std::size_t total = 0;
    for (std::size_t i = 0; i < lengths.size(); ++i) {
        list += "d6:lengthi" + std::to_string(lengths[i]) + "e4:pathl1:" + std::string(1, static_cast<char>('a' + i)) +
                "ee";
        total += lengths[i];
    }
    bytes.resize(total);
    Rng(7).fill(bytes);
    std::string hashes;
    for (std::size_t at = 0; at < total; at += kPiece) {
        hashes += to_string(crypto::sha1(ByteView(bytes).subspan(at, std::min<std::size_t>(kPiece, total - at))));
    }
    const std::string text = "d4:infod5:filesl" + list + "e4:name1:n12:piece lengthi" + std::to_string(kPiece) +
                             "e6:pieces" + std::to_string(hashes.size()) + ":" + hashes + "ee";
    auto parsed = meta::Metainfo::parse(as_bytes(text));
    REQUIRE(parsed);
    return std::make_shared<const meta::Metainfo>(std::move(*parsed));
}

// a: pieces 0-2 (2 with b), b: 2, c: 2-5 (5 with e), d: empty, e: 5-6.
const std::vector<std::size_t> kLengths = {40'000, 100, 50'000, 0, 20'000};

struct Bench {
    explicit Bench(std::vector<bool> wanted = {})
        : metainfo(torrent_of_lengths(kLengths, bytes)),
          spec{metainfo, paths_in(*metainfo, "o"), Access::ReadWrite, placement_in(*metainfo, "o")},
          base(base_paths(spec)) {
        restart(std::move(wanted));
    }
    void restart(std::vector<bool> wanted) {
        spec.placement->wanted = std::move(wanted);
        placed.emplace(spec, base);
    }
    [[nodiscard]] Content content() { return {*metainfo, *placed}; }
    [[nodiscard]] ByteView piece(std::uint32_t i) const {
        return ByteView(bytes).subspan(metainfo->layout().piece_offset(PieceIndex(i)),
                                       metainfo->layout().piece_size(PieceIndex(i)));
    }
    void write(std::uint32_t i) {
        const auto outcome = write_piece({content(), PieceIndex(i), piece(i), false});
        REQUIRE(outcome.hash_ok);
        REQUIRE(outcome.status);
    }
    [[nodiscard]] std::string good() {
        const auto outcome = check_pieces(content(), PieceIndex(0), metainfo->layout().piece_count(), scratch);
        REQUIRE(outcome.status);
        std::string text;
        for (const bool ok : outcome.ok) text += ok ? '+' : '-';
        return text;
    }
    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& [path, content] : base.files) all.push_back(path);
        return all;
    }
    [[nodiscard]] ByteView of_file(std::uint32_t i) const {
        const auto& map = metainfo->file_map();
        return ByteView(bytes).subspan(map.file_start(FileIndex(i)), map.file_length(FileIndex(i)));
    }

    ByteBuffer bytes;
    std::shared_ptr<const meta::Metainfo> metainfo;
    StorageSpec spec;
    PathFiles base;
    std::optional<PlacedFiles> placed;
    ByteBuffer scratch;
};

using Names = std::vector<std::string>;

}  // namespace

TEST_CASE("a wanted file is NAME.part until it is finished, an empty one has its name at once") {
    Bench bench;
    REQUIRE(bench.placed->prepare());
    CHECK(bench.names() == Names{"o/n/d"});
    bench.write(0);
    bench.write(1);
    CHECK(bench.names() == Names{"o/n/a.part", "o/n/d"});
    bench.write(2);
    CHECK(bench.names() == Names{"o/n/a.part", "o/n/b.part", "o/n/c.part", "o/n/d"});
    REQUIRE(bench.placed->finish({FileIndex(0), FileIndex(1)}));
    CHECK(bench.names() == Names{"o/n/a", "o/n/b", "o/n/c.part", "o/n/d"});
    CHECK(bench.base.files["o/n/a"] == ByteBuffer(bench.of_file(0).begin(), bench.of_file(0).end()));
    CHECK(bench.good() == "+++----");
    CHECK(bench.placed->home_of(FileIndex(0)) == Home::Final);
    CHECK(bench.placed->home_of(FileIndex(2)) == Home::Part);
}

TEST_CASE("of a file that is not wanted, only shared pieces are kept, in the hidden file, and can be read back") {
    Bench bench({true, false, false, false, false});
    REQUIRE(bench.placed->prepare());
    for (const std::uint32_t i : {0u, 1u, 2u}) bench.write(i);
    CHECK(bench.names() == Names{"o/.n.swarm-parts", "o/n/a.part"});
    CHECK(bench.base.files["o/.n.swarm-parts"].size() == kPiece);
    CHECK(bench.good() == "+++----");
    REQUIRE(bench.placed->finish({FileIndex(0), FileIndex(1)}));
    CHECK(bench.names() == Names{"o/.n.swarm-parts", "o/n/a"});
    CHECK(bench.good() == "+++----");
    bench.write(5);
    CHECK(bench.base.files["o/.n.swarm-parts"].size() == 2 * kPiece);
    CHECK(bench.good() == "+++--+-");
    bench.restart({true, false, false, false, false});
    REQUIRE(bench.placed->prepare());
    CHECK(bench.good() == "+++--+-");
}

TEST_CASE("a file that becomes wanted takes its share of the hidden file along") {
    Bench bench({true, false, false, false, false});
    REQUIRE(bench.placed->prepare());
    for (const std::uint32_t i : {0u, 1u, 2u, 5u}) bench.write(i);
    const std::vector<bool> now = {true, true, true, true, false};
    SECTION("while it runs") { REQUIRE(bench.placed->select(now)); }
    SECTION("at the next start") {
        bench.restart(now);
        REQUIRE(bench.placed->prepare());
    }
    CHECK(bench.names() == Names{"o/.n.swarm-parts", "o/n/a.part", "o/n/b.part", "o/n/c.part", "o/n/d"});
    CHECK(bench.good() == "+++--+-");
    bench.write(3);
    bench.write(4);
    REQUIRE(bench.placed->finish({FileIndex(0), FileIndex(1), FileIndex(2)}));
    CHECK(bench.base.files["o/n/b"] == ByteBuffer(bench.of_file(1).begin(), bench.of_file(1).end()));
    CHECK(bench.base.files["o/n/c"] == ByteBuffer(bench.of_file(2).begin(), bench.of_file(2).end()));
    CHECK(bench.good() == "++++++-");
}

TEST_CASE("a file that is not wanted any more keeps what it has, and leaves none where it has nothing") {
    Bench bench;
    REQUIRE(bench.placed->prepare());
    bench.write(3);  // of c
    REQUIRE(bench.placed->select({true, false, false, false, false}));
    CHECK(bench.placed->home_of(FileIndex(2)) == Home::Part);
    CHECK(bench.placed->home_of(FileIndex(4)) == Home::Shared);
    bench.write(5);
    CHECK(bench.names() == Names{"o/.n.swarm-parts", "o/n/c.part", "o/n/d"});
    CHECK(bench.good() == "---+-+-");
}

TEST_CASE("a piece that was asked for before its file was not wanted any more brings the file out") {
    Bench bench({true, false, false, false, false});
    REQUIRE(bench.placed->prepare());
    bench.write(2);
    bench.write(3);
    CHECK(bench.placed->home_of(FileIndex(2)) == Home::Part);
    CHECK(bench.good() == "--++---");
}

TEST_CASE("a file under its own name is used in place: a wanted one always, another where its length is right") {
    Bench bench({true, true, false, false, false});
    const auto keep = [&](const std::string& path, ByteView content) {
        bench.base.files[path].assign(content.begin(), content.end());
    };
    SECTION("right ones") {
        keep("o/n/a", bench.of_file(0));
        keep("o/n/b", bench.of_file(1));
        keep("o/n/c", bench.of_file(2));
        REQUIRE(bench.placed->prepare());
        CHECK(bench.names() == Names{"o/n/a", "o/n/b", "o/n/c"});
        CHECK(bench.good() == "+++++--");
    }
    SECTION("the beginning of one and too much of another") {
        keep("o/n/a", bench.of_file(0).first(30'000));
        keep("o/n/b", ByteView(bench.bytes).first(101));
        keep("o/n/c", as_bytes("something else"));
        REQUIRE(bench.placed->prepare());
        bench.write(2);
        CHECK(bench.names() == Names{"o/.n.swarm-parts", "o/n/a", "o/n/b", "o/n/c"});
        CHECK(bench.base.files["o/n/b"].size() == 100);
        CHECK(to_string(bench.base.files["o/n/c"]) == "something else");
        CHECK(bench.good() == "+-+----");
    }
}

TEST_CASE("the own name rules over .part, and .part is taken up where there is only that") {
    Bench bench;
    bench.base.files["o/n/a.part"].assign(bench.bytes.begin(), bench.bytes.begin() + kPiece);
    SECTION("only .part") {
        REQUIRE(bench.placed->prepare());
        CHECK(bench.good() == "+------");
    }
    SECTION("both") {
        bench.base.files["o/n/a"];
        REQUIRE(bench.placed->prepare());
        CHECK(bench.good() == "-------");
    }
}

TEST_CASE("prepare refuses what is in the way of a wanted file and then changes nothing") {
    Bench bench;
    SECTION("a folder at its name") { bench.base.folders["o/n/c"] = true; }
    SECTION("a folder at its part name") { bench.base.folders["o/n/c.part"] = true; }
    SECTION("its name may not be written") { bench.base.read_only = "o/n/c"; }
    SECTION("its part name may not be written") { bench.base.read_only = "o/n/c.part"; }
    CHECK_FALSE(bench.placed->prepare());
    CHECK(bench.base.files.empty());
    bench.restart({true, true, false, true, true});
    CHECK(bench.placed->prepare());
}

TEST_CASE("prepare can refuse wanted files that are there under their own names, and then changes nothing") {
    Bench bench({true, true, true, true, false});
    bench.base.files["o/n/a.part"].resize(5);
    bench.base.files["o/n/d"];
    bench.base.files["o/n/e"].resize(9);  // not wanted
    CHECK(bench.placed->prepare(Existing::Refuse));
    bench.base.files["o/n/b"].resize(500);
    const auto before = bench.base.files;
    const auto refused = bench.placed->prepare(Existing::Refuse);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::DiskError);
    CHECK(refused.error().detail.find("n/b is there already") == 0);
    CHECK(bench.base.files == before);
}

TEST_CASE("prepare can throw away what is there, but for files that are not wanted") {
    Bench bench({true, true, false, true, true});
    for (const char* path : {"o/n/a", "o/n/b.part", "o/n/c", "o/.n.swarm-parts"}) bench.base.files[path].resize(50'000);
    REQUIRE(bench.placed->prepare(Existing::Discard));
    CHECK(bench.names() == Names{"o/.n.swarm-parts", "o/n/a.part", "o/n/b.part", "o/n/c", "o/n/d"});
    CHECK(bench.base.files["o/n/a.part"].empty());
    CHECK(bench.base.files["o/n/b.part"].empty());
    CHECK(bench.base.files["o/.n.swarm-parts"].empty());
    CHECK(bench.base.files["o/n/c"].size() == 50'000);
    CHECK(bench.good() == "-------");
    CHECK(bench.placed->home_of(FileIndex(0)) == Home::Part);
}

TEST_CASE("inspect tells of every file at its home, and of the hidden file") {
    Bench bench({true, false, false, false, false});
    REQUIRE(bench.placed->prepare());
    bench.write(1);
    bench.write(2);
    const auto stats = bench.placed->inspect();
    REQUIRE(stats);
    REQUIRE(stats->size() == 6);
    CHECK((*stats)[0].size == 40'000);
    CHECK_FALSE((*stats)[1].exists);
    CHECK((*stats)[5].exists);
}

TEST_CASE("without a placement every file has its own name from the first byte on") {
    ByteBuffer bytes;
    const auto metainfo = torrent_of_lengths(kLengths, bytes);
    const StorageSpec spec{metainfo, paths_in(*metainfo, "o"), Access::ReadWrite, {}};
    PathFiles base(base_paths(spec));
    PlacedFiles placed(spec, base);
    REQUIRE(placed.prepare());
    REQUIRE(placed.write(FileIndex(1), 0, as_bytes("x")));
    REQUIRE(placed.select({true, false, false, false, false}));
    REQUIRE(placed.finish({FileIndex(1)}));
    CHECK(base.files.contains("o/n/b"));
    CHECK(base.files.size() == 2);
    CHECK(placed.home_of(FileIndex(1)) == Home::Final);
    CHECK(placed.inspect()->size() == 5);
    bool busy = true;
    CHECK(placed.try_locate(FileIndex(4), 9, busy)->offset == 9);
    CHECK_FALSE(busy);
}

TEST_CASE("while somebody is at a file it keeps its name, and who must not wait is told when it is being renamed") {
    Bench bench;
    REQUIRE(bench.placed->prepare());
    for (const std::uint32_t i : {0u, 1u, 2u}) bench.write(i);
    bool busy_in_rename = false;
    bench.base.on_rename = [&] {
        std::thread([&] { CHECK_FALSE(bench.placed->try_locate(FileIndex(2), 0, busy_in_rename)); }).join();
    };
    std::thread renamer;
    {
        const auto place = bench.placed->locate(FileIndex(0), 0);
        REQUIRE(place);
        renamer = std::thread([&] { (void)bench.placed->finish({FileIndex(0)}); });
        CHECK(bench.base.files.contains("o/n/a.part"));
    }
    renamer.join();
    CHECK(bench.base.files.contains("o/n/a"));
    CHECK(busy_in_rename);
    bool busy = true;
    CHECK(bench.placed->try_locate(FileIndex(2), 0, busy));
    CHECK_FALSE(busy);
}

TEST_CASE("readers and writers on other threads never meet a file between two names") {
    Bench bench;
    REQUIRE(bench.placed->prepare());
    for (const std::uint32_t i : {0u, 1u, 2u}) bench.write(i);
    std::atomic<bool> stop = false;
    std::atomic<int> misses = 0;
    std::thread reader([&] {
        ByteBuffer into(1000);
        while (!stop) {
            const auto read = bench.placed->read(FileIndex(0), 0, into);
            if (!read || *read != into.size()) ++misses;
        }
    });
    std::thread writer([&] {
        for (int i = 0; i < 200; ++i) {
            for (const std::uint32_t piece : {3u, 4u}) {
                (void)write_piece({bench.content(), PieceIndex(piece), bench.piece(piece), false});
            }
        }
        stop = true;
    });
    REQUIRE(bench.placed->finish({FileIndex(0), FileIndex(1)}));
    writer.join();
    reader.join();
    CHECK(misses == 0);
    CHECK(bench.names() == Names{"o/n/a", "o/n/b", "o/n/c.part", "o/n/d"});
    CHECK(bench.good() == "+++++--");
}
