#pragma once

// How many bytes a second lately: a window of 5 s in half-second buckets; time is handed in. Before the window has
// filled, the mean since the first byte (at least 0.5 s) is given. O(1) a call, 100 bytes a meter.

#include <array>
#include <cstdint>

#include "common/base/time.h"

namespace bt::transport {

class RateMeter {
  public:
    void add(std::uint64_t bytes, TimePoint now);
    [[nodiscard]] std::uint64_t rate_bytes_per_s(TimePoint now) const;
    [[nodiscard]] std::uint64_t total_bytes() const { return total_; }

  private:
    static constexpr std::size_t kBuckets = 10;
    static constexpr Duration kBucketLength = milliseconds(500);

    std::array<std::uint64_t, kBuckets> buckets_{};
    std::int64_t newest_ = 0;   // number of the newest bucket since the epoch
    std::int64_t first_ = -1;   // number of the bucket of the first byte; -1: none yet
    std::uint64_t total_ = 0;
};

}  // namespace bt::transport
