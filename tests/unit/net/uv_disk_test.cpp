#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "tests/unit/net/support.h"

using namespace bt;
using namespace bt::net;
using namespace bt::net::test;

namespace {

constexpr std::uint32_t kPieceLength = 40000;  // not a multiple of a block

struct Torrent {
    explicit Torrent(std::vector<NamedFile> files) : files_(std::move(files)) {
        std::size_t total = 0;
        for (const auto& file : files_) total += file.length;
        bytes = random_bytes(total, 21);
        metainfo = make_metainfo(bytes, kPieceLength, files_);
    }
    [[nodiscard]] ByteView piece(std::uint32_t i) const {
        const auto& layout = metainfo->layout();
        return ByteView(bytes).subspan(layout.piece_offset(PieceIndex(i)), layout.piece_size(PieceIndex(i)));
    }
    [[nodiscard]] storage::PieceBuffer buffer(std::uint32_t i) const {
        storage::PieceBuffer buffer(kPieceLength);
        buffer.set_size(static_cast<std::uint32_t>(piece(i).size()));
        std::copy(piece(i).begin(), piece(i).end(), buffer.bytes().begin());
        return buffer;
    }
    [[nodiscard]] std::uint32_t piece_count() const { return metainfo->layout().piece_count(); }

    ByteBuffer bytes;
    std::shared_ptr<const meta::Metainfo> metainfo;

  private:
    std::vector<NamedFile> files_;
};

// One disk, one folder, one torrent opened for writing; calls that wait for their answer.
struct DiskBench {
    explicit DiskBench(std::vector<NamedFile> files)
        : torrent(std::move(files)), paths(storage::paths_in(*torrent.metainfo, folder.path())) {
        id = disk().open_storage({torrent.metainfo, paths, storage::Access::ReadWrite});
    }
    [[nodiscard]] UvDisk& disk() { return env.disk(); }

    env::PieceWritten write(StorageId storage, std::uint32_t piece, storage::PieceBuffer buffer, bool digests = false) {
        std::optional<env::PieceWritten> answer;
        disk().write_piece(storage, PieceIndex(piece), std::move(buffer), digests,
                           [&](env::PieceWritten written) { answer = std::move(written); });
        CHECK_FALSE(answer.has_value());
        REQUIRE(run_until(loop, [&] { return answer.has_value(); }));
        return std::move(*answer);
    }
    env::PieceWritten write(std::uint32_t piece) { return write(id, piece, torrent.buffer(piece)); }
    env::PiecesChecked check(StorageId storage) {
        std::optional<env::PiecesChecked> answer;
        disk().check_pieces(storage, PieceIndex(0), torrent.piece_count(),
                            [&](env::PiecesChecked checked) { answer = std::move(checked); });
        REQUIRE(run_until(loop, [&] { return answer.has_value(); }));
        return std::move(*answer);
    }
    template <class Call>
    Status status_of(Call call) {
        bool answered = false;
        Status status;
        call([&](Status told) {
            status = std::move(told);
            answered = true;
        });
        CHECK_FALSE(answered);
        REQUIRE(run_until(loop, [&] { return answered; }));
        return status;
    }
    Status prepare(StorageId storage) {
        return status_of([&](auto done) { disk().prepare(storage, storage::Existing::Use, done); });
    }

    UvLoop loop;
    UvEnv env{loop};
    TempFolder folder;
    Torrent torrent;
    std::vector<std::string> paths;
    StorageId id;
};

const std::vector<NamedFile> kMixed = {{"a", 1}, {"empty", 0}, {"b/c/d", 99999}, {"b/e", 20000}, {"f", 90001}};

// The process writes as somebody who may not: nobody (uid 65534) where the test runs as root.
struct AsNobody {
    AsNobody() : switched(geteuid() == 0 && seteuid(65534) == 0) {}
    ~AsNobody() {
        if (switched && seteuid(0) != 0) std::abort();
    }
    bool switched;
};

}  // namespace

TEST_CASE("pieces written in any order, straddling files, are found again byte for byte") {
    DiskBench bench(kMixed);
    REQUIRE(bench.torrent.piece_count() == 6);
    REQUIRE(bench.prepare(bench.id));
    for (const std::uint32_t piece : {5u, 0u, 3u, 1u, 4u, 2u}) {
        const auto written = bench.write(piece);
        CHECK(written.hash_ok);
        CHECK(written.status);
        CHECK(written.block_digests.empty());
        CHECK(written.buffer.capacity() == kPieceLength);
    }
    const auto checked = bench.check(bench.id);
    CHECK(checked.status);
    CHECK(checked.ok == std::vector<bool>(6, true));
    ByteBuffer all;
    for (const auto& path : bench.paths) append(all, read_file(path));
    CHECK(all == bench.torrent.bytes);
    CHECK(std::filesystem::is_regular_file(bench.paths[1]));
}

TEST_CASE("many pieces at once, some of them bad, are told apart although they are hashed in pairs") {
    DiskBench bench({{"x", 40 * kPieceLength}});
    std::size_t answers = 0;
    std::vector<bool> ok(40);
    std::vector<std::size_t> digests(40);
    for (std::uint32_t i = 0; i < 40; ++i) {
        auto buffer = bench.torrent.buffer(i);
        if (i % 7 == 3) buffer.bytes()[i] = static_cast<Byte>(buffer.bytes()[i] ^ 1);
        bench.disk().write_piece(bench.id, PieceIndex(i), std::move(buffer), false, [&, i](env::PieceWritten written) {
            ok[i] = written.hash_ok;
            digests[i] = written.block_digests.size();
            ++answers;
        });
    }
    bool flushed = false;
    bench.disk().flush(bench.id, [&](Status status) {
        flushed = true;
        CHECK(status);
        CHECK(answers == 40);  // covers what was called before it
    });
    REQUIRE(run_until(bench.loop, [&] { return flushed; }));
    std::vector<bool> expected(40);
    for (std::uint32_t i = 0; i < 40; ++i) {
        expected[i] = i % 7 != 3;
        CHECK(digests[i] == (i % 7 == 3 ? 3 : 0));
    }
    CHECK(ok == expected);
    CHECK(bench.check(bench.id).ok == expected);
}

TEST_CASE("a piece with a wrong hash is not written and its digests name the bad block") {
    DiskBench bench(kMixed);
    auto buffer = bench.torrent.buffer(1);
    buffer.bytes()[kBlockSize + 5] = static_cast<Byte>(buffer.bytes()[kBlockSize + 5] + 1);
    const auto bad = bench.write(bench.id, 1, std::move(buffer));
    CHECK_FALSE(bad.hash_ok);
    CHECK(bad.status);
    CHECK_FALSE(std::filesystem::exists(bench.folder / "content"));
    const auto good = bench.write(bench.id, 1, bench.torrent.buffer(1), true);
    CHECK(good.hash_ok);
    REQUIRE(bad.block_digests.size() == 3);
    REQUIRE(good.block_digests.size() == 3);
    CHECK(bad.block_digests[0] == good.block_digests[0]);
    CHECK(bad.block_digests[1] != good.block_digests[1]);
    CHECK(bad.block_digests[2] == good.block_digests[2]);
}

TEST_CASE("missing and short files make pieces not ok, without an error") {
    DiskBench bench(kMixed);
    CHECK(bench.check(bench.id).status);
    CHECK(bench.check(bench.id).ok == std::vector<bool>(6, false));
    for (std::uint32_t i = 0; i < 6; ++i) REQUIRE(bench.write(i).hash_ok);
    std::filesystem::remove(bench.paths[0]);
    std::filesystem::resize_file(bench.paths[4], 90000);
    DiskBench again(kMixed);
    const StorageId id = again.disk().open_storage({bench.torrent.metainfo, bench.paths, storage::Access::ReadOnly});
    const auto checked = again.check(id);
    CHECK(checked.status);
    CHECK(checked.ok == std::vector<bool>{false, true, true, true, true, false});
}

TEST_CASE("a file that cannot be read is an error, and the other files are checked all the same") {
    DiskBench bench(kMixed);
    for (std::uint32_t i = 0; i < 6; ++i) REQUIRE(bench.write(i).hash_ok);
    std::filesystem::remove(bench.paths[0]);
    std::filesystem::create_directory(bench.paths[0]);
    DiskBench again(kMixed);
    const StorageId id = again.disk().open_storage({bench.torrent.metainfo, bench.paths, storage::Access::ReadOnly});
    const auto checked = again.check(id);
    REQUIRE_FALSE(checked.status);
    CHECK(checked.status.error().code == ErrorCode::DiskError);
    CHECK(checked.ok == std::vector<bool>{false, true, true, true, true, true});
}

TEST_CASE("inspect tells of every file what stat says") {
    DiskBench bench(kMixed);
    REQUIRE(bench.write(5).status);
    std::filesystem::create_directories(bench.paths[3]);
    std::optional<Result<std::vector<storage::FileStat>>> answer;
    bench.disk().inspect(bench.id, [&](auto stats) { answer = std::move(stats); });
    REQUIRE(run_until(bench.loop, [&] { return answer.has_value(); }));
    REQUIRE(answer->has_value());
    const auto& stats = answer->value();
    REQUIRE(stats.size() == 5);
    CHECK_FALSE(stats[0].exists);
    CHECK(stats[3].exists);
    CHECK_FALSE(stats[3].is_regular);
    CHECK(stats[4].is_regular);
    CHECK(stats[4].size == 90001);
    CHECK(stats[4].mtime_ns > 0);
}

TEST_CASE("prepare makes empty files only, and cuts what is too long") {
    DiskBench bench(kMixed);
    write_file(bench.paths[0], as_bytes("too long"));
    write_file(bench.paths[2], as_bytes("shorter is fine"));
    REQUIRE(bench.prepare(bench.id));
    CHECK(std::filesystem::file_size(bench.paths[0]) == 1);
    CHECK(std::filesystem::file_size(bench.paths[1]) == 0);
    CHECK(std::filesystem::file_size(bench.paths[2]) == 15);
    CHECK_FALSE(std::filesystem::exists(bench.paths[3]));
}

TEST_CASE("prepare refuses what is in the way and then changes nothing") {
    DiskBench bench(kMixed);
    SECTION("a folder where a file belongs") { std::filesystem::create_directories(bench.paths[2]); }
    SECTION("a file where a folder belongs") { write_file(bench.folder / "content/b", as_bytes("x")); }
    const Status status = bench.prepare(bench.id);
    REQUIRE_FALSE(status);
    CHECK(status.error().fault == Fault::System);
    CHECK(status.error().detail.find("content/b/") != std::string::npos);
    CHECK_FALSE(std::filesystem::exists(bench.paths[1]));
    const auto written = bench.write(1);
    CHECK(written.hash_ok);
    CHECK_FALSE(written.status);
}

TEST_CASE("a folder that may not be written is PermissionDenied") {
    DiskBench bench(kMixed);
    REQUIRE(chmod(bench.folder.path().c_str(), 0555) == 0);
    const AsNobody nobody;
    if (geteuid() == 0) {
        WARN("skipped: root may write everywhere");
        return;
    }
    const Status prepared = bench.prepare(bench.id);
    REQUIRE_FALSE(prepared);
    CHECK(prepared.error().code == ErrorCode::PermissionDenied);
    const auto written = bench.write(0);
    CHECK(written.hash_ok);
    REQUIRE_FALSE(written.status);
    CHECK(written.status.error().code == ErrorCode::PermissionDenied);
}

TEST_CASE("a ReadOnly storage is never written, prepared or made") {
    DiskBench bench(kMixed);
    const StorageId id = bench.disk().open_storage({bench.torrent.metainfo, bench.paths, storage::Access::ReadOnly});
    const auto written = bench.write(id, 0, bench.torrent.buffer(0));
    CHECK(written.hash_ok);
    REQUIRE_FALSE(written.status);
    CHECK(written.status.error().code == ErrorCode::PermissionDenied);
    CHECK_FALSE(bench.prepare(id));
    CHECK(bench.check(id).status);
    CHECK(std::filesystem::is_empty(bench.folder.path()));
}

TEST_CASE("a disk that takes no more is DiskFull") {
    DiskBench bench(kMixed);
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit small{50000, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    const auto full = bench.write(1);
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    CHECK(full.hash_ok);
    REQUIRE_FALSE(full.status);
    CHECK(full.status.error().code == ErrorCode::DiskFull);
    CHECK(bench.write(1).status);
}

TEST_CASE("no more than the limit of files stays open, and every file is still written and read") {
    std::vector<NamedFile> files;
    for (int i = 0; i < 300; ++i) files.push_back({"f" + std::to_string(i), 997});
    DiskBench bench(files);
    for (std::uint32_t i = 0; i < bench.torrent.piece_count(); ++i) REQUIRE(bench.write(i).status);
    CHECK(bench.disk().open_file_count() == kMaxOpenFiles);
    CHECK(bench.status_of([&](auto done) { bench.disk().flush(bench.id, done); }));
    const auto checked = bench.check(bench.id);
    CHECK(std::count(checked.ok.begin(), checked.ok.end(), true) == bench.torrent.piece_count());
    CHECK(bench.disk().open_file_count() == kMaxOpenFiles);
    bench.disk().close_storage(bench.id);
    CHECK(bench.disk().open_file_count() == 0);
}

TEST_CASE("a storage that is closed while its jobs run closes its files after them") {
    DiskBench bench({{"x", 20 * kPieceLength}});
    int written = 0;
    for (std::uint32_t i = 0; i < 20; ++i) {
        bench.disk().write_piece(bench.id, PieceIndex(i), bench.torrent.buffer(i), false,
                                 [&](const env::PieceWritten& answer) { written += answer.status ? 1 : 0; });
    }
    bench.disk().close_storage(bench.id);
    REQUIRE(run_until(bench.loop, [&] { return written == 20; }));
    for (int i = 0; i < 3; ++i) bench.loop.run_ready_turn();
    CHECK(bench.disk().open_file_count() == 0);
    CHECK(read_file(bench.paths[0]) == bench.torrent.bytes);
}

TEST_CASE("prefetch may name any piece, present or not") {
    DiskBench bench(kMixed);
    for (std::uint32_t i = 0; i < 3; ++i) REQUIRE(bench.write(i).status);
    for (int round = 0; round < 3; ++round) {
        for (std::uint32_t i = 0; i < 6; ++i) bench.disk().prefetch(bench.id, PieceIndex(i));
    }
    CHECK(bench.status_of([&](auto done) { bench.disk().flush(bench.id, done); }));
    CHECK_FALSE(std::filesystem::exists(bench.paths[4]));
}

TEST_CASE("the disk may be destroyed with work in hand: nothing answers afterwards") {
    bool answered = false;
    {
        DiskBench bench({{"x", 20 * kPieceLength}});
        for (std::uint32_t i = 0; i < 20; ++i) {
            bench.disk().write_piece(bench.id, PieceIndex(i), bench.torrent.buffer(i), false,
                                     [&](const env::PieceWritten&) { answered = true; });
        }
        bench.disk().save(bench.folder / "state", to_buffer(as_bytes("x")), [&](const Status&) { answered = true; });
    }
    CHECK_FALSE(answered);
}

TEST_CASE("state files are saved whole, in the order of the calls, and found again") {
    DiskBench bench(kMixed);
    const std::string path = bench.folder / "deep/er/state";
    int saved = 0;
    for (int i = 0; i < 10; ++i) {
        bench.disk().save(path, random_bytes(1000, static_cast<std::uint64_t>(i)), [&saved, i](const Status& status) {
            CHECK(status);
            CHECK(saved++ == i);
        });
    }
    std::optional<Result<ByteBuffer>> loaded;
    bench.disk().load(path, [&](Result<ByteBuffer> bytes) { loaded = std::move(bytes); });
    REQUIRE(run_until(bench.loop, [&] { return loaded.has_value(); }));
    REQUIRE(loaded->has_value());
    CHECK(saved == 10);
    CHECK(loaded->value() == random_bytes(1000, 9));
    CHECK(std::distance(std::filesystem::directory_iterator(bench.folder / "deep/er"), {}) == 1);

    CHECK(bench.status_of([&](auto done) { bench.disk().remove(path, done); }));
    CHECK(bench.status_of([&](auto done) { bench.disk().remove(path, done); }));
    loaded.reset();
    bench.disk().load(path, [&](Result<ByteBuffer> bytes) { loaded = std::move(bytes); });
    REQUIRE(run_until(bench.loop, [&] { return loaded.has_value(); }));
    REQUIRE_FALSE(loaded->has_value());
    CHECK(loaded->error().code == ErrorCode::NotFound);
}

TEST_CASE("a save that fails leaves the old state as it was and nothing beside it") {
    DiskBench bench(kMixed);
    const std::string path = bench.folder / "state";
    REQUIRE(bench.status_of([&](auto done) { bench.disk().save(path, random_bytes(100, 1), done); }));
    std::signal(SIGXFSZ, SIG_IGN);
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const rlimit small{5000, before.rlim_max};
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    const Status full = bench.status_of([&](auto done) { bench.disk().save(path, random_bytes(10000, 2), done); });
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    REQUIRE_FALSE(full);
    CHECK(full.error().code == ErrorCode::DiskFull);
    CHECK(read_file(path) == random_bytes(100, 1));
    CHECK(std::distance(std::filesystem::directory_iterator(bench.folder.path()), {}) == 1);
}
