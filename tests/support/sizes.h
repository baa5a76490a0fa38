#pragma once

#include <cstdint>

namespace bt::test_size {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

}  // namespace bt::test_size
