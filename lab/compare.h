#pragma once

// Byte for byte: is what a client downloaded the original?

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/meta/metainfo.h"

namespace bt::lab {

inline constexpr std::size_t kMaxDifferences = 20;  // named; the rest is counted

struct Comparison {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
    std::uint64_t different = 0;           // files that differ, are missing or should not be there
    std::vector<std::string> differences;  // "notes/a.txt: differs at byte 17"

    [[nodiscard]] bool identical() const { return different == 0 && files > 0; }
};

// Every regular file of the original and every file of the torrent must be in both, with the same bytes; a file that
// only `copy` has is a difference too. Without empty_files those of no bytes may be missing. `copy` and `original` are
// the content's top: a folder, or a single file.
[[nodiscard]] Result<Comparison> compare_content(const std::filesystem::path& original,
                                                 const std::filesystem::path& copy, const meta::Metainfo& metainfo,
                                                 bool empty_files = true);

}  // namespace bt::lab
