#pragma once

// env::Disk over files in memory, with the real hashing and span logic (storage/piece_io) and modelled time.
//
// One device serves the jobs in the order of the calls: each takes job_latency and its bytes at the device's rate, is
// carried out when its time is over and answers in the same event. A job whose node is killed before is never carried
// out, so a kill loses what was not yet written. File ranges of streams and prefetch cost no time (page cache).
// Cost: one event a job.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "common/env/env.h"
#include "common/storage/placed_files.h"
#include "lab/sim/network.h"
#include "lab/sim/sim_files.h"
#include "lab/sim/simulator.h"

namespace bt::sim {

struct DiskSettings {
    Duration job_latency = milliseconds(1);
    std::uint64_t bytes_per_s = 200'000'000;  // 0: unlimited
    std::uint64_t capacity = UINT64_MAX;
};

// What became of a write_piece, for checkers; called before its callback. The views live for the call.
struct PieceWriteReport {
    storage::Content content;
    PieceIndex piece;
    bool hash_ok = false;
    const Status& status;
};

class SimDisk final : public env::Disk, public FileSource {
  public:
    using WriteObserver = std::function<void(const PieceWriteReport&)>;

    SimDisk(Simulator& simulator, HostId host, DiskSettings settings);
    ~SimDisk() override;

    StorageId open_storage(storage::StorageSpec spec) override;
    void close_storage(StorageId id) override;
    void write_piece(StorageId id, PieceIndex piece, storage::PieceBuffer buffer, bool want_block_digests,
                     std::function<void(env::PieceWritten)> done) override;
    void check_pieces(StorageId id, PieceIndex first, std::uint32_t count,
                      std::function<void(env::PiecesChecked)> done) override;
    void prefetch(StorageId id, PieceIndex piece) override;
    void inspect(StorageId id, std::function<void(Result<std::vector<storage::FileStat>>)> done) override;
    void prepare(StorageId id, storage::Existing existing, std::function<void(Status)> done) override;
    void select_files(StorageId id, std::vector<bool> wanted, std::function<void(Status)> done) override;
    void finish_files(StorageId id, std::vector<FileIndex> files, std::function<void(Status)> done) override;
    void flush(StorageId id, std::function<void(Status)> done) override;
    void load(std::string path, std::function<void(Result<ByteBuffer>)> done) override;
    void save(std::string path, ByteBuffer bytes, std::function<void(Status)> done) override;
    void remove(std::string path, std::function<void(Status)> done) override;

    Status read_range(StorageId storage, FileIndex file, std::uint64_t offset, MutableByteView into) override;

    [[nodiscard]] SimFiles& files() { return files_; }
    void set_write_observer(WriteObserver observer) { observer_ = std::move(observer); }
    // Scripts: slower or faster from the next job on.
    void set_settings(DiskSettings settings);
    // The node is gone: nothing that waits is carried out, every storage is closed. The files stay.
    void drop_jobs();
    [[nodiscard]] std::size_t jobs_waiting() const { return jobs_waiting_; }

  private:
    class Storage;
    using StoragePtr = std::shared_ptr<Storage>;

    [[nodiscard]] const StoragePtr& storage(StorageId id) const;
    void run_later(std::uint64_t bytes, std::function<void()> job);

    Simulator& simulator_;
    HostId host_;
    DiskSettings settings_;
    SimFiles files_;
    WriteObserver observer_;
    std::map<StorageId, StoragePtr> storages_;
    std::uint32_t next_storage_ = 0;
    TimePoint device_free_at_{};
    std::size_t jobs_waiting_ = 0;
    std::shared_ptr<bool> node_lives_;  // replaced by drop_jobs
    ByteBuffer scratch_;
};

}  // namespace bt::sim
