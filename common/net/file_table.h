#pragma once

// Open files of all storages of one disk: at most kMaxOpenFiles, the least recently used is closed first. Any thread.
//
//  - A ReadOnly storage opens O_RDONLY. A ReadWrite one opens O_RDWR, and makes the file (0666) and its folders (0777)
//    on the first write; never O_TRUNC.
//  - Only regular files: opening a FIFO could wait for ever, and a folder has no bytes.
//  - A descriptor lives as long as somebody uses it, even when the table has dropped it.

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "common/net/socket.h"
#include "common/storage/placed_files.h"

namespace bt::net {

inline constexpr std::size_t kMaxOpenFiles = 256;

struct OpenFile {
    Fd fd;
    bool writable = false;
};

enum class Purpose : std::uint8_t { Read, Write };

// Makes the folders that `path` lies in.
[[nodiscard]] Status make_folders_of(const std::string& path);

class FileTable {
  public:
    // The file of this storage, opened where needed. Read of a missing file: NotFound.
    [[nodiscard]] Result<std::shared_ptr<OpenFile>> open(StorageId storage, FileIndex file, const std::string& path,
                                                         storage::Access access, Purpose purpose);
    // Only when it is open already.
    [[nodiscard]] std::shared_ptr<OpenFile> find(StorageId storage, FileIndex file);
    void forget(StorageId storage);
    void forget(StorageId storage, FileIndex file);
    [[nodiscard]] std::size_t size() const;

  private:
    using Key = std::uint64_t;
    struct Entry {
        std::shared_ptr<OpenFile> file;
        std::list<Key>::iterator age;
    };
    static Key key_of(StorageId storage, FileIndex file) {
        return (std::uint64_t{storage.value()} << 32) | file.value();
    }

    mutable std::mutex mutex_;
    std::unordered_map<Key, Entry> entries_;
    std::list<Key> by_age_;  // most recently used first
};

// The files of one storage, by their place in storage::base_paths. Any thread.
class StorageFiles final : public storage::BaseFiles {
  public:
    StorageFiles(StorageId id, const storage::StorageSpec& spec, std::shared_ptr<FileTable> table)
        : id_(id), access_(spec.access), paths_(storage::base_paths(spec)), table_(std::move(table)) {}
    ~StorageFiles() override { table_->forget(id_); }
    StorageFiles(const StorageFiles&) = delete;
    StorageFiles& operator=(const StorageFiles&) = delete;

    Status write(FileIndex file, std::uint64_t offset, ByteView bytes) override;
    Result<std::size_t> read(FileIndex file, std::uint64_t offset, MutableByteView into) override;
    Result<storage::FileStat> stat(FileIndex file) override;
    Status make_empty(FileIndex file) override;
    Status truncate(FileIndex file, std::uint64_t length) override;
    Status check_writable(FileIndex file) override;
    Status rename(FileIndex from, FileIndex to) override;

    // fdatasync of every file written since the last flush. Not while one is renamed.
    [[nodiscard]] Status flush();

    // Only what is in memory: LimitReached when the first byte is not, so that the loop never waits for a device.
    // File systems that cannot tell are read at once.
    [[nodiscard]] Result<std::size_t> read_if_in_memory(FileIndex file, std::uint64_t offset, MutableByteView into);
    // Reads ahead without waiting.
    void advise(FileIndex file, std::uint64_t offset, std::uint64_t length);

    [[nodiscard]] StorageId id() const { return id_; }

  private:
    [[nodiscard]] const std::string& path(FileIndex file) const { return paths_[file.value()]; }
    [[nodiscard]] Result<std::shared_ptr<OpenFile>> open(FileIndex file, Purpose purpose) {
        return table_->open(id_, file, path(file), access_, purpose);
    }
    void mark_written(FileIndex file);

    StorageId id_;
    storage::Access access_;
    std::vector<std::string> paths_;
    std::shared_ptr<FileTable> table_;
    std::mutex written_mutex_;
    std::set<FileIndex> written_;  // since the last flush
};

}  // namespace bt::net
