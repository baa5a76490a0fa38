#pragma once

// A file system in memory: what survives when a simulated node is killed. Folders are implied by the files in them
// unless a test puts one in the way. Content is held in 16 KiB units that exist once something was written to them;
// they are what the capacity counts, so files may have holes, as on a disk.
// Cost: O(log files) a call, and the bytes moved.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/time.h"
#include "common/storage/storage_spec.h"

namespace bt::sim {

class SimFiles {
  public:
    static constexpr std::size_t kUnit = 16 * 1024;

    // Units that do not fit any more end a write with DiskFull; what fitted before is written, as write() does it.
    void set_capacity(std::uint64_t bytes) { capacity_ = bytes; }
    [[nodiscard]] std::uint64_t capacity() const { return capacity_; }
    [[nodiscard]] std::uint64_t used() const { return used_; }

    Status write(const std::string& path, std::uint64_t offset, ByteView bytes, TimePoint now);
    // Fewer bytes than asked for only at the end of the file; holes read as zeros.
    [[nodiscard]] Result<std::size_t> read(const std::string& path, std::uint64_t offset, MutableByteView into) const;
    [[nodiscard]] Result<storage::FileStat> stat(const std::string& path) const;
    Status make_empty(const std::string& path, TimePoint now);
    Status truncate(const std::string& path, std::uint64_t length, TimePoint now);
    // Replaces the content whole, or leaves the old one.
    Status replace(const std::string& path, ByteView bytes, TimePoint now);
    // Replaces what is there.
    Status rename(const std::string& from, const std::string& to);
    Status remove(const std::string& path);
    [[nodiscard]] Status check_writable(const std::string& path) const;

    [[nodiscard]] Result<ByteBuffer> read_all(const std::string& path) const;
    [[nodiscard]] std::vector<std::string> paths() const;

    // Scripts.
    void make_folder(const std::string& path) { folders_[path] = true; }
    // From now on every access to the file fails with this errno value; 0: no more.
    void set_fault(const std::string& path, int errno_value);
    // Inverts bytes that exist, without touching size or time: what a failing disk does.
    void corrupt(const std::string& path, std::uint64_t offset, std::uint64_t count);

    void check_invariants() const;

  private:
    struct File {
        std::uint64_t size = 0;
        std::int64_t mtime_ns = 0;
        std::vector<std::unique_ptr<Byte[]>> units;
    };

    [[nodiscard]] Status check_access(const std::string& path) const;
    Result<Byte*> unit_for_write(File& file, std::uint64_t index, const std::string& path);
    void cut_units(File& file, std::uint64_t count);

    std::map<std::string, File> files_;
    std::map<std::string, bool> folders_;
    std::map<std::string, int> faults_;
    std::uint64_t capacity_ = UINT64_MAX;
    std::uint64_t used_ = 0;
};

}  // namespace bt::sim
