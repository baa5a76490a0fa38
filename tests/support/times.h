#pragma once

// Moments of a test, counted from its start.

#include <cstdint>

#include "common/base/time.h"

namespace bt::test_time {

inline constexpr TimePoint kStart{};

[[nodiscard]] inline TimePoint at(double s) { return TimePoint(from_seconds(s)); }
[[nodiscard]] constexpr TimePoint at_ms(std::int64_t ms) { return TimePoint(milliseconds(ms)); }

}  // namespace bt::test_time
