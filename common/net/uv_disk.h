#pragma once

// The Disk port over real files: jobs go to a WorkPool, answers come back on the loop thread.
//
//  - Two write_piece jobs that wait are hashed side by side (storage::write_two_pieces).
//  - flush() starts when every write called before it has ended; fdatasync then covers the files written.
//  - load, save and remove run one after the other in the order of the calls, so the last save wins.
//  - prefetch of what is in memory already, or was asked for a moment ago, costs no job.
//  - Outlives the streams that read file ranges from it. Not destroyed inside its own callbacks.

#include <array>
#include <deque>
#include <functional>
#include <memory>
#include <unordered_map>

#include "common/env/env.h"
#include "common/net/file_table.h"
#include "common/net/work_pool.h"

namespace bt::net {

// What load() takes at most.
inline constexpr std::uint64_t kMaxStateFileSize = 64u << 20;

class UvDisk final : public env::Disk {
  public:
    explicit UvDisk(UvLoop& loop, unsigned threads = 0);
    ~UvDisk() override;

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

    // For streams. Bytes that are in memory now; see StorageFiles::read_if_in_memory. NotFound for a closed storage.
    [[nodiscard]] Result<std::size_t> read_now(const FileRange& range, MutableByteView into);
    // Whatever it takes, on the calling thread.
    [[nodiscard]] Result<std::size_t> read_waiting(const FileRange& range, MutableByteView into);
    // Brings the range into memory, then calls on the loop thread.
    void warm(const FileRange& range, std::function<void()> done);

    [[nodiscard]] std::size_t open_file_count() const { return table_->size(); }

  private:
    struct Storage;
    class WriteJob;
    using StatePointer = std::shared_ptr<Storage>;

    [[nodiscard]] StatePointer find(StorageId id) const;
    [[nodiscard]] bool is_in_memory(Storage& state, PieceIndex piece);
    [[nodiscard]] bool asked_lately(StorageId id, PieceIndex piece);
    void write_ended(const StatePointer& state, std::uint64_t order);
    // `work` on a worker, then its result to `done` on the loop thread.
    template <class T>
    void run(std::function<T(ByteBuffer& scratch)> work, std::function<void(T)> done,
             WorkPool::Urgency urgency = WorkPool::Urgency::Normal);
    template <class T>
    void run_in_order(std::function<T()> work, std::function<void(T)> done);
    void start_next_in_order();

    struct Asked {
        std::uint64_t key = 0;
        TimePoint until{};
    };

    UvLoop& loop_;
    std::shared_ptr<FileTable> table_;
    std::unordered_map<StorageId, StatePointer> storages_;
    std::uint32_t next_storage_ = 1;
    std::deque<std::function<void()>> in_order_;  // state files: the first is running
    std::array<Asked, 1024> asked_{};
    std::unique_ptr<WorkPool> pool_;  // last: its threads end first
};

}  // namespace bt::net
