#pragma once

// Which files of a torrent are wanted, and how much: the grammar of --select and --priority, and of a magnet's so=
// (BEP 53). Pure.
//
// A selection is a list of items between commas, read from the left:
//   4        the file with this number; numbers start at 1, as `aria2c --select-file` has them and
//            `swarm-client info --files` shows them
//   2-5, 7-  a range, both ends included; an open one goes to the end
//   *.flac   a pattern: ? is one character, * any text without '/', ** any text. It is compared with the whole path,
//   with
//            the path below the torrent's folder, and, where it has no '/', with the file's name alone.
//   !ITEM    takes what ITEM names out again; a list that begins with one starts from all files
// A comma, a backslash or a leading '!' of a pattern is written behind a backslash. An item of digits and '-' is always
// a number. An empty selection is all files. A priority is "SELECTION=LEVEL", LEVEL one of skip, low, normal, high or 0
// … 7 (0 skips, 4 is normal); later ones rule over earlier ones and over the selection ("**=skip" and then "3=high" is
// a selection too). so= has numbers and ranges alone, and they start at 0: whoever made the link may count files that
// we lay out otherwise, so numbers beyond the last file are left out; what is no number at all is refused.
//
// Errors are InvalidArgument and name the item: an empty item, a backward range, a number beyond the last file, a
// pattern that no file has, an unknown level, nothing left to download. Those of so= are InvalidMagnet, fault Remote.
// Cost: O(items * files) comparisons.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/meta/metainfo.h"

namespace bt::meta {

inline constexpr std::uint8_t kPrioritySkip = 0;
inline constexpr std::uint8_t kPriorityLow = 1;
inline constexpr std::uint8_t kPriorityNormal = 4;
inline constexpr std::uint8_t kPriorityHigh = 7;

// One number for each file.
[[nodiscard]] Result<std::vector<std::uint8_t>> file_priorities(const std::vector<FileEntry>& files,
                                                                std::string_view select,
                                                                const std::vector<std::string>& priorities);
// The same from the so= of a magnet (Magnet::select_only); empty: all.
[[nodiscard]] Result<std::vector<std::uint8_t>> file_priorities_of_magnet(const std::vector<FileEntry>& files,
                                                                          std::string_view select_only);

// What can be said before the files are known: for the command line and for magnets.
[[nodiscard]] Status check_selection(std::string_view select);
[[nodiscard]] Status check_priority(std::string_view priority);

// Whether text has the form of the pattern, all of it.
[[nodiscard]] bool matches_pattern(std::string_view pattern, std::string_view text);

}  // namespace bt::meta
