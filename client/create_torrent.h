#pragma once

// A .torrent of a file or folder, as bytes: `swarm-client create` without the command line.
//
// Rules
//  - The same tree gives the same torrent: files in the byte order of their paths, no date unless one is given.
//  - Whatever can be refused is refused before anything is hashed: no such path, neither file nor folder, not one byte,
//    a name that no client would accept, a piece length that makes too many pieces, a URL that is none.
//  - Symbolic links, sockets, devices and FIFOs are left out, and named in `warnings`; so are hidden clashes of names
//    that differ only in case. Patterns of `exclude` (`*` within a path element, `**` across them, `?` one byte) are
//    held against the path below the folder and against each file's own name.
//  - A file that changes while it is read is an error (WrongSize): the torrent would describe what never was.
// Errors: InvalidArgument, NotFound, PermissionDenied, DiskError, WrongSize; the detail names the file.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/types.h"

namespace bt::client {

struct CreateOptions {
    std::string path;
    std::string name;                        // empty: that of the file or folder
    std::vector<std::string> exclude;        // patterns
    std::vector<std::string> exclude_paths;  // files that are not content: the torrent that is being written
    std::vector<std::vector<std::string>> tracker_tiers;
    std::vector<std::string> web_seeds;
    std::optional<std::uint32_t> piece_length;  // nothing: by size
    std::string comment;
    std::string source;
    std::string created_by;
    bool is_private = false;
    std::optional<std::int64_t> creation_date;
    std::uint32_t threads = 0;  // 0: every core
    std::function<void(std::uint64_t bytes_done, std::uint64_t bytes_total)> progress;
};

struct CreatedTorrent {
    ByteBuffer bytes;
    InfoHash info_hash{};
    std::string name;
    std::size_t file_count = 0;
    std::uint64_t total_length = 0;
    std::uint32_t piece_length = 0;
    std::uint32_t piece_count = 0;
    std::vector<std::string> warnings;
};

[[nodiscard]] Result<CreatedTorrent> create_torrent(const CreateOptions& options);

// Whether `pattern` covers all of `text`; see above.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace bt::client
