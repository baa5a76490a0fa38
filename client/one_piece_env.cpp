#include "client/one_piece_env.h"

#include <algorithm>

#include "common/crypto/hash.h"

namespace bt::client {
namespace {

std::vector<Sha1Digest> block_digests_of(ByteView piece) {
    std::vector<Sha1Digest> digests;
    for (std::size_t at = 0; at < piece.size(); at += kBlockSize) {
        digests.push_back(crypto::sha1(piece.subspan(at, std::min<std::size_t>(kBlockSize, piece.size() - at))));
    }
    return digests;
}

}  // namespace

OnePieceDisk::OnePieceDisk(env::Env& world, std::string path)
    : world_(&world), path_(std::move(path)), timer_(world.make_timer([this] { run_later(); })) {}

OnePieceDisk::~OnePieceDisk() = default;

void OnePieceDisk::later(std::function<void()> call) {
    calls_.push_back(std::move(call));
    timer_->arm(world_->now());
}

void OnePieceDisk::run_later() {
    for (const auto& call : std::exchange(calls_, {})) call();
}

StorageId OnePieceDisk::open_storage(storage::StorageSpec spec) {
    spec_ = std::move(spec);
    return StorageId(0);
}

void OnePieceDisk::write_piece(StorageId, PieceIndex piece, storage::PieceBuffer buffer, bool want_block_digests,
                               std::function<void(env::PieceWritten)> done) {
    auto written = std::make_shared<env::PieceWritten>();
    written->hash_ok = crypto::sha1(buffer.bytes()) == spec_.metainfo->piece_hash(piece);
    if (want_block_digests || !written->hash_ok) written->block_digests = block_digests_of(buffer.bytes());
    const ByteBuffer bytes(buffer.bytes().begin(), buffer.bytes().end());
    written->buffer = std::move(buffer);
    if (!written->hash_ok) return later([done, written] { done(std::move(*written)); });
    world_->disk().save(path_, bytes, [done, written](const Status& status) {
        written->status = status;
        done(std::move(*written));
    });
}

void OnePieceDisk::check_pieces(StorageId, PieceIndex first, std::uint32_t count,
                                std::function<void(env::PiecesChecked)> done) {
    later([=] { done({first, std::vector<bool>(count, false), {}}); });
}

void OnePieceDisk::inspect(StorageId, std::function<void(Result<std::vector<storage::FileStat>>)> done) {
    const std::size_t entries = spec_.paths.size() + (spec_.placement ? 1 : 0);
    later([=] { done(std::vector<storage::FileStat>(entries)); });
}

void OnePieceDisk::prepare(StorageId, storage::Existing, std::function<void(Status)> done) {
    later([=] { done({}); });
}

void OnePieceDisk::select_files(StorageId, std::vector<bool>, std::function<void(Status)> done) {
    later([=] { done({}); });
}

void OnePieceDisk::finish_files(StorageId, std::vector<FileIndex>, std::function<void(Status)> done) {
    later([=] { done({}); });
}

void OnePieceDisk::flush(StorageId, std::function<void(Status)> done) {
    later([=] { done({}); });
}

void OnePieceDisk::load(std::string path, std::function<void(Result<ByteBuffer>)> done) {
    world_->disk().load(std::move(path), std::move(done));
}

void OnePieceDisk::save(std::string path, ByteBuffer bytes, std::function<void(Status)> done) {
    world_->disk().save(std::move(path), std::move(bytes), std::move(done));
}

void OnePieceDisk::remove(std::string path, std::function<void(Status)> done) {
    world_->disk().remove(std::move(path), std::move(done));
}

}  // namespace bt::client
