#include "common/net/file_table.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <optional>

namespace bt::net {

namespace {

// The kernel backs a write with page-cache folios as large as the write. Large ones come from memory that has long been
// free, which a virtual machine may have given back to its host: measured on ext4 behind another program's download,
// 2.6 to 3.0 CPU s/GB for writes of 1 MiB, 0.2 to 0.3 for writes of 64 KiB (0.2 and 0.25 where the memory was warm).
constexpr std::size_t kWriteAtMost = 64 * 1024;

constexpr int kCommonFlags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;

Result<OpenFile> open_file(const std::string& path, storage::Access access, Purpose purpose) {
    OpenFile file;
    if (purpose == Purpose::Write) {
        if (access == storage::Access::ReadOnly) {
            return fail(local_error(ErrorCode::PermissionDenied, "write " + path + ": the storage is read-only"));
        }
        file.fd.reset(::open(path.c_str(), kCommonFlags | O_RDWR | O_CREAT, 0666));
        if (!file.fd.is_open() && errno == ENOENT) {
            BT_TRY(make_folders_of(path));
            file.fd.reset(::open(path.c_str(), kCommonFlags | O_RDWR | O_CREAT, 0666));
        }
        file.writable = true;
    } else {
        if (access == storage::Access::ReadWrite) {
            file.fd.reset(::open(path.c_str(), kCommonFlags | O_RDWR));
            file.writable = file.fd.is_open();
            if (!file.fd.is_open() && errno == ENOENT) return fail(system_error(ENOENT, "open " + path));
        }
        // A file that may not be written can still be read.
        if (!file.fd.is_open()) file.fd.reset(::open(path.c_str(), kCommonFlags | O_RDONLY));
    }
    if (!file.fd.is_open()) return fail(system_error(errno, "open " + path));
    struct stat status {};
    if (fstat(file.fd.get(), &status) != 0) return fail(system_error(errno, "stat " + path));
    if (!S_ISREG(status.st_mode)) {
        return fail(Error{ErrorCode::DiskError, Fault::System, path + " is not a regular file", std::nullopt});
    }
    return file;
}

}  // namespace

Status make_folders_of(const std::string& path) {
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
        const std::string folder = path.substr(0, slash);
        if (mkdir(folder.c_str(), 0777) == 0 || errno == EEXIST) continue;
        // Where it exists, its parent may refuse for other reasons (a read-only mount); that is no obstacle.
        const int error = errno;
        struct stat status {};
        if (::stat(folder.c_str(), &status) == 0 && S_ISDIR(status.st_mode)) continue;
        return fail(system_error(error, "make folder " + folder));
    }
    return {};
}

Result<std::shared_ptr<OpenFile>> FileTable::open(StorageId storage, FileIndex file, const std::string& path,
                                                  storage::Access access, Purpose purpose) {
    if (auto found = find(storage, file); found && (purpose == Purpose::Read || found->writable)) return found;
    // Outside the lock: the device may take its time.
    BT_TRY_ASSIGN(OpenFile opened, open_file(path, access, purpose));
    auto shared = std::make_shared<OpenFile>(std::move(opened));
    std::shared_ptr<OpenFile> dropped;  // closed after the lock is gone
    std::shared_ptr<OpenFile> evicted;
    const std::lock_guard lock(mutex_);
    const Key key = key_of(storage, file);
    const auto [place, added] = entries_.try_emplace(key);
    if (!added) {
        // Another thread was faster; keep what serves both purposes.
        if (place->second.file->writable || !shared->writable) return place->second.file;
        dropped = std::exchange(place->second.file, shared);
        by_age_.splice(by_age_.begin(), by_age_, place->second.age);
        return shared;
    }
    by_age_.push_front(key);
    place->second = {shared, by_age_.begin()};
    if (entries_.size() > kMaxOpenFiles) {
        const auto oldest = entries_.find(by_age_.back());
        evicted = std::move(oldest->second.file);
        entries_.erase(oldest);
        by_age_.pop_back();
    }
    return shared;
}

std::shared_ptr<OpenFile> FileTable::find(StorageId storage, FileIndex file) {
    const std::lock_guard lock(mutex_);
    const auto place = entries_.find(key_of(storage, file));
    if (place == entries_.end()) return nullptr;
    by_age_.splice(by_age_.begin(), by_age_, place->second.age);
    return place->second.file;
}

void FileTable::forget(StorageId storage) {
    const std::lock_guard lock(mutex_);
    for (auto place = entries_.begin(); place != entries_.end();) {
        if (place->first >> 32 != storage.value()) {
            ++place;
            continue;
        }
        by_age_.erase(place->second.age);
        place = entries_.erase(place);
    }
}

void FileTable::forget(StorageId storage, FileIndex file) {
    std::shared_ptr<OpenFile> dropped;  // closed after the lock is gone
    const std::lock_guard lock(mutex_);
    const auto place = entries_.find(key_of(storage, file));
    if (place == entries_.end()) return;
    dropped = std::move(place->second.file);
    by_age_.erase(place->second.age);
    entries_.erase(place);
}

std::size_t FileTable::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

Status StorageFiles::write(FileIndex file, std::uint64_t offset, ByteView bytes) {
    BT_TRY_ASSIGN(const auto open_file, open(file, Purpose::Write));
    mark_written(file);
    while (!bytes.empty()) {
        const std::size_t count = std::min(bytes.size(), kWriteAtMost);
        const ssize_t n = pwrite(open_file->fd.get(), bytes.data(), count, static_cast<off_t>(offset));
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return fail(system_error(n < 0 ? errno : ENOSPC, "write " + path(file)));
        bytes = bytes.subspan(static_cast<std::size_t>(n));
        offset += static_cast<std::uint64_t>(n);
    }
    return {};
}

Result<std::size_t> StorageFiles::read(FileIndex file, std::uint64_t offset, MutableByteView into) {
    BT_TRY_ASSIGN(const auto open_file, open(file, Purpose::Read));
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t n =
            pread(open_file->fd.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return fail(system_error(errno, "read " + path(file)));
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return done;
}

Result<std::size_t> StorageFiles::read_if_in_memory(FileIndex file, std::uint64_t offset, MutableByteView into) {
    BT_TRY_ASSIGN(const auto open_file, open(file, Purpose::Read));
    const iovec part{into.data(), into.size()};
    const ssize_t n = preadv2(open_file->fd.get(), &part, 1, static_cast<off_t>(offset), RWF_NOWAIT);
    if (n >= 0) return static_cast<std::size_t>(n);
    if (errno == EAGAIN || errno == EINTR) {
        return fail(Error{ErrorCode::LimitReached, Fault::System, path(file) + " is not in memory", std::nullopt});
    }
    if (errno == EOPNOTSUPP || errno == ENOSYS) return read(file, offset, into);
    return fail(system_error(errno, "read " + path(file)));
}

void StorageFiles::advise(FileIndex file, std::uint64_t offset, std::uint64_t length) {
    const auto open_file = open(file, Purpose::Read);
    if (!open_file) return;
    posix_fadvise((*open_file)->fd.get(), static_cast<off_t>(offset), static_cast<off_t>(length), POSIX_FADV_WILLNEED);
}

Result<storage::FileStat> StorageFiles::stat(FileIndex file) {
    storage::FileStat result;
    struct stat status {};
    if (::stat(path(file).c_str(), &status) != 0) {
        if (errno == ENOENT || errno == ENOTDIR) return result;
        return fail(system_error(errno, "stat " + path(file)));
    }
    result.exists = true;
    result.is_regular = S_ISREG(status.st_mode);
    result.size = static_cast<std::uint64_t>(status.st_size);
    result.mtime_ns = std::int64_t{status.st_mtim.tv_sec} * 1'000'000'000 + status.st_mtim.tv_nsec;
    return result;
}

Status StorageFiles::make_empty(FileIndex file) {
    BT_TRY(open_file(path(file), access_, Purpose::Write));
    return {};
}

Status StorageFiles::truncate(FileIndex file, std::uint64_t length) {
    BT_TRY_ASSIGN(const auto open_file, open(file, Purpose::Write));
    mark_written(file);
    if (ftruncate(open_file->fd.get(), static_cast<off_t>(length)) != 0) {
        return fail(system_error(errno, "truncate " + path(file)));
    }
    return {};
}

Status StorageFiles::check_writable(FileIndex file) {
    if (access_ == storage::Access::ReadOnly) {
        return fail(local_error(ErrorCode::PermissionDenied, "write " + path(file) + ": the storage is read-only"));
    }
    // The file, or else the innermost of its folders that exists.
    std::string place = path(file);
    int mode = W_OK;
    while (faccessat(AT_FDCWD, place.c_str(), F_OK, AT_EACCESS) != 0) {
        if (errno != ENOENT) return fail(system_error(errno, "write " + path(file)));
        const std::size_t slash = place.find_last_of('/');
        place = slash == std::string::npos ? "." : slash == 0 ? "/" : place.substr(0, slash);
        mode = W_OK | X_OK;
    }
    if (faccessat(AT_FDCWD, place.c_str(), mode, AT_EACCESS) != 0) {
        return fail(system_error(errno, "write " + path(file)));
    }
    struct stat status {};
    const bool is_folder = ::stat(place.c_str(), &status) == 0 && S_ISDIR(status.st_mode);
    if (is_folder == (place == path(file))) {
        return fail(Error{ErrorCode::DiskError, Fault::System, "write " + path(file) + ": " + place + " is in the way",
                          std::nullopt});
    }
    return {};
}

Status StorageFiles::rename(FileIndex from, FileIndex to) {
    if (std::rename(path(from).c_str(), path(to).c_str()) != 0) {
        return fail(system_error(errno, "rename " + path(from) + " to " + path(to)));
    }
    table_->forget(id_, from);
    table_->forget(id_, to);
    const std::lock_guard lock(written_mutex_);
    if (written_.erase(from) > 0) written_.insert(to);
    return {};
}

void StorageFiles::mark_written(FileIndex file) {
    const std::lock_guard lock(written_mutex_);
    written_.insert(file);
}

Status StorageFiles::flush() {
    std::set<FileIndex> files;
    {
        const std::lock_guard lock(written_mutex_);
        files.swap(written_);
    }
    Status status;
    for (const FileIndex file : files) {
        const auto open_file = open(file, Purpose::Read);
        if (!open_file && open_file.error().code == ErrorCode::NotFound) continue;  // deleted meanwhile
        if (open_file && fdatasync((*open_file)->fd.get()) == 0) continue;
        if (status) {
            status = open_file ? fail(system_error(errno, "flush " + path(file))) : fail(open_file.error());
        }
        mark_written(file);
    }
    return status;
}

}  // namespace bt::net
