// What is on the disk when a torrent starts: resume data, partial files, originals.

#include "common/engine/content_check.h"

#include <algorithm>
#include <cerrno>

#include "common/storage/file_names.h"
#include "tests/unit/engine/support.h"

using namespace bt;
using namespace bt::test;

namespace {

constexpr std::string_view kResume = "content/.resume";

// 24 pieces of 16 KiB and one of 100 bytes over three files; pieces straddle their borders.
const TestTorrent& three_checked_files() {
    static const TestTorrent torrent = sim::make_test_torrent(
        {.size = 24 * 16384 + 100, .piece_length = 16384, .rng_seed = 31, .file_lengths = {100'000, 200'000, 93'316}});
    return torrent;
}

struct Checked {
    explicit Checked(const TestTorrent& of = three_checked_files())
        : torrent(of), world({.rng_seed = 1}), env(world.add_host("host", at(1).address)) {
        paths = storage::paths_in(*torrent.metainfo, "content");
    }
    void place() { sim::place_content(env.files(), *torrent.metainfo, paths, torrent.content); }
    // Runs a check to its end.
    const Result<engine::CheckOutcome>& run(storage::Access access, std::string boot_id = "boot") {
        outcome.reset();
        const StorageId storage = env.disk().open_storage({torrent.metainfo, paths, access, placement});
        check = std::make_unique<engine::ContentCheck>(
            env, storage, torrent.metainfo,
            engine::CheckSettings{access, resume_path, std::move(boot_id), existing, trust_sizes},
            [this](Result<engine::CheckOutcome> result) {
                ++calls;
                outcome = std::move(result);
                if (destroy_inside) check.reset();
            });
        check->start();
        REQUIRE_FALSE(outcome.has_value());  // never from inside the call
        world.simulator().run_for(minutes(1));
        REQUIRE(outcome.has_value());
        REQUIRE(calls == 1);
        calls = 0;
        env.disk().close_storage(storage);
        return *outcome;
    }
    void save_resume(const meta::Bitfield& pieces, const std::string& boot_id = "boot") {
        storage::ResumeData resume;
        resume.info_hash = torrent.metainfo->info_hash();
        resume.pieces = pieces;
        for (const auto& path : paths) resume.files.push_back(env.files().stat(path).value());
        resume.boot_id = boot_id;
        REQUIRE(env.files().replace(std::string(kResume), resume.encode(), world.now()).has_value());
        resume_path = kResume;
    }
    [[nodiscard]] meta::Bitfield only(std::uint32_t piece) const {
        meta::Bitfield pieces(torrent.metainfo->layout().piece_count());
        pieces.set(PieceIndex(piece));
        return pieces;
    }

    const TestTorrent& torrent;
    World world;
    SimEnv& env;
    std::vector<std::string> paths;
    std::string resume_path;
    std::optional<storage::Placement> placement;
    storage::Existing existing = storage::Existing::Use;
    bool trust_sizes = false;
    std::unique_ptr<engine::ContentCheck> check;
    std::optional<Result<engine::CheckOutcome>> outcome;
    int calls = 0;
    bool destroy_inside = false;
};

}  // namespace

TEST_CASE("a fresh folder has nothing, and is made ready") {
    Checked c;
    const auto& outcome = c.run(storage::Access::ReadWrite);
    REQUIRE(outcome.has_value());
    CHECK(outcome->have.is_empty());
    CHECK_FALSE(outcome->from_resume);
    CHECK(c.check->checked_pieces() == 0);
}

TEST_CASE("whole files are recognised piece by piece, whoever wrote them") {
    Checked c;
    c.place();
    c.destroy_inside = GENERATE(false, true);
    const auto& outcome = c.run(GENERATE(storage::Access::ReadWrite, storage::Access::ReadOnly));
    REQUIRE(outcome.has_value());
    CHECK(outcome->have.is_complete());
    CHECK_FALSE(outcome->from_resume);
}

TEST_CASE("of partial files exactly the pieces that are right count") {
    Checked c;
    c.place();
    // Piece 2 lies in the first file, piece 6 straddles into the second; the third ends in the middle of piece 23.
    c.env.files().corrupt(c.paths[0], 2 * 16384 + 5, 1);
    REQUIRE(c.env.files().truncate(c.paths[2], 93'316 - 100 - 1, c.world.now()).has_value());
    const auto& outcome = c.run(storage::Access::ReadWrite);
    REQUIRE(outcome.has_value());
    for (std::uint32_t i = 0; i < 25; ++i) {
        CAPTURE(i);
        CHECK(outcome->have.has(PieceIndex(i)) == (i != 2 && i != 23 && i != 24));
    }
    CHECK(c.check->checked_pieces() == 25);
}

TEST_CASE("a missing file takes the pieces that touch it, and no others") {
    Checked c;
    c.place();
    REQUIRE(c.env.files().remove(c.paths[1]).has_value());
    const auto& outcome = c.run(storage::Access::ReadWrite);
    REQUIRE(outcome.has_value());
    for (std::uint32_t i = 0; i < 25; ++i) {
        CAPTURE(i);
        CHECK(outcome->have.has(PieceIndex(i)) == (i < 6 || i > 18));
    }
}

TEST_CASE("resume data is believed when files and boot id are those it was written for") {
    Checked c;
    c.place();
    c.save_resume(c.only(3));
    const auto& outcome = c.run(storage::Access::ReadWrite);
    REQUIRE(outcome.has_value());
    CHECK(outcome->from_resume);
    CHECK(outcome->have == c.only(3));
}

TEST_CASE("resume data of another time, size or boot is not believed, nor is what is no resume data") {
    Checked c;
    c.place();
    c.save_resume(c.only(3));
    std::string boot_id = "boot";
    SECTION("the time") {
        c.world.simulator().run_for(seconds(1));
        std::size_t at = 0;
        for (const auto& path : c.paths) {
            REQUIRE(c.env.files().write(path, 0, ByteView(c.torrent.content).subspan(at, 1), c.world.now()));
            at += static_cast<std::size_t>(c.env.files().stat(path)->size);
        }
    }
    SECTION("the boot") { boot_id = "another"; }
    SECTION("no boot id known") { boot_id.clear(); }
    SECTION("garbage") {
        REQUIRE(c.env.files().replace(std::string(kResume), ByteBuffer(100, Byte{'d'}), c.world.now()).has_value());
    }
    SECTION("unreadable") { c.env.files().set_fault(std::string(kResume), EIO); }
    SECTION("gone") { REQUIRE(c.env.files().remove(std::string(kResume)).has_value()); }
    const auto& outcome = c.run(storage::Access::ReadWrite, boot_id);
    REQUIRE(outcome.has_value());
    CHECK_FALSE(outcome->from_resume);
    CHECK(outcome->have.is_complete());
}

TEST_CASE("an original must be there") {
    Checked c;
    c.place();
    REQUIRE(c.env.files().remove(c.paths[1]).has_value());
    const auto& outcome = c.run(storage::Access::ReadOnly);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::NotFound);
    CHECK(outcome.error().message().find("file-1") != std::string::npos);
    CHECK_FALSE(c.env.files().stat(c.paths[1])->exists);  // and is not made
}

TEST_CASE("an original must have its size") {
    Checked c;
    c.place();
    const std::uint64_t length = GENERATE(0u, 199'999u, 200'001u);
    REQUIRE(c.env.files().truncate(c.paths[1], length, c.world.now()).has_value());
    const auto& outcome = c.run(storage::Access::ReadOnly);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::WrongSize);
    CHECK(outcome.error().message().find("file-1") != std::string::npos);
    CHECK(outcome.error().message().find(std::to_string(length)) != std::string::npos);
}

TEST_CASE("an original must have its content; the piece and the file are named") {
    Checked c;
    c.place();
    c.env.files().corrupt(c.paths[1], 16384 * 10 - 100'000 + 7, 1);
    const auto& outcome = c.run(storage::Access::ReadOnly);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().code == ErrorCode::HashMismatch);
    CHECK(outcome.error().message().find("piece 10") != std::string::npos);
    CHECK(outcome.error().message().find("file-1") != std::string::npos);
}

TEST_CASE("the wrong piece that is told is the first one, in whatever order the disk answers") {
    Checked c;
    c.place();
    c.env.files().corrupt(c.paths[2], 0, 90'000);
    c.env.files().corrupt(c.paths[0], 16384 * 3, 1);
    const auto& outcome = c.run(storage::Access::ReadOnly);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().message().find("piece 3") != std::string::npos);
}

TEST_CASE("a disk that cannot be read ends the check with its error") {
    Checked c;
    c.place();
    c.env.files().set_fault(c.paths[1], GENERATE(EIO, EACCES));
    const auto& outcome = c.run(GENERATE(storage::Access::ReadWrite, storage::Access::ReadOnly));
    REQUIRE_FALSE(outcome.has_value());
    const auto code = outcome.error().code;
    CHECK((code == ErrorCode::DiskError || code == ErrorCode::PermissionDenied));
}

TEST_CASE("an output folder that cannot be used is told before anything is downloaded") {
    Checked c;
    c.env.files().make_folder(c.paths[1]);  // where a file belongs
    const auto& outcome = c.run(storage::Access::ReadWrite);
    REQUIRE_FALSE(outcome.has_value());
    CHECK(outcome.error().message().find("file-1") != std::string::npos);
}

TEST_CASE("a check that is destroyed says nothing more") {
    Checked c;
    c.place();
    const StorageId storage = c.env.disk().open_storage({c.torrent.metainfo, c.paths, storage::Access::ReadWrite});
    for (int after = 0; after < 6; ++after) {
        int calls = 0;
        auto check = std::make_unique<engine::ContentCheck>(c.env, storage, c.torrent.metainfo,
                                                            engine::CheckSettings{storage::Access::ReadWrite, "", ""},
                                                            [&](Result<engine::CheckOutcome>) { ++calls; });
        check->start();
        c.world.simulator().run_for(milliseconds(after) / 2);
        const int before = calls;
        check.reset();
        c.world.simulator().run_for(seconds(10));
        CHECK(calls == before);
    }
}

TEST_CASE("pieces of files that changed behind the record are hashed, those of the others are believed") {
    Checked c;
    c.place();
    auto recorded = c.only(0);
    recorded.set(PieceIndex(20));
    c.save_resume(recorded);
    // Touched: what was recorded in it is looked at again, and what came behind the record is found.
    c.world.simulator().run_for(seconds(1));
    const bool touched = GENERATE(false, true);
    if (touched) {
        const ByteView last(&c.torrent.content.back(), 1);
        REQUIRE(c.env.files().write(c.paths[2], 93'315, last, c.world.now()));
    }
    const auto& outcome = c.run(storage::Access::ReadWrite);
    REQUIRE(outcome.has_value());
    CHECK(outcome->from_resume == !touched);
    for (std::uint32_t i = 0; i < 25; ++i) {
        CAPTURE(i);
        const bool in_third = i * 16384 + 16384 > 300'000;
        CHECK(outcome->have.has(PieceIndex(i)) == (i == 0 || i == 20 || (touched && in_third)));
    }
    CHECK(c.check->checked_pieces() == (touched ? 25u : 0u));
}

TEST_CASE("files that are there are refused without a record of this torrent, and are ours with one") {
    Checked c;
    c.place();
    c.existing = storage::Existing::Refuse;
    SECTION("no record") {
        const auto& outcome = c.run(storage::Access::ReadWrite);
        REQUIRE_FALSE(outcome.has_value());
        CHECK(outcome.error().detail.find("is there already") != std::string::npos);
    }
    SECTION("a record") {
        c.save_resume(c.only(3));
        const auto& outcome = c.run(storage::Access::ReadWrite);
        REQUIRE(outcome.has_value());
        CHECK(outcome->have == c.only(3));
    }
    SECTION("a record of another torrent") {
        c.save_resume(c.only(3));
        auto bytes = *c.env.files().read_all(std::string(kResume));
        const auto hash = ByteView(c.torrent.metainfo->info_hash());
        const auto at = std::ranges::search(bytes, hash).begin();
        REQUIRE(at != bytes.end());
        *at ^= 1;
        REQUIRE(c.env.files().replace(std::string(kResume), bytes, c.world.now()));
        CHECK_FALSE(c.run(storage::Access::ReadWrite).has_value());
    }
}

TEST_CASE("files that are there can be thrown away unread, whatever a record says of them") {
    Checked c;
    c.place();
    c.placement = storage::placement_in(*c.torrent.metainfo, "content");
    c.save_resume(c.only(3));
    c.existing = storage::Existing::Discard;
    const auto& outcome = c.run(storage::Access::ReadWrite);
    REQUIRE(outcome.has_value());
    CHECK(outcome->have.is_empty());
    CHECK(c.check->checked_pieces() == 0);
    CHECK(c.env.files().stat(c.placement->part_paths[0])->size == 0);
}

TEST_CASE("files of the right length can be taken for right, but not unfinished ones, nor against a record") {
    Checked c;
    c.placement = storage::placement_in(*c.torrent.metainfo, "content");
    c.trust_sizes = true;
    c.place();
    auto& files = c.env.files();
    for (const auto& path : c.paths) files.corrupt(path, 50'000, 1);  // in pieces 3, 9 and 21
    SECTION("all of them") {
        const auto& outcome = c.run(storage::Access::ReadWrite);
        REQUIRE(outcome.has_value());
        CHECK(outcome->have.is_complete());
        CHECK_FALSE(outcome->from_resume);
    }
    SECTION("one is unfinished, one too short") {
        REQUIRE(files.rename(c.paths[0], c.placement->part_paths[0]));
        REQUIRE(files.truncate(c.paths[2], 93'315, c.world.now()));
        const auto& outcome = c.run(storage::Access::ReadWrite);
        REQUIRE(outcome.has_value());
        for (const std::uint32_t i : {3u, 21u, 24u}) CHECK_FALSE(outcome->have.has(PieceIndex(i)));
        CHECK(outcome->have.count() == 22);
    }
    SECTION("a record says otherwise") {
        storage::ResumeData resume;
        resume.info_hash = c.torrent.metainfo->info_hash();
        resume.pieces = c.only(3);
        for (const auto& path : c.paths) resume.files.push_back(*files.stat(path));
        resume.files.push_back({});
        resume.boot_id = "boot";
        REQUIRE(files.replace(std::string(kResume), resume.encode(), c.world.now()));
        c.resume_path = kResume;
        const auto& outcome = c.run(storage::Access::ReadWrite);
        REQUIRE(outcome.has_value());
        CHECK(outcome->have == c.only(3));
        CHECK(outcome->from_resume);
    }
}
