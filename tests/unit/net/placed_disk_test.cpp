// The real disk with a placement: unfinished files are called .part and are renamed, shared pieces lie beside them.

#include "common/storage/file_names.h"
#include "tests/unit/net/support.h"

using namespace bt;
using namespace bt::net;
using namespace bt::net::test;

namespace {

constexpr std::uint32_t kPlacedPieceLength = 40000;
const std::vector<NamedFile> kFiles = {{"a", 60'000}, {"b", 60'000}};  // piece 1 lies in both

struct PlacedBench {
    PlacedBench() : bytes(random_bytes(120'000, 3)), metainfo(make_metainfo(bytes, kPlacedPieceLength, kFiles)) {
        storage::StorageSpec spec{metainfo, storage::paths_in(*metainfo, folder.path()), storage::Access::ReadWrite,
                                  storage::placement_in(*metainfo, folder.path())};
        paths = spec.paths;
        parts = spec.placement->part_paths;
        shared = spec.placement->shared_path;
        spec.placement->wanted = {true, false};
        id = env.disk().open_storage(spec);
        REQUIRE(status_of([&](auto done) { env.disk().prepare(id, storage::Existing::Use, done); }));
    }
    template <class Call>
    Status status_of(Call call) {
        std::optional<Status> answer;
        call([&](Status status) { answer = std::move(status); });
        CHECK_FALSE(answer.has_value());
        REQUIRE(run_until(loop, [&] { return answer.has_value(); }));
        return *answer;
    }
    void write(std::uint32_t piece) {
        storage::PieceBuffer buffer(kPlacedPieceLength);
        std::copy_n(bytes.begin() + piece * kPlacedPieceLength, kPlacedPieceLength, buffer.bytes().begin());
        std::optional<env::PieceWritten> answer;
        env.disk().write_piece(id, PieceIndex(piece), std::move(buffer), false,
                               [&](env::PieceWritten written) { answer = std::move(written); });
        REQUIRE(run_until(loop, [&] { return answer.has_value(); }));
        REQUIRE(answer->status);
    }
    // Of the torrent's bytes, as a stream would.
    [[nodiscard]] bool serves(FileIndex file, std::uint64_t offset, std::uint64_t length) {
        ByteBuffer into(length);
        const auto read = env.disk().read_now({id, file, offset, length}, into);
        const std::uint64_t at = metainfo->file_map().file_start(file) + offset;
        return read && *read == length && equal_bytes(into, ByteView(bytes).subspan(at, length));
    }
    [[nodiscard]] bool finish(FileIndex file) {
        return status_of([&](auto done) { env.disk().finish_files(id, {file}, done); }).has_value();
    }
    [[nodiscard]] bool select(std::vector<bool> wanted) {
        return status_of([&](auto done) { env.disk().select_files(id, wanted, done); }).has_value();
    }

    UvLoop loop;
    UvEnv env{loop};
    TempFolder folder;
    ByteBuffer bytes;
    std::shared_ptr<const meta::Metainfo> metainfo;
    std::vector<std::string> paths, parts;
    std::string shared;
    StorageId id;
};

bool exists(const std::string& path) { return std::filesystem::exists(path); }

}  // namespace

TEST_CASE("a finished file is renamed, and what was open goes on being served and flushed") {
    PlacedBench bench;
    bench.write(0);
    bench.write(1);
    CHECK(exists(bench.parts[0]));
    CHECK(exists(bench.shared));
    CHECK(bench.serves(FileIndex(0), 0, 16384));
    REQUIRE(bench.finish(FileIndex(0)));
    CHECK(exists(bench.paths[0]));
    CHECK_FALSE(exists(bench.parts[0]));
    CHECK(bench.serves(FileIndex(0), 40'000, 16384));
    CHECK(bench.serves(FileIndex(1), 0, 16384));
    CHECK(bench.status_of([&](auto done) { bench.env.disk().flush(bench.id, done); }));
}

TEST_CASE("a file that becomes wanted leaves the hidden file, and what nobody wanted cannot be read") {
    PlacedBench bench;
    bench.write(1);
    CHECK_FALSE(bench.serves(FileIndex(1), 40'000, 16384));
    CHECK_FALSE(exists(bench.parts[1]));
    REQUIRE(bench.select({true, true}));
    CHECK(exists(bench.parts[1]));
    bench.write(2);
    CHECK(bench.serves(FileIndex(1), 0, 16384));
    CHECK(bench.serves(FileIndex(1), 40'000, 16384));
    REQUIRE(bench.finish(FileIndex(1)));
    CHECK(exists(bench.paths[1]));
    CHECK(bench.serves(FileIndex(1), 20'000, 16384));
}

TEST_CASE("a part file that somebody took away is an error of the disk") {
    PlacedBench bench;
    bench.write(0);
    std::filesystem::remove(bench.parts[0]);
    CHECK_FALSE(bench.finish(FileIndex(0)));
}
