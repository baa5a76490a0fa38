#include "common/net/uv_disk.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "common/base/check.h"
#include "common/net/state_file.h"

namespace bt::net {

namespace {

constexpr Duration kAskedLately = seconds(5);
constexpr std::uint32_t kLargestPrefetch = 16u << 20;

template <class T>
class TaskJob final : public WorkPool::Job {
  public:
    TaskJob(std::function<T(ByteBuffer&)> work, std::function<void(T)> done)
        : work_(std::move(work)), done_(std::move(done)) {}
    void run(ByteBuffer& scratch) override { result_.emplace(work_(scratch)); }
    void finish() override { done_(std::move(*result_)); }

  private:
    std::function<T(ByteBuffer&)> work_;
    std::function<void(T)> done_;
    std::optional<T> result_;
};

}  // namespace

// Loop thread only, but for `files`.
struct UvDisk::Storage {
    struct WaitingFlush {
        std::uint64_t before = 0;     // covers writes of a lower order
        std::uint64_t remaining = 0;  // of those, how many still run
        std::function<void(Status)> done;
    };

    Storage(StorageId id, const storage::StorageSpec& spec, std::shared_ptr<FileTable> table)
        : metainfo(spec.metainfo), base(id, spec, std::move(table)), files(spec, base) {}

    [[nodiscard]] storage::Content content() { return {*metainfo, files}; }
    [[nodiscard]] Status flush() {
        const auto held = files.hold();
        return base.flush();
    }

    std::shared_ptr<const meta::Metainfo> metainfo;
    StorageFiles base;
    storage::PlacedFiles files;
    std::uint64_t next_write = 0;
    std::uint64_t running_writes = 0;
    std::deque<WaitingFlush> flushes;
};

class UvDisk::WriteJob final : public WorkPool::Job {
  public:
    WriteJob(UvDisk& disk, StatePointer state, PieceIndex piece, storage::PieceBuffer buffer, bool want_block_digests,
             std::function<void(env::PieceWritten)> done)
        : disk_(disk),
          state_(std::move(state)),
          order_(state_->next_write++),
          piece_(piece),
          buffer_(std::move(buffer)),
          want_block_digests_(want_block_digests),
          done_(std::move(done)) {
        ++state_->running_writes;
    }

    void run(ByteBuffer&) override { outcome_ = storage::write_piece(task()); }
    [[nodiscard]] bool can_pair() const override { return true; }
    void run_with(Job& other, ByteBuffer&) override {
        auto& second = static_cast<WriteJob&>(other);  // the only kind of job that can pair
        auto outcomes = storage::write_two_pieces(task(), second.task());
        outcome_ = std::move(outcomes[0]);
        second.outcome_ = std::move(outcomes[1]);
    }
    void finish() override {
        disk_.write_ended(state_, order_);
        done_({std::move(buffer_), outcome_.hash_ok, std::move(outcome_.status), std::move(outcome_.block_digests)});
    }

  private:
    [[nodiscard]] storage::PieceWrite task() {
        return {state_->content(), piece_, std::as_const(buffer_).bytes(), want_block_digests_};
    }

    UvDisk& disk_;
    StatePointer state_;
    std::uint64_t order_;
    PieceIndex piece_;
    storage::PieceBuffer buffer_;
    bool want_block_digests_;
    std::function<void(env::PieceWritten)> done_;
    storage::PieceWriteOutcome outcome_;
};

template <class T>
void UvDisk::run(std::function<T(ByteBuffer& scratch)> work, std::function<void(T)> done, WorkPool::Urgency urgency) {
    pool_->submit(std::make_unique<TaskJob<T>>(std::move(work), std::move(done)), urgency);
}

template <class T>
void UvDisk::run_in_order(std::function<T()> work, std::function<void(T)> done) {
    in_order_.push_back([this, work = std::move(work), done = std::move(done)] {
        run<T>([work](ByteBuffer&) { return work(); },
               [this, done](T result) {
                   in_order_.pop_front();
                   start_next_in_order();
                   done(std::move(result));
               });
    });
    if (in_order_.size() == 1) start_next_in_order();
}

void UvDisk::start_next_in_order() {
    if (in_order_.empty()) return;
    const auto start = in_order_.front();
    start();
}

UvDisk::UvDisk(UvLoop& loop, unsigned threads)
    : loop_(loop), table_(std::make_shared<FileTable>()), pool_(std::make_unique<WorkPool>(loop, threads)) {}

UvDisk::~UvDisk() = default;

UvDisk::StatePointer UvDisk::find(StorageId id) const {
    const auto place = storages_.find(id);
    return place == storages_.end() ? nullptr : place->second;
}

StorageId UvDisk::open_storage(storage::StorageSpec spec) {
    BT_CHECK(spec.metainfo && spec.paths.size() == spec.metainfo->files().size());
    const StorageId id(next_storage_++);
    storages_.emplace(id, std::make_shared<Storage>(id, spec, table_));
    return id;
}

void UvDisk::close_storage(StorageId id) { storages_.erase(id); }

void UvDisk::write_piece(StorageId id, PieceIndex piece, storage::PieceBuffer buffer, bool want_block_digests,
                         std::function<void(env::PieceWritten)> done) {
    auto state = find(id);
    BT_CHECK(state);
    pool_->submit(std::make_unique<WriteJob>(*this, std::move(state), piece, std::move(buffer), want_block_digests,
                                             std::move(done)));
}

void UvDisk::check_pieces(StorageId id, PieceIndex first, std::uint32_t count,
                          std::function<void(env::PiecesChecked)> done) {
    auto state = find(id);
    BT_CHECK(state);
    run<env::PiecesChecked>(
        [state, first, count](ByteBuffer& scratch) {
            auto outcome = storage::check_pieces(state->content(), first, count, scratch);
            return env::PiecesChecked{first, std::move(outcome.ok), std::move(outcome.status)};
        },
        std::move(done));
}

void UvDisk::prefetch(StorageId id, PieceIndex piece) {
    auto state = find(id);
    BT_CHECK(state);
    if (asked_lately(id, piece) || is_in_memory(*state, piece)) return;
    run<int>(
        [state, piece](ByteBuffer&) {
            const auto& metainfo = *state->metainfo;
            const std::uint32_t size = std::min(metainfo.layout().piece_size(piece), kLargestPrefetch);
            for (const auto& span : metainfo.file_map().spans(metainfo.layout().piece_offset(piece), size)) {
                const auto place = state->files.locate(span.file, span.offset);
                if (place) state->base.advise(place->file, place->offset, span.length);
            }
            return 0;
        },
        [](int) {}, WorkPool::Urgency::Urgent);
}

// A small direct-mapped memory: forgetting costs a probe, never a wrong answer.
bool UvDisk::asked_lately(StorageId id, PieceIndex piece) {
    const std::uint64_t key = (std::uint64_t{id.value()} << 32) | piece.value();
    Asked& asked = asked_[(piece.value() + id.value() * 31) % asked_.size()];
    const TimePoint now = loop_.now();
    if (asked.key == key && now < asked.until) return true;
    asked = {key, now + kAskedLately};
    return false;
}

// Looks at the first and the last byte of each part, and only in files that are open.
bool UvDisk::is_in_memory(Storage& state, PieceIndex piece) {
    const auto& layout = state.metainfo->layout();
    Byte byte = 0;
    for (const auto& span : state.metainfo->file_map().spans(layout.piece_offset(piece), layout.piece_size(piece))) {
        bool busy = false;
        const auto place = state.files.try_locate(span.file, span.offset, busy);
        if (!place || !table_->find(state.base.id(), place->file)) return false;
        for (const std::uint64_t offset : {place->offset, place->offset + span.length - 1}) {
            if (!state.base.read_if_in_memory(place->file, offset, {&byte, 1})) return false;
        }
    }
    return true;
}

void UvDisk::inspect(StorageId id, std::function<void(Result<std::vector<storage::FileStat>>)> done) {
    auto state = find(id);
    BT_CHECK(state);
    run<Result<std::vector<storage::FileStat>>>(
        [state](ByteBuffer&) { return state->files.inspect(); }, std::move(done));
}

void UvDisk::prepare(StorageId id, storage::Existing existing, std::function<void(Status)> done) {
    auto state = find(id);
    BT_CHECK(state);
    run<Status>([state, existing](ByteBuffer&) { return state->files.prepare(existing); }, std::move(done));
}

void UvDisk::select_files(StorageId id, std::vector<bool> wanted, std::function<void(Status)> done) {
    auto state = find(id);
    BT_CHECK(state);
    run<Status>([state, wanted = std::move(wanted)](ByteBuffer&) { return state->files.select(wanted); },
                std::move(done));
}

void UvDisk::finish_files(StorageId id, std::vector<FileIndex> files, std::function<void(Status)> done) {
    auto state = find(id);
    BT_CHECK(state);
    run<Status>([state, files = std::move(files)](ByteBuffer&) { return state->files.finish(files); },
                std::move(done));
}

void UvDisk::flush(StorageId id, std::function<void(Status)> done) {
    auto state = find(id);
    BT_CHECK(state);
    if (state->running_writes > 0) {
        state->flushes.push_back({state->next_write, state->running_writes, std::move(done)});
        return;
    }
    run<Status>([state](ByteBuffer&) { return state->flush(); }, std::move(done));
}

void UvDisk::write_ended(const StatePointer& state, std::uint64_t order) {
    --state->running_writes;
    for (auto& waiting : state->flushes) {
        if (order < waiting.before) --waiting.remaining;
    }
    // Later flushes wait for at least as much, so the front is always the first to be ready.
    while (!state->flushes.empty() && state->flushes.front().remaining == 0) {
        auto done = std::move(state->flushes.front().done);
        state->flushes.pop_front();
        run<Status>([state](ByteBuffer&) { return state->flush(); }, std::move(done));
    }
}

void UvDisk::load(std::string path, std::function<void(Result<ByteBuffer>)> done) {
    run_in_order<Result<ByteBuffer>>([path = std::move(path)] { return load_file(path, kMaxStateFileSize); },
                                     std::move(done));
}

void UvDisk::save(std::string path, ByteBuffer bytes, std::function<void(Status)> done) {
    auto content = std::make_shared<const ByteBuffer>(std::move(bytes));
    run_in_order<Status>([path = std::move(path), content] { return replace_file(path, *content); }, std::move(done));
}

void UvDisk::remove(std::string path, std::function<void(Status)> done) {
    run_in_order<Status>([path = std::move(path)] { return remove_file(path); }, std::move(done));
}

Result<std::size_t> UvDisk::read_now(const FileRange& range, MutableByteView into) {
    const auto state = find(range.storage);
    if (!state) return fail(local_error(ErrorCode::NotFound, "the storage is closed"));
    bool busy = false;
    const auto place = state->files.try_locate(range.file, range.offset, busy);
    if (place) return state->base.read_if_in_memory(place->file, place->offset, into);
    if (busy) return fail(Error{ErrorCode::LimitReached, Fault::System, "a file is being renamed", std::nullopt});
    return fail(Error{ErrorCode::NotFound, Fault::System, "a file that is not wanted", std::nullopt});
}

Result<std::size_t> UvDisk::read_waiting(const FileRange& range, MutableByteView into) {
    const auto state = find(range.storage);
    if (!state) return fail(local_error(ErrorCode::NotFound, "the storage is closed"));
    return state->files.read(range.file, range.offset, into);
}

void UvDisk::warm(const FileRange& range, std::function<void()> done) {
    auto state = find(range.storage);
    run<int>(
        [state, range](ByteBuffer& scratch) {
            if (!state) return 0;
            constexpr std::size_t kStep = 256u << 10;
            if (scratch.size() < kStep) scratch.resize(kStep);
            // Errors are met again, and answered, by the stream that asks.
            for (std::uint64_t at = 0; at < range.length; at += kStep) {
                const auto part = static_cast<std::size_t>(std::min<std::uint64_t>(kStep, range.length - at));
                if (!state->files.read(range.file, range.offset + at, MutableByteView(scratch).first(part))) break;
            }
            return 0;
        },
        [done = std::move(done)](int) { done(); }, WorkPool::Urgency::Urgent);
}

}  // namespace bt::net
