#pragma once

// Where the bytes of each file of a torrent lie while it is being downloaded: FileAccess over the files by their paths.
// Every file has a home:
//   Final   its own name: finished, or found there when the torrent was started
//   Part    NAME.part: wanted and unfinished
//   Shared  not wanted: only bytes of pieces that it shares with other files are kept, all of them in one hidden file,
//           so that a selection leaves no stray files
// Without a placement in the spec every home is Final, and nothing here costs anything.
//
//  - prepare() looks what is there. A file under its own name is used in place, one that is not wanted only where its
//    length is right (it may be something else); then NAME.part; both are checked by their owner piece by piece.
//  - finish() renames Part to Final. The owner calls it when a file's last piece is verified.
//  - select() gives homes to files that became wanted: their share of the hidden file is copied out. A file that is
//    not wanted any more keeps what it has; where it has nothing yet, it becomes Shared.
//  - In the hidden file the k-th piece of those that touch more than one file lies at k * piece length, whatever is
//    wanted: no change of selection moves it.
//  - A piece of a file that is Shared which no other file has a part in (it was asked for before the selection
//    changed) makes the file Part.
// The base has the file's own names at [0, n), the part names at [n, 2n), the hidden file at 2n.
// Any thread. Readers and writers hold the homes (shared) while they are at a file, so that a rename never meets a
// write that is about to open the old name. A call's bytes lie in one piece.
// Cost: one shared lock and O(log straddling pieces) a call where there is a placement.

#include <cstdint>
#include <optional>
#include <shared_mutex>
#include <vector>

#include "common/base/result.h"
#include "common/meta/metainfo.h"
#include "common/storage/piece_io.h"
#include "common/storage/storage_spec.h"

namespace bt::storage {

enum class Home : std::uint8_t { Final, Part, Shared };

class BaseFiles : public FileAccess {
  public:
    // Gives the file the other's path, and replaces what is there.
    virtual Status rename(FileIndex from, FileIndex to) = 0;
};

// The paths that the base of PlacedFiles is made of.
[[nodiscard]] std::vector<std::string> base_paths(const StorageSpec& spec);

class PlacedFiles final : public FileAccess {
  public:
    // Both outlive it.
    PlacedFiles(const StorageSpec& spec, BaseFiles& base);

    // Nothing is changed unless every wanted file passed its check. Makes empty files, cuts what is too long.
    [[nodiscard]] Status prepare(Existing existing = Existing::Use);
    // One stat a file, and behind them the hidden file's where there is a placement.
    [[nodiscard]] Result<std::vector<FileStat>> inspect();
    [[nodiscard]] Status select(std::vector<bool> wanted);
    [[nodiscard]] Status finish(const std::vector<FileIndex>& files);

    Status write(FileIndex file, std::uint64_t offset, ByteView bytes) override;
    Result<std::size_t> read(FileIndex file, std::uint64_t offset, MutableByteView into) override;
    Result<FileStat> stat(FileIndex file) override;
    Status make_empty(FileIndex file) override;
    Status truncate(FileIndex file, std::uint64_t length) override;
    Status check_writable(FileIndex file) override;

    // A place in the base. No file moves while it lives.
    struct Place {
        FileIndex file;
        std::uint64_t offset = 0;
        std::shared_lock<std::shared_mutex> held;
    };
    // Nothing: there is no such byte (a piece of a file that is not wanted).
    [[nodiscard]] std::optional<Place> locate(FileIndex file, std::uint64_t offset) const;
    // The same for a thread that must not wait; `busy` where it would have to.
    [[nodiscard]] std::optional<Place> try_locate(FileIndex file, std::uint64_t offset, bool& busy) const;
    // No file moves while it lives.
    [[nodiscard]] std::shared_lock<std::shared_mutex> hold() const;

    [[nodiscard]] Home home_of(FileIndex file) const;

  private:
    using Lock = std::shared_lock<std::shared_mutex>;

    [[nodiscard]] std::uint32_t file_count() const { return metainfo_->file_map().file_count(); }
    [[nodiscard]] FileIndex part(FileIndex file) const { return FileIndex(file_count() + file.value()); }
    [[nodiscard]] FileIndex shared() const { return FileIndex(2 * file_count()); }
    [[nodiscard]] FileIndex at_home(FileIndex file) const;
    [[nodiscard]] bool is_wanted(FileIndex file) const { return wanted_.empty() || wanted_[file.value()]; }
    [[nodiscard]] std::optional<std::uint64_t> place_in_shared(std::uint64_t torrent_offset) const;
    [[nodiscard]] std::optional<Place> locate(FileIndex file, std::uint64_t offset, Lock held) const;
    // With the homes held alone:
    [[nodiscard]] Result<Home> choose_home(FileIndex file);
    [[nodiscard]] Status refuse_existing();
    [[nodiscard]] Status discard();
    [[nodiscard]] Status check_home(FileIndex file, Home home);
    [[nodiscard]] Status move_in(FileIndex file, Home home);
    [[nodiscard]] Status copy_from_shared(FileIndex file);
    [[nodiscard]] Status bring_out(FileIndex file);

    const meta::Metainfo* metainfo_;
    BaseFiles* base_;
    std::vector<bool> wanted_;
    std::vector<Home> homes_;                // empty: no placement
    std::vector<std::uint32_t> straddling_;  // pieces that touch several files, in order
    mutable std::shared_mutex mutex_;        // of homes_ and wanted_
};

}  // namespace bt::storage
