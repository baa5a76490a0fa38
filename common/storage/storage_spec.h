#pragma once

// How the content of one torrent lies on a disk: what a Disk port is told when it opens it.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/meta/metainfo.h"
#include "common/storage/existing.h"

namespace bt::storage {

enum class Access : std::uint8_t {
    ReadOnly,   // the seeder: never creates, never writes
    ReadWrite,  // the client: folders and files come into being when first written
};

// Names of what is not finished (common/storage/placed_files.h says when which is used).
struct Placement {
    std::vector<std::string> part_paths;  // of file i while it is incomplete: part_paths[i]
    std::string shared_path;              // pieces that wanted files share with others
    std::vector<bool> wanted;             // one a file; empty: all
};

// Path of file i is paths[i]. Lengths, pieces and hashes come from the metainfo.
struct StorageSpec {
    std::shared_ptr<const meta::Metainfo> metainfo;
    std::vector<std::string> paths;  // one per file of the metainfo, ready to open
    Access access = Access::ReadOnly;
    std::optional<Placement> placement = {};  // none: every file lies under its own name from its first byte on
};

// Paths below `outdir` as the metainfo names them.
[[nodiscard]] std::vector<std::string> paths_in(const meta::Metainfo& metainfo, const std::string& outdir);

// What a stat of one file says. A missing file is not an error.
struct FileStat {
    bool exists = false;
    bool is_regular = false;
    std::uint64_t size = 0;
    std::int64_t mtime_ns = 0;
    bool is_part = false;  // it is the unfinished file of a placement that was looked at

    // Whether the file may be the same, untouched: what it is called has no part in that.
    friend bool operator==(const FileStat& a, const FileStat& b) {
        return a.exists == b.exists && a.is_regular == b.is_regular && a.size == b.size && a.mtime_ns == b.mtime_ns;
    }
};

}  // namespace bt::storage
