#pragma once

// What a torrent may call its files. A path from outside must stay below the output folder, must show on a terminal as
// what it is, and must not collide with another one.

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "common/meta/metainfo.h"

namespace bt::meta {

// Why this name cannot be an element of a path ("is empty", "contains a separator", …); null when it can.
[[nodiscard]] const char* path_element_problem(std::string_view element);

struct PathClash {
    std::size_t first = 0;  // indices of the files
    std::size_t second = 0;
    bool is_folder = false;  // one is a folder of the other; else both are the same path
};

// Two files that cannot both exist, if there are any. Cost: O(n log n) comparisons, no copy of the paths.
[[nodiscard]] std::optional<PathClash> find_path_clash(const std::vector<FileEntry>& files);

// True when two paths clash on a file system that ignores the case of ASCII letters.
[[nodiscard]] bool has_case_clash(const std::vector<FileEntry>& files);

}  // namespace bt::meta
