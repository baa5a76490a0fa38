#pragma once

// What a download leaves beside the files of its torrent, and how those are called while they are unfinished.
//
//  - A file that is not finished has ".part" behind its name. Where the torrent has a file or folder of that name, its
//    number goes in between ("a.3.part"). meta::kMaxPathElement leaves room for both.
//  - The program's own files lie in the output folder, hidden: ".NAME.swarm-resume", ".NAME.swarm-parts" … with the
//    torrent's name. A name over kMaxHiddenName bytes is cut and gets the beginning of the info_hash. No torrent of
//    several files can reach them: its files are below the folder NAME. Names are cut between characters of UTF-8.
// Cost: O(n log n) for n files.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/types.h"
#include "common/meta/metainfo.h"
#include "common/storage/storage_spec.h"

namespace bt::storage {

inline constexpr std::size_t kMaxHiddenName = 200;

// At most max_bytes of it.
[[nodiscard]] std::string_view cut_name(std::string_view name, std::size_t max_bytes);

// OUTDIR/.NAME.KIND
[[nodiscard]] std::string hidden_path(const meta::Metainfo& metainfo, const std::string& outdir, std::string_view kind);

// For every file of the metainfo, all wanted.
[[nodiscard]] Placement placement_in(const meta::Metainfo& metainfo, const std::string& outdir);

}  // namespace bt::storage
