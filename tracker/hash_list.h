#pragma once

// A list of info_hashes, and the text form that a file of them has: one of 40 hex digits a line; empty lines, spaces
// around and what stands behind '#' do not count.

#include <cstdint>
#include <string_view>
#include <unordered_set>

#include "common/base/result.h"
#include "common/base/types.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxHashList = 1'000'000;

// An info_hash is a hash already; from the list of an owner, not of strangers.
struct InfoHashHash {
    std::size_t operator()(const InfoHash& info_hash) const noexcept;
};
using HashList = std::unordered_set<InfoHash, InfoHashHash>;

// 40 hex digits, in either case.
[[nodiscard]] std::optional<InfoHash> parse_info_hash(std::string_view text);

// Adds to `out`. Error: InvalidConfig (local), "LINE: what is wrong", also beyond kMaxHashList entries in `out`.
[[nodiscard]] Status parse_hash_list(std::string_view text, HashList& out);

}  // namespace bt::tracker
