#pragma once

// Numbers in bencoded messages that count something. Pure.

#include <algorithm>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

#include "common/meta/bencode.h"

namespace bt::wire {

// Nothing where the key is missing, no integer or negative.
[[nodiscard]] inline std::optional<std::uint64_t> find_count(const meta::BencodeNode& node, std::string_view key) {
    const auto value = node.find_integer(key);
    if (!value || *value < 0) return std::nullopt;
    return static_cast<std::uint64_t>(*value);
}

// What bencode writes: our numbers never reach the sign bit; a larger one is clamped rather than written as negative.
[[nodiscard]] inline std::int64_t to_signed(std::uint64_t value) {
    return static_cast<std::int64_t>(std::min<std::uint64_t>(value, std::numeric_limits<std::int64_t>::max()));
}

}  // namespace bt::wire
