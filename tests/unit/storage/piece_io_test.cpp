#include "common/storage/piece_io.h"

#include <algorithm>
#include <map>
#include <optional>

#include "common/base/encoding.h"
#include "common/base/rng.h"
#include "common/crypto/hash.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::storage;

namespace {

// Files in memory, with faults to order and a record of what was called.
struct MemoryFiles final : FileAccess {
    std::map<FileIndex, ByteBuffer> files;
    std::optional<FileIndex> folder_at;  // not a regular file
    std::map<FileIndex, Error> read_fault;
    std::map<FileIndex, Error> write_fault;
    std::uint64_t room = UINT64_MAX;
    std::vector<std::size_t> writes;  // sizes
    std::size_t largest_read = 0;

    Status write(FileIndex file, std::uint64_t offset, ByteView bytes) override {
        if (const auto fault = write_fault.find(file); fault != write_fault.end()) return fail(fault->second);
        if (bytes.size() > room) return fail(Error{ErrorCode::DiskFull, Fault::System, "full", std::nullopt});
        room -= bytes.size();
        auto& content = files[file];
        if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size());
        std::copy(bytes.begin(), bytes.end(), content.begin() + static_cast<std::ptrdiff_t>(offset));
        writes.push_back(bytes.size());
        return {};
    }
    Result<std::size_t> read(FileIndex file, std::uint64_t offset, MutableByteView into) override {
        largest_read = std::max(largest_read, into.size());
        if (const auto fault = read_fault.find(file); fault != read_fault.end()) return fail(fault->second);
        const auto found = files.find(file);
        if (found == files.end()) return fail(Error{ErrorCode::NotFound, Fault::System, "missing", std::nullopt});
        if (offset >= found->second.size()) return std::size_t{0};
        const std::size_t count = std::min<std::size_t>(into.size(), found->second.size() - offset);
        std::copy_n(found->second.begin() + static_cast<std::ptrdiff_t>(offset), count, into.begin());
        return count;
    }
    Result<FileStat> stat(FileIndex file) override {
        if (folder_at == file) return FileStat{true, false, 0, 1};
        const auto found = files.find(file);
        if (found == files.end()) return FileStat{};
        return FileStat{true, true, found->second.size(), 1};
    }
    Status make_empty(FileIndex file) override {
        files[file];
        return {};
    }
    Status truncate(FileIndex file, std::uint64_t length) override {
        files[file].resize(length);
        return {};
    }
    Status check_writable(FileIndex file) override {
        if (const auto fault = write_fault.find(file); fault != write_fault.end()) return fail(fault->second);
        return {};
    }
};

Error denied() { return {ErrorCode::PermissionDenied, Fault::System, "denied", std::nullopt}; }

ByteBuffer random_bytes(std::size_t size) {
    ByteBuffer bytes(size);
    Rng(5).fill(bytes);
    return bytes;
}

struct Torrent {
    Torrent(const std::vector<std::size_t>& lengths, std::uint32_t piece_length) {
        std::size_t total = 0;
        std::string list;
        for (std::size_t i = 0; i < lengths.size(); ++i) {
            total += lengths[i];
            const std::string name = "f" + std::to_string(i);
            list += "d6:lengthi" + std::to_string(lengths[i]) + "e4:pathl" + std::to_string(name.size()) + ":" + name +
                    "ee";
        }
        bytes = random_bytes(total);
        std::string hashes;
        for (std::size_t at = 0; at < total; at += piece_length) {
            const auto piece = ByteView(bytes).subspan(at, std::min<std::size_t>(piece_length, total - at));
            hashes += to_string(crypto::sha1(piece));
        }
        const std::string text = "d4:infod5:filesl" + list + "e4:name1:n12:piece lengthi" +
                                 std::to_string(piece_length) + "e6:pieces" + std::to_string(hashes.size()) + ":" +
                                 hashes + "ee";
        auto parsed = meta::Metainfo::parse(as_bytes(text));
        REQUIRE(parsed);
        metainfo = std::move(*parsed);
    }
    [[nodiscard]] ByteView piece(std::uint32_t i) const {
        const auto& layout = metainfo.layout();
        return ByteView(bytes).subspan(layout.piece_offset(PieceIndex(i)), layout.piece_size(PieceIndex(i)));
    }
    [[nodiscard]] Content content() { return {metainfo, files}; }
    [[nodiscard]] PieceWrite job(std::uint32_t i) { return {content(), PieceIndex(i), piece(i), false}; }
    void write_all() {
        for (std::uint32_t i = 0; i < metainfo.layout().piece_count(); ++i) REQUIRE(write_piece(job(i)).status);
    }
    PieceCheckOutcome check() {
        return check_pieces(content(), PieceIndex(0), metainfo.layout().piece_count(), scratch);
    }

    ByteBuffer bytes;
    meta::Metainfo metainfo;
    MemoryFiles files;
    ByteBuffer scratch;
};

}  // namespace

TEST_CASE("a piece is written with one write per file it touches, and files of no bytes get none") {
    Torrent torrent({10, 0, 20, 70000}, 40000);
    const auto outcome = write_piece(torrent.job(0));
    CHECK(outcome.hash_ok);
    CHECK(outcome.status);
    CHECK(outcome.block_digests.empty());
    CHECK(torrent.files.writes == std::vector<std::size_t>{10, 20, 39970});
    CHECK(torrent.files.files.count(FileIndex(1)) == 0);
    CHECK(torrent.files.files[FileIndex(3)].size() == 39970);
}

TEST_CASE("a wrong hash writes nothing and gives the digest of every block") {
    Torrent torrent({100000}, 40000);
    ByteBuffer bad(torrent.piece(1).begin(), torrent.piece(1).end());
    bad[0] = static_cast<Byte>(bad[0] + 1);
    auto job = torrent.job(1);
    job.bytes = bad;
    const auto outcome = write_piece(job);
    CHECK_FALSE(outcome.hash_ok);
    CHECK(torrent.files.writes.empty());
    CHECK(outcome.block_digests == block_digests_of(bad));
    REQUIRE(outcome.block_digests.size() == 3);
    CHECK(outcome.block_digests[2] == crypto::sha1(ByteView(bad).subspan(2 * kBlockSize)));
}

TEST_CASE("bytes of another length than the piece's are a wrong hash") {
    Torrent torrent({100000}, 40000);
    auto job = torrent.job(0);
    job.bytes = job.bytes.first(39999);
    CHECK_FALSE(write_piece(job).hash_ok);
    const auto last = torrent.job(2);
    CHECK(last.bytes.size() == 20000);
    CHECK(write_piece(last).hash_ok);
}

TEST_CASE("block digests are given when asked for, the last block as short as it is") {
    Torrent torrent({40000}, 40000);
    auto job = torrent.job(0);
    job.want_block_digests = true;
    const auto outcome = write_piece(job);
    CHECK(outcome.hash_ok);
    CHECK(outcome.block_digests == block_digests_of(torrent.piece(0)));
    CHECK(block_digests_of({}).empty());
    CHECK(block_digests_of(torrent.piece(0).first(kBlockSize)).size() == 1);
    CHECK(block_digests_of(torrent.piece(0).first(kBlockSize + 1)).size() == 2);
}

TEST_CASE("two pieces at once have the outcomes that each has alone") {
    Torrent first({100000}, 40000);
    Torrent second({5000, 5000}, 7000);
    const bool bad = GENERATE(false, true);
    ByteBuffer bytes(second.piece(1).begin(), second.piece(1).end());
    if (bad) bytes.back() = static_cast<Byte>(bytes.back() + 1);
    auto job = second.job(1);
    job.bytes = bytes;
    const auto outcomes = write_two_pieces(first.job(0), job);
    CHECK(outcomes[0].hash_ok);
    CHECK(outcomes[1].hash_ok == !bad);
    CHECK(first.files.writes == std::vector<std::size_t>{40000});
    CHECK(second.files.writes.size() == (bad ? 0 : 1));
}

TEST_CASE("a disk that is full half-way through a piece is told as such") {
    Torrent torrent({10000, 90000}, 40000);
    torrent.files.room = 20000;
    const auto outcome = write_piece(torrent.job(0));
    CHECK(outcome.hash_ok);
    REQUIRE_FALSE(outcome.status);
    CHECK(outcome.status.error().code == ErrorCode::DiskFull);
    torrent.files.room = 40000;
    CHECK(write_piece(torrent.job(0)).status);
}

TEST_CASE("what was written is found again, piece by piece, whatever is missing") {
    Torrent torrent({30000, 0, 1, 100000, 69999}, 40000);  // 5 pieces
    CHECK(torrent.check().ok == std::vector<bool>(5, false));
    torrent.write_all();
    CHECK(torrent.check().ok == std::vector<bool>(5, true));

    torrent.files.files[FileIndex(3)].resize(99999);  // cuts piece 3
    CHECK(torrent.check().ok == std::vector<bool>{true, true, true, false, true});
    torrent.files.files.erase(FileIndex(0));
    torrent.files.files[FileIndex(3)][60000] ^= 1;  // 90001 in all: piece 2
    const auto outcome = torrent.check();
    CHECK(outcome.status);
    CHECK(outcome.ok == std::vector<bool>{false, true, false, false, true});
}

TEST_CASE("a part of the pieces can be checked, also none") {
    Torrent torrent({200000}, 40000);
    torrent.write_all();
    torrent.files.files[FileIndex(0)][0] ^= 1;
    CHECK(check_pieces(torrent.content(), PieceIndex(1), 3, torrent.scratch).ok == std::vector<bool>(3, true));
    CHECK(check_pieces(torrent.content(), PieceIndex(0), 1, torrent.scratch).ok == std::vector<bool>{false});
    CHECK(check_pieces(torrent.content(), PieceIndex(5), 0, torrent.scratch).ok.empty());
}

TEST_CASE("an unreadable file is an error, and pieces in other files are checked nevertheless") {
    Torrent torrent({40000, 40000, 80000}, 40000);
    torrent.write_all();
    torrent.files.read_fault[FileIndex(1)] = denied();
    const auto outcome = torrent.check();
    REQUIRE_FALSE(outcome.status);
    CHECK(outcome.status.error().code == ErrorCode::PermissionDenied);
    CHECK(outcome.ok == std::vector<bool>{true, false, true, true});
}

TEST_CASE("pieces up to the limit are read whole, larger ones through a small window") {
    for (const std::uint32_t piece_length : {kMaxPairedPiece, kMaxPairedPiece + kBlockSize}) {
        Torrent torrent({piece_length * 2 + 5}, piece_length);
        torrent.write_all();
        CHECK(torrent.check().ok == std::vector<bool>(3, true));
        torrent.files.files[FileIndex(0)][piece_length + 3000000] ^= 1;
        CHECK(torrent.check().ok == std::vector<bool>{true, false, true});
        const bool whole = piece_length == kMaxPairedPiece;
        CHECK(torrent.files.largest_read == (whole ? piece_length : 1u << 20));
        CHECK(torrent.scratch.size() == (whole ? 2 * piece_length : 1u << 20));
    }
}

TEST_CASE("inspect lists every file in metainfo order") {
    Torrent torrent({40000, 0, 5}, 40000);
    torrent.files.files[FileIndex(2)] = ByteBuffer(3);
    const auto stats = inspect(torrent.content());
    REQUIRE(stats);
    REQUIRE(stats->size() == 3);
    CHECK_FALSE((*stats)[0].exists);
    CHECK_FALSE((*stats)[1].exists);
    CHECK((*stats)[2] == FileStat{true, true, 3, 1});
}

TEST_CASE("prepare makes files of no bytes and cuts those that are too long, and no others") {
    Torrent torrent({40000, 0, 5, 7}, 40000);
    torrent.files.files[FileIndex(2)] = ByteBuffer(6);
    torrent.files.files[FileIndex(3)] = ByteBuffer(7);
    REQUIRE(prepare(torrent.content()));
    CHECK(torrent.files.files.count(FileIndex(0)) == 0);
    CHECK(torrent.files.files.count(FileIndex(1)) == 1);
    CHECK(torrent.files.files[FileIndex(2)].size() == 5);
    CHECK(torrent.files.files[FileIndex(3)].size() == 7);
}

TEST_CASE("prepare refuses a folder in the way or a file that may not be written, and changes nothing") {
    Torrent torrent({0, 40000, 5}, 40000);
    ErrorCode expected = ErrorCode::DiskError;
    SECTION("folder") { torrent.files.folder_at = FileIndex(2); }
    SECTION("not writable") {
        torrent.files.write_fault[FileIndex(2)] = denied();
        expected = ErrorCode::PermissionDenied;
    }
    const Status status = prepare(torrent.content());
    REQUIRE_FALSE(status);
    CHECK(status.error().code == expected);
    CHECK(torrent.files.files.empty());
}
