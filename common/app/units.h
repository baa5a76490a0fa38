#pragma once

// Amounts as people write them, on command lines and in configuration files.
//
//   sizes      "65536", "500k", "8 MiB", "1.5GB": k, M, G, T are powers of 1000, Ki, Mi, Gi, Ti of 1024; the B may be
//   left out
//              and letter case does not matter
//   rates      the same, with "/s" behind it or not
//   durations  "90" (seconds), "1.5", "250ms", "5m", "1h30m", "2d"
// Errors are InvalidArgument and quote the text. Nothing here is negative; sizes are below 2^63, durations at most ten
// years.

#include <cstdint>
#include <string_view>

#include "common/base/result.h"
#include "common/base/time.h"

namespace bt::app {

inline constexpr Duration kLongestDuration = std::chrono::hours(24 * 3650);

[[nodiscard]] Result<std::uint64_t> parse_size(std::string_view text);
[[nodiscard]] Result<std::uint64_t> parse_rate(std::string_view text);
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);

}  // namespace bt::app
