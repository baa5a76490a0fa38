#include "lab/sim/sim_disk.h"

#include <cerrno>

#include "lab/sim/checkers.h"
#include "tests/sim/support/probe.h"
#include "tests/sim/support/test_torrent.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::sim;

namespace {

struct DiskWorld {
    explicit DiskWorld(DiskSettings settings = {})
        : torrent(make_test_torrent({.size = 300'000, .piece_length = 65536, .rng_seed = 3})),
          world({1, {}}),
          env(world.add_host("a", test_address(1), {}, settings)) {}

    StorageId open(storage::Access access = storage::Access::ReadWrite) {
        return env.disk().open_storage({torrent.metainfo, storage::paths_in(*torrent.metainfo, "out"), access});
    }
    storage::PieceBuffer piece(std::uint32_t index) {
        const ByteView bytes = torrent.piece(PieceIndex(index));
        storage::PieceBuffer buffer(static_cast<std::uint32_t>(bytes.size()));
        std::copy(bytes.begin(), bytes.end(), buffer.bytes().begin());
        return buffer;
    }
    env::PieceWritten write(StorageId id, std::uint32_t index, storage::PieceBuffer buffer) {
        std::optional<env::PieceWritten> written;
        env.disk().write_piece(id, PieceIndex(index), std::move(buffer), false,
                               [&](env::PieceWritten answer) { written = std::move(answer); });
        CHECK_FALSE(written);
        run();
        env.files().check_invariants();
        return std::move(written).value();
    }
    void run() {
        while (world.simulator().step()) {
        }
    }
    TestTorrent torrent;
    World world;
    SimEnv& env;
};

}  // namespace

TEST_CASE("a right piece is written and its buffer comes back; a wrong one leaves no byte and names its blocks") {
    DiskWorld disk;
    const StorageId id = disk.open();
    const auto written = disk.write(id, 1, disk.piece(1));
    CHECK(written.hash_ok);
    CHECK(written.status);
    CHECK_FALSE(written.buffer.is_empty());
    CHECK(disk.env.files().stat("out/content").value().size == 2 * 65536);

    auto bad = disk.piece(3);
    bad.bytes()[20'000] ^= 1;
    const auto refused = disk.write(id, 3, std::move(bad));
    CHECK_FALSE(refused.hash_ok);
    CHECK(refused.block_digests.size() == 4);
    CHECK(disk.env.files().stat("out/content").value().size == 2 * 65536);
}

TEST_CASE("a job takes its latency and its bytes at the device's rate, and jobs queue behind one another") {
    DiskWorld disk({.job_latency = milliseconds(10), .bytes_per_s = 65536 * 10});
    const StorageId id = disk.open();
    std::vector<TimePoint> answers;
    for (std::uint32_t i = 0; i < 2; ++i) {
        disk.env.disk().write_piece(id, PieceIndex(i), disk.piece(i), false,
                                    [&](env::PieceWritten) { answers.push_back(disk.world.now()); });
    }
    disk.env.disk().flush(id, [&](const Status&) { answers.push_back(disk.world.now()); });
    disk.run();
    REQUIRE(answers.size() == 3);
    CHECK(answers[0] == TimePoint(milliseconds(110)));
    CHECK(answers[1] == TimePoint(milliseconds(220)));
    CHECK(answers[2] == TimePoint(milliseconds(230)));
}

TEST_CASE("a piece that fits the capacity is written, the next one is told that the disk is full") {
    DiskWorld disk({.capacity = 65536 + SimFiles::kUnit});
    const StorageId id = disk.open();
    CHECK(disk.write(id, 0, disk.piece(0)).status);
    const auto full = disk.write(id, 1, disk.piece(1));
    CHECK(full.hash_ok);
    REQUIRE_FALSE(full.status);
    CHECK(full.status.error().code == ErrorCode::DiskFull);
    // Far behind the end of the file, where nothing was begun: nothing is left of it either.
    CHECK_FALSE(disk.env.files().write("out/content", 50 << 20, ByteBuffer(1), TimePoint{}));
    disk.env.files().check_invariants();
    disk.env.files().set_capacity(UINT64_MAX);
    CHECK(disk.write(id, 1, disk.piece(1)).status);
}

TEST_CASE("checking finds what is there, what is corrupt and what is missing; a read error is an error") {
    DiskWorld disk;
    const StorageId id = disk.open();
    for (std::uint32_t i : {0u, 1u, 3u}) CHECK(disk.write(id, i, disk.piece(i)).status);
    disk.env.files().corrupt("out/content", 65536 + 5, 1);
    std::optional<env::PiecesChecked> checked;
    const auto check = [&] {
        disk.env.disk().check_pieces(id, PieceIndex(0), 5,
                                     [&](env::PiecesChecked answer) { checked = std::move(answer); });
        disk.run();
    };
    check();
    CHECK(checked->ok == std::vector<bool>{true, false, false, true, false});
    CHECK(checked->status);
    disk.env.files().set_fault("out/content", EIO);
    check();
    CHECK(checked->status.error().code == ErrorCode::DiskError);
}

TEST_CASE("a storage for reading only is never written") {
    DiskWorld disk;
    const auto refused = disk.write(disk.open(storage::Access::ReadOnly), 0, disk.piece(0));
    CHECK(refused.hash_ok);
    CHECK(refused.status.error().code == ErrorCode::PermissionDenied);
    CHECK(disk.env.files().paths().empty());
}

TEST_CASE("prepare refuses a folder in the way and cuts a file that is too long") {
    DiskWorld disk;
    const StorageId id = disk.open();
    std::optional<Status> prepared;
    const auto prepare = [&] {
        disk.env.disk().prepare(id, storage::Existing::Use, [&](Status status) { prepared = std::move(status); });
        disk.run();
    };
    disk.env.files().make_folder("out/content");
    prepare();
    CHECK_FALSE(prepared->has_value());

    DiskWorld other;
    REQUIRE(other.env.files().write("out/content", 0, test_bytes(300'001), other.world.now()));
    const StorageId second = other.open();
    other.env.disk().prepare(second, storage::Existing::Use, [&](Status status) { prepared = std::move(status); });
    other.run();
    CHECK(prepared->has_value());
    CHECK(other.env.files().stat("out/content").value().size == 300'000);
}

TEST_CASE("state files are saved whole or not at all, loaded and removed") {
    DiskWorld disk({.capacity = 3 * SimFiles::kUnit});
    const ByteBuffer old_state = test_bytes(100);
    std::optional<Status> status;
    const auto save = [&](const ByteBuffer& bytes) {
        disk.env.disk().save("state", bytes, [&](Status answer) { status = std::move(answer); });
        disk.run();
        disk.env.files().check_invariants();
    };
    std::optional<Result<ByteBuffer>> loaded;
    const auto load = [&] {
        disk.env.disk().load("state", [&](Result<ByteBuffer> answer) { loaded = std::move(answer); });
        disk.run();
    };
    load();
    CHECK(loaded->error().code == ErrorCode::NotFound);
    save(old_state);
    CHECK(status->has_value());
    save(test_bytes(3 * SimFiles::kUnit));
    CHECK(status->error().code == ErrorCode::DiskFull);
    load();
    CHECK(loaded->value() == old_state);
    disk.env.disk().remove("state", [&](Status answer) { status = std::move(answer); });
    disk.run();
    CHECK(status->has_value());
    CHECK(disk.env.files().used() == 0);
}

TEST_CASE("file ranges are sent from the disk; one that cannot be read ends the stream with DiskError") {
    DiskWorld disk;
    SimEnv& reader = disk.world.add_host("b", test_address(2));
    place_content(disk.env.files(), *disk.torrent.metainfo, storage::paths_in(*disk.torrent.metainfo, "out"),
                  disk.torrent.content);
    const StorageId id = disk.open(storage::Access::ReadOnly);
    Acceptor acceptor(reader, 80);
    Probe sender(disk.env);
    sender.dial({test_address(2), 80});
    disk.run();
    sender.send(as_bytes("head"));
    sender.send(FileRange{id, FileIndex(0), 1000, 200'000});
    disk.run();
    CHECK(to_string(ByteView(acceptor.probe().received()).first(4)) == "head");
    CHECK(equal_bytes(ByteView(acceptor.probe().received()).subspan(4),
                      ByteView(disk.torrent.content).subspan(1000, 200'000)));
    sender.send(FileRange{id, FileIndex(0), 299'999, 2});
    CHECK_FALSE(sender.closed_with());
    disk.run();
    REQUIRE(sender.closed_with());
    CHECK(sender.closed_with()->code == ErrorCode::DiskError);
    CHECK(acceptor.probe().received().size() == 200'004);
    CHECK(acceptor.probe().closed_with());
}

TEST_CASE("a simulated stream gives what it would send to who wants to see it, and ends where it cannot") {
    DiskWorld disk;
    SimEnv& reader = disk.world.add_host("b", test_address(2));
    place_content(disk.env.files(), *disk.torrent.metainfo, storage::paths_in(*disk.torrent.metainfo, "out"),
                  disk.torrent.content);
    const StorageId id = disk.open(storage::Access::ReadOnly);
    Acceptor acceptor(reader, 80);
    Probe sender(disk.env);
    sender.dial({test_address(2), 80});
    disk.run();
    OutputQueue queue;
    queue.append_bytes(as_bytes("head"));
    queue.append_file({id, FileIndex(0), 1000, 50'000});
    queue.append_bytes(as_bytes("tail"));
    ByteBuffer taken;
    while (!queue.empty()) {
        const std::size_t before = taken.size();
        sender.stream().take(queue, 777, taken);
        CHECK(taken.size() == std::min<std::size_t>(before + 777, 50'008));
    }
    CHECK(equal_bytes(ByteView(taken).subspan(4, 50'000), ByteView(disk.torrent.content).subspan(1000, 50'000)));
    CHECK(to_string(ByteView(taken).first(4)) + to_string(ByteView(taken).last(4)) == "headtail");
    queue.append_file({id, FileIndex(0), 299'999, 2});
    sender.stream().take(queue, UINT64_MAX, taken);
    CHECK(taken.size() == 50'008);
    disk.run();
    REQUIRE(sender.closed_with());
    CHECK(sender.closed_with()->code == ErrorCode::DiskError);
    CHECK(acceptor.probe().closed_with());
}

TEST_CASE("the content checker names the first wrong byte, a short file and a missing one") {
    DiskWorld disk;
    const auto paths = storage::paths_in(*disk.torrent.metainfo, "out");
    SimFiles& files = disk.env.files();
    CHECK_FALSE(check_content(files, *disk.torrent.metainfo, paths, disk.torrent.content));
    place_content(files, *disk.torrent.metainfo, paths, disk.torrent.content);
    CHECK(check_content(files, *disk.torrent.metainfo, paths, disk.torrent.content));
    files.corrupt(paths[0], 123'456, 2);
    const Status wrong = check_content(files, *disk.torrent.metainfo, paths, disk.torrent.content);
    REQUIRE_FALSE(wrong);
    CHECK(wrong.error().offset == 123'456u);
    REQUIRE(files.truncate(paths[0], 299'999, disk.world.now()));
    CHECK(check_content(files, *disk.torrent.metainfo, paths, disk.torrent.content).error().code ==
          ErrorCode::WrongSize);
}

TEST_CASE("the delivery checker accepts pieces of the original and nothing that differs on disk") {
    DiskWorld disk;
    const StorageId id = disk.open();
    DeliveryChecker checker(disk.torrent.content);
    std::optional<storage::Content> content;
    disk.env.sim_disk().set_write_observer([&](const PieceWriteReport& report) {
        content.emplace(report.content);
        checker.on_piece_written(report);
    });
    CHECK(disk.write(id, 2, disk.piece(2)).status);
    CHECK(checker.pieces_written() == 1);
    CHECK(checker.problems().empty());
    auto bad = disk.piece(3);
    bad.bytes()[0] ^= 1;
    CHECK_FALSE(disk.write(id, 3, std::move(bad)).hash_ok);
    CHECK(checker.pieces_refused() == 1);
    CHECK(checker.problems().empty());
    const Status fine;
    disk.env.files().corrupt("out/content", 2 * 65536, 1);
    checker.on_piece_written({*content, PieceIndex(2), true, fine});
    CHECK(checker.problems().size() == 1);
}
