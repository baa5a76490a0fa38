// The record that a running torrent keeps, and what it leaves behind.

#include "common/engine/content_keeper.h"

#include <cerrno>

#include "common/storage/file_names.h"
#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;

namespace {

constexpr const char* kRecord = "state/resume";

struct Kept {
    Kept()
        : world({.rng_seed = 1}), env(world.add_host("host", at(1).address)), log(telemetry::Level::Decision, false) {
        const auto& metainfo = small_torrent().metainfo;
        storage::StorageSpec spec{metainfo, storage::paths_in(*metainfo, "o"), storage::Access::ReadWrite,
                                  storage::placement_in(*metainfo, "o")};
        shared = spec.placement->shared_path;
        storage = env.disk().open_storage(spec);
        log.add_watcher([this](const std::string&, const telemetry::Event& event) {
            saved += event.kind == "resume_saved";
            failed += event.kind == "resume_failed";
        });
        engine::KeeperSettings settings{metainfo->info_hash(),   kRecord, "boot", shared, seconds(10),
                                        log.telemetry_of("node")};
        keeper = std::make_unique<engine::ContentKeeper>(env, storage, settings, [](const Status&) {});
        keeper->start([this]() -> const meta::Bitfield& { return have; });
    }
    // Written and verified.
    void get(std::uint32_t piece) {
        const ByteView bytes = small_torrent().piece(PieceIndex(piece));
        storage::PieceBuffer buffer(static_cast<std::uint32_t>(bytes.size()));
        std::copy(bytes.begin(), bytes.end(), buffer.bytes().begin());
        bool done = false;
        env.disk().write_piece(storage, PieceIndex(piece), std::move(buffer), false, [&](env::PieceWritten written) {
            done = written.hash_ok && written.status.has_value();
        });
        world.simulator().run_for(milliseconds(50));
        REQUIRE(done);
        have.set(PieceIndex(piece));
    }
    [[nodiscard]] std::optional<storage::ResumeData> record() {
        const auto bytes = env.files().read_all(kRecord);
        if (!bytes || bytes->empty()) return std::nullopt;
        return storage::ResumeData::decode(*bytes, 16).value();
    }
    void leave(bool is_complete) {
        bool left = false;
        keeper->leave(have, is_complete, [&] { left = true; });
        CHECK_FALSE(left);
        world.simulator().run_for(seconds(1));
        CHECK(left);
    }

    World world;
    SimEnv& env;
    sim::EventLog log;
    StorageId storage;
    std::string shared;
    meta::Bitfield have{16};
    std::unique_ptr<engine::ContentKeeper> keeper;
    int saved = 0;
    int failed = 0;
};

}  // namespace

TEST_CASE("what came is recorded after the interval, flushed, and not again while nothing comes") {
    Kept kept;
    kept.get(3);
    kept.world.simulator().run_for(seconds(9));
    CHECK_FALSE(kept.record());
    kept.world.simulator().run_for(seconds(2));
    REQUIRE(kept.record());
    CHECK(kept.record()->pieces == kept.have);
    CHECK(kept.record()->flushed);
    CHECK(kept.record()->boot_id == "boot");
    CHECK(kept.record()->files.size() == 2);
    kept.world.simulator().run_for(seconds(60));
    CHECK(kept.saved == 1);
    kept.get(4);
    kept.world.simulator().run_for(seconds(12));
    CHECK(kept.saved == 2);
    CHECK(kept.record()->pieces.count() == 2);
}

TEST_CASE("a file that was written to behind the look is newer than its record says") {
    Kept kept;
    kept.get(3);
    kept.world.simulator().run_for(seconds(12));
    kept.get(4);  // and then it is killed
    const std::vector<storage::FileStat> now = {*kept.env.files().stat("o/content.part"), {}};
    const auto unknown = kept.record()->unknown_pieces(*small_torrent().metainfo, now, "boot");
    CHECK(unknown.is_complete());
}

TEST_CASE("an incomplete torrent leaves its newest state, also when a save was under way") {
    Kept kept;
    kept.get(3);
    // In the middle of each of its steps.
    kept.world.simulator().run_for(milliseconds(9950) + std::chrono::microseconds(GENERATE(500, 1500, 2500)));
    kept.have.set(PieceIndex(4));
    kept.leave(false);
    REQUIRE(kept.record());
    CHECK(kept.record()->pieces.count() == 2);
    kept.world.simulator().run_for(seconds(60));
    CHECK(kept.saved <= 2);
    CHECK(kept.record()->pieces.count() == 2);
}

TEST_CASE("a complete torrent leaves no record and no hidden file, whenever it stops") {
    const int moment_us = GENERATE(0, 9'950'200, 9'951'200, 9'952'200, 9'953'200, 9'954'200, 12'000'000);
    Kept kept;
    REQUIRE(kept.env.files().write(kept.shared, 0, as_bytes("x"), kept.world.now()));
    kept.get(3);
    kept.world.simulator().run_for(std::chrono::microseconds(moment_us));
    kept.leave(true);
    kept.world.simulator().run_for(seconds(60));
    CHECK(kept.env.files().paths() == std::vector<std::string>{"o/content.part"});
}

TEST_CASE("a record that cannot be written is told, and tried again") {
    Kept kept;
    kept.env.files().set_fault(kRecord, ENOSPC);
    kept.get(3);
    kept.world.simulator().run_for(seconds(25));
    CHECK(kept.failed == 2);
    kept.env.files().set_fault(kRecord, 0);
    kept.world.simulator().run_for(seconds(10));
    CHECK(kept.saved == 1);
    CHECK(kept.record());
}
