#pragma once

// A world whose disk holds one piece of one torrent, for download_piece. A piece alone has no place of its own among
// the torrent's files, so the torrent is given a disk that has nothing, keeps of all writes the one piece (checked
// against its hash as by every disk) in memory, and puts it at `path` with one atomic save: the file is there, right
// and whole, or not at all. Everything else is the real world's. The picker is told to want nothing else
// (swarm::TorrentSettings::only_piece).
//
// One torrent at a time; memory: the piece, once more.

#include <string>

#include "common/env/env.h"

namespace bt::client {

class OnePieceDisk final : public env::Disk {
  public:
    OnePieceDisk(env::Env& world, std::string path);
    ~OnePieceDisk() override;

    StorageId open_storage(storage::StorageSpec spec) override;
    void close_storage(StorageId) override {}
    void write_piece(StorageId id, PieceIndex piece, storage::PieceBuffer buffer, bool want_block_digests,
                     std::function<void(env::PieceWritten)> done) override;
    void check_pieces(StorageId id, PieceIndex first, std::uint32_t count,
                      std::function<void(env::PiecesChecked)> done) override;
    void prefetch(StorageId, PieceIndex) override {}
    void inspect(StorageId id, std::function<void(Result<std::vector<storage::FileStat>>)> done) override;
    void prepare(StorageId id, storage::Existing existing, std::function<void(Status)> done) override;
    void select_files(StorageId id, std::vector<bool> wanted, std::function<void(Status)> done) override;
    void finish_files(StorageId id, std::vector<FileIndex> files, std::function<void(Status)> done) override;
    void flush(StorageId id, std::function<void(Status)> done) override;
    void load(std::string path, std::function<void(Result<ByteBuffer>)> done) override;
    void save(std::string path, ByteBuffer bytes, std::function<void(Status)> done) override;
    void remove(std::string path, std::function<void(Status)> done) override;

  private:
    // Callbacks never come from inside the call.
    void later(std::function<void()> call);
    void run_later();

    env::Env* world_;
    std::string path_;
    storage::StorageSpec spec_;
    std::vector<std::function<void()>> calls_;
    std::unique_ptr<env::Timer> timer_;
};

class OnePieceEnv final : public env::Env {
  public:
    OnePieceEnv(env::Env& world, std::string path) : world_(&world), disk_(world, std::move(path)) {}

    [[nodiscard]] TimePoint now() const override { return world_->now(); }
    [[nodiscard]] std::unique_ptr<env::Timer> make_timer(std::function<void()> on_deadline) override {
        return world_->make_timer(std::move(on_deadline));
    }
    [[nodiscard]] std::unique_ptr<env::Stream> connect(const Endpoint& remote,
                                                       std::optional<Endpoint> source) override {
        return world_->connect(remote, source);
    }
    [[nodiscard]] Result<std::unique_ptr<env::Listener>> listen(const Endpoint& local,
                                                                env::AcceptCallback on_accept) override {
        return world_->listen(local, std::move(on_accept));
    }
    [[nodiscard]] Result<std::unique_ptr<env::Datagram>> open_datagram(const Endpoint& local,
                                                                       env::DatagramHandler& handler) override {
        return world_->open_datagram(local, handler);
    }
    [[nodiscard]] std::unique_ptr<env::Lookup> resolve(const std::string& host, std::uint16_t port,
                                                       env::LookupCallback done) override {
        return world_->resolve(host, port, std::move(done));
    }
    [[nodiscard]] env::Disk& disk() override { return disk_; }

  private:
    env::Env* world_;
    OnePieceDisk disk_;
};

}  // namespace bt::client
