#pragma once

// Which files of a torrent are wanted, and how much: the grammar of --select and --priority, pure.
//
// A selection is a list of items between commas; a file is selected when one of them names it:
//   4        the file with this number; numbers start at 0, as `swarm-client info --files` and so= of magnets have them
//   2-5, 7-  a range, both ends included; an open one goes to the end
//   *.flac   a pattern: * is any text, ? one character. It is compared with the whole path, with the path below the
//            torrent's folder, and, where it has no '/', with the file's name alone.
// A comma or backslash in a pattern is written behind a backslash. An item of digits and '-' is always a number.
// A priority is "SELECTION=WORD", WORD one of skip, low, normal, high; later ones rule over earlier ones and over the
// selection ("*=skip" and then "3=high" is a selection too).
// Errors are InvalidArgument and name the item: no item, a backward range, a number beyond the last file, a pattern
// that no file has, an unknown word, nothing left to download.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/meta/metainfo.h"

namespace bt::client {

inline constexpr std::uint8_t kPrioritySkip = 0;
inline constexpr std::uint8_t kPriorityLow = 1;
inline constexpr std::uint8_t kPriorityNormal = 4;
inline constexpr std::uint8_t kPriorityHigh = 7;

// One number for each file. An empty selection is all files.
[[nodiscard]] Result<std::vector<std::uint8_t>> file_priorities(const std::vector<meta::FileEntry>& files,
                                                                std::string_view select,
                                                                const std::vector<std::string>& priorities);

// What can be said before the files are known: for the command line and for magnets.
[[nodiscard]] Status check_selection(std::string_view select);
[[nodiscard]] Status check_priority(std::string_view priority);

// Whether text has the form of the pattern, all of it.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace bt::client
