#include "common/transport/token_bucket.h"

#include <algorithm>

namespace bt::transport {
namespace {

constexpr std::uint64_t kNanoseconds = 1'000'000'000;
// Saved up or owed: far beyond what a rate can move, far below the end of the number.
constexpr std::uint64_t kLargestLevel = std::uint64_t{1} << 60;

}  // namespace

void TokenBucket::set_rate(std::uint64_t bytes_per_s, TimePoint now) {
    refill(now);
    if (rate_ == 0) level_ = 0;
    rate_ = std::min(bytes_per_s, kLargestRate);
    carry_ = 0;
    filled_until_ = now;
    level_ = std::min(level_, static_cast<std::int64_t>(burst()));
}

std::uint64_t TokenBucket::burst() const { return rate_ / 4 + least_grant(); }

std::uint64_t TokenBucket::least_grant() const { return std::min(kLeastGrant, rate_); }

void TokenBucket::refill(TimePoint now) {
    if (rate_ == 0 || now <= filled_until_) return;
    const auto passed = static_cast<std::uint64_t>((now - filled_until_).count());
    filled_until_ = now;
    const std::uint64_t fraction = rate_ * (passed % kNanoseconds) + carry_;  // below 2^64 for every rate allowed
    carry_ = fraction % kNanoseconds;
    const std::uint64_t whole = std::min(passed / kNanoseconds, kLargestLevel / rate_) * rate_;
    level_ += static_cast<std::int64_t>(whole + fraction / kNanoseconds);
    level_ = std::min(level_, static_cast<std::int64_t>(burst()));
}

std::uint64_t TokenBucket::available(TimePoint now) {
    if (rate_ == 0) return UINT64_MAX;
    refill(now);
    return level_ > 0 ? static_cast<std::uint64_t>(level_) : 0;
}

void TokenBucket::take(std::uint64_t bytes) {
    if (rate_ == 0) return;
    const std::int64_t lowest = -static_cast<std::int64_t>(kLargestLevel);
    level_ = std::max(level_ - static_cast<std::int64_t>(std::min(bytes, kLargestLevel)), lowest);
}

void TokenBucket::give_back(std::uint64_t bytes) {
    if (rate_ == 0) return;
    level_ += static_cast<std::int64_t>(std::min(bytes, kLargestLevel));
    level_ = std::min(level_, static_cast<std::int64_t>(burst()));
}

TimePoint TokenBucket::ready_at(std::uint64_t bytes, TimePoint now) {
    if (rate_ == 0) return now;
    refill(now);
    const std::int64_t missing = static_cast<std::int64_t>(std::min(bytes, burst())) - level_;
    if (missing <= 0) return now;
    const auto wanted = static_cast<std::uint64_t>(missing);
    const std::uint64_t seconds_whole = wanted / rate_;
    // A year is as good as any later time, and does not overflow.
    constexpr std::uint64_t kLongest = 365 * 86'400;
    if (seconds_whole >= kLongest) return now + seconds(kLongest);
    const std::uint64_t rest = (wanted % rate_) * kNanoseconds;
    const std::uint64_t nanoseconds = rest > carry_ ? (rest - carry_ + rate_ - 1) / rate_ : 0;
    return now + seconds(seconds_whole) + Duration(static_cast<Duration::rep>(nanoseconds));
}

}  // namespace bt::transport
