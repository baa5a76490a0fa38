#include "lab/sim/sim_disk.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "common/base/check.h"

namespace bt::sim {

class SimDisk::Storage final : public storage::BaseFiles {
  public:
    Storage(SimFiles& files, const Simulator& simulator, const storage::StorageSpec& spec)
        : files_(files),
          simulator_(simulator),
          metainfo_(spec.metainfo),
          access_(spec.access),
          paths_(storage::base_paths(spec)),
          placed_(spec, *this) {}

    [[nodiscard]] storage::PlacedFiles& placed() { return placed_; }
    [[nodiscard]] const meta::Metainfo& metainfo() const { return *metainfo_; }
    [[nodiscard]] storage::Content content() { return {*metainfo_, placed_}; }

    Status write(FileIndex file, std::uint64_t offset, ByteView bytes) override {
        BT_TRY(may_change(file));
        return files_.write(path(file), offset, bytes, simulator_.now());
    }
    Result<std::size_t> read(FileIndex file, std::uint64_t offset, MutableByteView into) override {
        return files_.read(path(file), offset, into);
    }
    Result<storage::FileStat> stat(FileIndex file) override { return files_.stat(path(file)); }
    Status make_empty(FileIndex file) override {
        BT_TRY(may_change(file));
        return files_.make_empty(path(file), simulator_.now());
    }
    Status truncate(FileIndex file, std::uint64_t length) override {
        BT_TRY(may_change(file));
        return files_.truncate(path(file), length, simulator_.now());
    }
    Status check_writable(FileIndex file) override {
        BT_TRY(may_change(file));
        return files_.check_writable(path(file));
    }
    Status rename(FileIndex from, FileIndex to) override {
        BT_TRY(may_change(from));
        return files_.rename(path(from), path(to));
    }

  private:
    [[nodiscard]] const std::string& path(FileIndex file) const { return paths_[file.value()]; }
    [[nodiscard]] Status may_change(FileIndex file) const {
        if (access_ == storage::Access::ReadWrite) return {};
        return fail(system_error(EROFS, path(file)));
    }

    SimFiles& files_;
    const Simulator& simulator_;
    std::shared_ptr<const meta::Metainfo> metainfo_;
    storage::Access access_;
    std::vector<std::string> paths_;
    storage::PlacedFiles placed_;
};

SimDisk::SimDisk(Simulator& simulator, HostId host, DiskSettings settings)
    : simulator_(simulator), host_(host), node_lives_(std::make_shared<bool>(true)) {
    set_settings(settings);
}

SimDisk::~SimDisk() { *node_lives_ = false; }

void SimDisk::set_settings(DiskSettings settings) {
    settings_ = settings;
    files_.set_capacity(settings.capacity);
}

void SimDisk::drop_jobs() {
    *node_lives_ = false;
    node_lives_ = std::make_shared<bool>(true);
    jobs_waiting_ = 0;
    device_free_at_ = simulator_.now();
    storages_.clear();
}

void SimDisk::run_later(std::uint64_t bytes, std::function<void()> job) {
    Duration time = settings_.job_latency;
    if (settings_.bytes_per_s != 0) {
        time += Duration(static_cast<Duration::rep>(bytes * 1'000'000'000u / settings_.bytes_per_s));
    }
    device_free_at_ = std::max(device_free_at_, simulator_.now()) + time;
    ++jobs_waiting_;
    simulator_.schedule(device_free_at_, host_, [this, lives = node_lives_, run = std::move(job)] {
        if (!*lives) return;
        --jobs_waiting_;
        run();
    });
}

const SimDisk::StoragePtr& SimDisk::storage(StorageId id) const {
    const auto found = storages_.find(id);
    BT_CHECK(found != storages_.end());
    return found->second;
}

StorageId SimDisk::open_storage(storage::StorageSpec spec) {
    BT_CHECK(spec.metainfo != nullptr && spec.paths.size() == spec.metainfo->files().size());
    const StorageId id(next_storage_++);
    storages_[id] = std::make_shared<Storage>(files_, simulator_, spec);
    return id;
}

void SimDisk::close_storage(StorageId id) { storages_.erase(id); }

void SimDisk::write_piece(StorageId id, PieceIndex piece, storage::PieceBuffer buffer, bool want_block_digests,
                          std::function<void(env::PieceWritten)> done) {
    const std::uint64_t size = buffer.size();
    // std::function wants something it can copy.
    auto owned = std::make_shared<storage::PieceBuffer>(std::move(buffer));
    run_later(size, [this, at = storage(id), piece, owned, want_block_digests, answer = std::move(done)] {
        auto outcome = storage::write_piece({at->content(), piece, std::as_const(*owned).bytes(), want_block_digests});
        if (observer_) observer_({at->content(), piece, outcome.hash_ok, outcome.status});
        answer({std::move(*owned), outcome.hash_ok, std::move(outcome.status), std::move(outcome.block_digests)});
    });
}

void SimDisk::check_pieces(StorageId id, PieceIndex first, std::uint32_t count,
                           std::function<void(env::PiecesChecked)> done) {
    const StoragePtr& at = storage(id);
    const auto& layout = at->metainfo().layout();
    std::uint64_t bytes = 0;
    for (std::uint32_t i = 0; i < count; ++i) bytes += layout.piece_size(PieceIndex(first.value() + i));
    run_later(bytes, [this, at, first, count, answer = std::move(done)] {
        auto outcome = storage::check_pieces(at->content(), first, count, scratch_);
        answer({first, std::move(outcome.ok), std::move(outcome.status)});
    });
}

void SimDisk::prefetch(StorageId id, PieceIndex piece) {
    BT_CHECK(piece.value() < storage(id)->metainfo().layout().piece_count());
}

void SimDisk::inspect(StorageId id, std::function<void(Result<std::vector<storage::FileStat>>)> done) {
    run_later(0, [at = storage(id), answer = std::move(done)] { answer(at->placed().inspect()); });
}

void SimDisk::prepare(StorageId id, storage::Existing existing, std::function<void(Status)> done) {
    run_later(0, [at = storage(id), existing, answer = std::move(done)] { answer(at->placed().prepare(existing)); });
}

void SimDisk::select_files(StorageId id, std::vector<bool> wanted, std::function<void(Status)> done) {
    run_later(0, [at = storage(id), flags = std::move(wanted), answer = std::move(done)] {
        answer(at->placed().select(flags));
    });
}

void SimDisk::finish_files(StorageId id, std::vector<FileIndex> files, std::function<void(Status)> done) {
    run_later(0, [at = storage(id), finished = std::move(files), answer = std::move(done)] {
        answer(at->placed().finish(finished));
    });
}

// Jobs are served in order, so everything called before is written by then.
void SimDisk::flush(StorageId id, std::function<void(Status)> done) {
    run_later(0, [at = storage(id), answer = std::move(done)] { answer({}); });
}

void SimDisk::load(std::string path, std::function<void(Result<ByteBuffer>)> done) {
    run_later(0, [this, from = std::move(path), answer = std::move(done)] { answer(files_.read_all(from)); });
}

void SimDisk::save(std::string path, ByteBuffer bytes, std::function<void(Status)> done) {
    const std::uint64_t size = bytes.size();
    run_later(size, [this, to = std::move(path), content = std::move(bytes), answer = std::move(done)] {
        answer(files_.replace(to, content, simulator_.now()));
    });
}

void SimDisk::remove(std::string path, std::function<void(Status)> done) {
    run_later(0, [this, what = std::move(path), answer = std::move(done)] { answer(files_.remove(what)); });
}

Status SimDisk::read_range(StorageId id, FileIndex file, std::uint64_t offset, MutableByteView into) {
    const auto found = storages_.find(id);
    if (found == storages_.end()) {
        return fail(Error{ErrorCode::DiskError, Fault::System, "the storage is closed", std::nullopt});
    }
    BT_TRY_ASSIGN(const std::size_t read, found->second->placed().read(file, offset, into));
    if (read == into.size()) return {};
    return fail(Error{ErrorCode::DiskError, Fault::System, "the file is shorter than it should be", std::nullopt});
}

}  // namespace bt::sim
