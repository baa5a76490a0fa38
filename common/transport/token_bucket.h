#pragma once

// One rate limit: bytes are earned with time and taken when they move. Pure: time is handed in and never goes back.
//
//  - What may have been taken by the time t behind a change of rate: rate * t + burst(), never a byte more (but for
//  take()
//    beyond what was there).
//  - Bytes that nobody takes are kept up to burst(): a quarter of a second's worth, so that a late timer costs no rate
//    and an idle time is not made up for by a flood; and 1 KiB (at most a second's worth) on top, so that slow limits
//    can be given away in pieces worth a system call.
//  - take() may take more than there is (what was read cannot be put back into the socket): the debt is paid first.
//  - A new limit begins with nothing saved up; of a changed one no more is kept than its burst().
// Cost: O(1). Exact to the nanosecond-byte, nothing is lost by rounding.

#include <cstdint>

#include "common/base/time.h"

namespace bt::transport {

class TokenBucket {
  public:
    static constexpr std::uint64_t kLeastGrant = 1024;                // worth a wake-up
    static constexpr std::uint64_t kLargestRate = 10'000'000'000ULL;  // higher ones are as good as this one

    void set_rate(std::uint64_t bytes_per_s, TimePoint now);  // 0: no limit
    [[nodiscard]] std::uint64_t rate() const { return rate_; }
    [[nodiscard]] bool is_limited() const { return rate_ != 0; }
    [[nodiscard]] std::uint64_t burst() const;

    // UINT64_MAX without a limit.
    [[nodiscard]] std::uint64_t available(TimePoint now);
    void take(std::uint64_t bytes);
    void give_back(std::uint64_t bytes);  // taken before, and not moved
    // When `bytes` (at most burst()) are there, if nobody takes any: `now` when they are.
    [[nodiscard]] TimePoint ready_at(std::uint64_t bytes, TimePoint now);
    // What is worth waiting for: kLeastGrant, or a second's worth of a slower limit.
    [[nodiscard]] std::uint64_t least_grant() const;

  private:
    void refill(TimePoint now);

    std::uint64_t rate_ = 0;
    std::int64_t level_ = 0;   // bytes that may be taken; below 0: debt
    std::uint64_t carry_ = 0;  // byte-nanoseconds that are not a byte yet, below 1e9
    TimePoint filled_until_{};
};

}  // namespace bt::transport
