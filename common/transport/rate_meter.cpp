#include "common/transport/rate_meter.h"

#include <algorithm>

namespace bt::transport {
namespace {

std::int64_t bucket_number(TimePoint now, Duration length) { return now.time_since_epoch() / length; }

}  // namespace

void RateMeter::add(std::uint64_t bytes, TimePoint now) {
    total_ += bytes;
    const std::int64_t number = bucket_number(now, kBucketLength);
    if (first_ < 0) {
        first_ = number;
        newest_ = number;
    }
    // Empty the buckets that time has passed over.
    for (std::int64_t n = std::max(newest_ + 1, number - static_cast<std::int64_t>(kBuckets) + 1); n <= number; ++n) {
        buckets_[static_cast<std::size_t>(n) % kBuckets] = 0;
    }
    newest_ = std::max(newest_, number);
    buckets_[static_cast<std::size_t>(newest_) % kBuckets] += bytes;
}

std::uint64_t RateMeter::rate_bytes_per_s(TimePoint now) const {
    if (first_ < 0) return 0;
    const std::int64_t number = std::max(bucket_number(now, kBucketLength), newest_);
    const std::int64_t oldest = number - static_cast<std::int64_t>(kBuckets) + 1;
    std::uint64_t sum = 0;
    for (std::int64_t n = std::max(oldest, newest_ - static_cast<std::int64_t>(kBuckets) + 1); n <= newest_; ++n) {
        if (n >= 0) sum += buckets_[static_cast<std::size_t>(n) % kBuckets];
    }
    // The window in half-seconds: up to now, not reaching back before the first byte.
    const Duration start = kBucketLength * std::max(oldest, first_);
    const Duration window = std::max(now.time_since_epoch() - start, Duration(milliseconds(500)));
    return static_cast<std::uint64_t>(static_cast<double>(sum) / to_seconds(window));
}

}  // namespace bt::transport
