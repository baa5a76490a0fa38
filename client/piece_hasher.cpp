#include "client/piece_hasher.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <utility>

#include "common/crypto/hash.h"
#include "common/storage/piece_io.h"

namespace bt::client {
namespace {

constexpr std::size_t kWindow = 1u << 20;
constexpr std::uint64_t kRunBytes = 4u << 20;  // that one thread takes at a time
constexpr std::chrono::milliseconds kProgressInterval{100};

// Open for reading, and closed at the end.
class InputFile {
  public:
    InputFile() = default;
    ~InputFile() { close(); }
    InputFile(const InputFile&) = delete;
    InputFile& operator=(const InputFile&) = delete;

    // NotFound where there is no regular file.
    Status open(std::uint32_t index, const std::string& path) {
        if (fd_ >= 0 && index_ == index) return {};
        close();
        fd_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd_ < 0) return fail(system_error(errno, path));
        struct stat info {};
        if (::fstat(fd_, &info) != 0) return fail(system_error(errno, path));
        if (!S_ISREG(info.st_mode)) {
            close();
            return fail(system_error(ENOENT, path + ": not a regular file"));
        }
        posix_fadvise(fd_, 0, 0, POSIX_FADV_SEQUENTIAL);
        index_ = index;
        return {};
    }
    // Bytes read; fewer than asked for at the end of the file.
    [[nodiscard]] Result<std::size_t> read(std::uint64_t offset, MutableByteView into, const std::string& path) const {
        std::size_t done = 0;
        while (done < into.size()) {
            const ssize_t n = ::pread(fd_, into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return fail(system_error(errno, path));
            if (n == 0) break;
            done += static_cast<std::size_t>(n);
        }
        return done;
    }

  private:
    void close() {
        if (fd_ >= 0) ::close(fd_);
        fd_ = -1;
    }
    int fd_ = -1;
    std::uint32_t index_ = 0;
};

struct Shared {
    explicit Shared(const HashJob& made) : job(made), digests(made.layout.piece_count()) {
        run = std::max(2u, static_cast<std::uint32_t>(kRunBytes / made.layout.piece_length()) & ~1u);
    }

    const HashJob& job;
    std::uint32_t run;  // pieces; even, so that pairs stay together
    std::vector<std::optional<Sha1Digest>> digests;
    std::atomic<std::uint32_t> next{0};
    std::atomic<std::uint64_t> bytes_done{0};
    std::atomic<bool> failed{false};
    std::mutex mutex;
    std::condition_variable ended;
    std::uint32_t running = 0;
    Status status;
};

class Worker {
  public:
    explicit Worker(Shared& shared) : shared_(shared), layout_(shared.job.layout) {}

    void run() {
        const std::uint32_t count = layout_.piece_count();
        Status status;
        while (status && !shared_.failed) {
            const std::uint32_t first = shared_.next.fetch_add(shared_.run);
            if (first >= count) break;
            status = hash_run(first, std::min(count - first, shared_.run));
        }
        const std::lock_guard lock(shared_.mutex);
        if (!status) {
            shared_.failed = true;
            if (shared_.status) shared_.status = std::move(status);
        }
        --shared_.running;
        shared_.ended.notify_one();
    }

  private:
    Status hash_run(std::uint32_t first, std::uint32_t count) {
        if (layout_.piece_length() > storage::kMaxPairedPiece) {
            for (std::uint32_t i = 0; i < count; ++i) BT_TRY(stream(PieceIndex(first + i)));
            return {};
        }
        buffer_.resize(std::size_t{2} * layout_.piece_length());
        std::optional<PieceIndex> waiting;  // read, in the first half
        for (std::uint32_t i = 0; i < count && !shared_.failed; ++i) {
            const PieceIndex piece(first + i);
            const MutableByteView into = half(waiting ? 1 : 0, piece);
            BT_TRY_ASSIGN(const bool whole, read(layout_.piece_offset(piece), into));
            shared_.bytes_done += into.size();
            if (!whole) continue;
            if (!waiting) {
                waiting = piece;
                continue;
            }
            Sha1Digest a;
            Sha1Digest b;
            crypto::sha1_pair(half(0, *waiting), into, a, b);
            shared_.digests[waiting->value()] = a;
            shared_.digests[piece.value()] = b;
            waiting.reset();
        }
        if (waiting) shared_.digests[waiting->value()] = crypto::sha1(half(0, *waiting));
        return {};
    }

    Status stream(PieceIndex piece) {
        buffer_.resize(kWindow);
        const std::size_t size = layout_.piece_size(piece);
        crypto::Sha1 sha1;
        bool whole = true;
        for (std::size_t done = 0; done < size && !shared_.failed;) {
            const auto window = MutableByteView(buffer_).first(std::min(kWindow, size - done));
            if (whole) {
                BT_TRY_ASSIGN(whole, read(layout_.piece_offset(piece) + done, window));
                if (whole) sha1.update(window);
            }
            done += window.size();
            shared_.bytes_done += window.size();
        }
        if (whole) shared_.digests[piece.value()] = sha1.finish();
        return {};
    }

    // False where a file is missing or ends too early.
    Result<bool> read(std::uint64_t offset, MutableByteView into) {
        std::size_t done = 0;
        for (const auto& span : shared_.job.map.spans(offset, into.size())) {
            const std::string& path = shared_.job.paths[span.file.value()];
            const auto length = static_cast<std::size_t>(span.length);
            if (const auto opened = file_.open(span.file.value(), path); !opened) {
                if (opened.error().code == ErrorCode::NotFound) return false;
                return fail(opened.error());
            }
            BT_TRY_ASSIGN(const std::size_t got, file_.read(span.offset, into.subspan(done, length), path));
            if (got < length) return false;
            done += length;
        }
        return true;
    }

    [[nodiscard]] MutableByteView half(std::size_t which, PieceIndex piece) {
        return MutableByteView(buffer_).subspan(which * layout_.piece_length(), layout_.piece_size(piece));
    }

    Shared& shared_;
    const meta::PieceLayout& layout_;
    ByteBuffer buffer_;
    InputFile file_;
};

std::uint32_t thread_count(const HashJob& job, std::uint32_t run) {
    const std::uint32_t wanted = job.threads != 0 ? job.threads : std::max(1u, std::thread::hardware_concurrency());
    return std::clamp((job.layout.piece_count() + run - 1) / run, 1u, wanted);
}

}  // namespace

Result<std::vector<std::optional<Sha1Digest>>> hash_pieces(const HashJob& job) {
    Shared shared(job);
    shared.running = thread_count(job, shared.run);
    {
        std::vector<std::jthread> threads;
        const std::uint32_t count = shared.running;
        for (std::uint32_t i = 0; i < count; ++i) threads.emplace_back([&shared] { Worker(shared).run(); });
        std::unique_lock lock(shared.mutex);
        for (bool done = false; !done;) {
            shared.ended.wait_for(lock, kProgressInterval, [&] { return shared.running == 0; });
            done = shared.running == 0;
            lock.unlock();
            if (job.progress) job.progress(shared.bytes_done);
            lock.lock();
        }
    }
    BT_TRY(shared.status);
    return std::move(shared.digests);
}

}  // namespace bt::client
