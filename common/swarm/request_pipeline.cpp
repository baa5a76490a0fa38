#include "common/swarm/request_pipeline.h"

#include <algorithm>

#include "common/base/check.h"

namespace bt::swarm {
namespace {

constexpr std::size_t kSmallestRing = 16;
constexpr int kWays = 10;

}  // namespace

RequestPipeline::RequestPipeline(PipelineSettings settings)
    : settings_(settings),
      limit_(std::max(settings.max_depth, std::uint32_t{1})),
      slow_start_depth_(settings.initial_depth) {}

void RequestPipeline::set_peer_limit(std::uint32_t reqq) { limit_ = std::clamp(reqq, 2u, kLargestPeerLimit + 1) - 1; }

std::uint32_t RequestPipeline::room(TimePoint now) const {
    const std::uint32_t wanted = depth(now);
    return wanted > outstanding_ ? wanted - outstanding_ : 0;
}

std::uint32_t RequestPipeline::depth(TimePoint now) const {
    if (is_snubbed(now)) return 1;
    if (!slow_start_) {
        const bool is_fresh = cached_at_ && now - *cached_at_ < kDepthAge;
        return is_fresh ? std::min(cached_depth_, limit_) : depth_by_rate(now);
    }
    return std::min(std::max(slow_start_depth_, settings_.min_depth), limit_);
}

std::uint32_t RequestPipeline::short_depth(TimePoint now) const {
    if (!least_latency_) return depth(now);
    const double part = to_seconds(kShortQueue + kWays * *least_latency_) / to_seconds(settings_.queue_time);
    return std::max(static_cast<std::uint32_t>(std::min(part, 1.0) * depth(now)), std::uint32_t{1});
}

std::uint32_t RequestPipeline::surplus(TimePoint now) const {
    if (outstanding_ <= kSendBuffer) return 0;
    const double soon = static_cast<double>(rate_.rate_bytes_per_s(now)) * to_seconds(kNotWorthMoving) / kBlockSize;
    const double kept = std::max<double>(soon, kSendBuffer);
    return kept < outstanding_ ? outstanding_ - static_cast<std::uint32_t>(kept) : 0;
}

std::vector<BlockRequest> RequestPipeline::youngest(std::size_t among, std::size_t count,
                                                    const std::function<bool(const BlockRequest&)>& wanted) const {
    std::vector<BlockRequest> found;
    for (std::uint64_t number = tail_; number != head_ && among > 0 && found.size() < count; --number) {
        const BlockRequest& request = slot(number - 1).request;
        if (request.length == 0) continue;
        --among;
        if (wanted(request)) found.push_back(request);
    }
    return found;
}

std::uint32_t RequestPipeline::depth_by_rate(TimePoint now) const {
    const double bytes = static_cast<double>(rate_.rate_bytes_per_s(now)) * to_seconds(settings_.queue_time);
    const double blocks = std::min(bytes / kBlockSize + 1, static_cast<double>(limit_));
    return std::min(std::max(static_cast<std::uint32_t>(blocks), settings_.min_depth), limit_);
}

void RequestPipeline::on_requested(const BlockRequest& request, TimePoint now) {
    BT_CHECK(request.length > 0);
    make_place();
    slot(tail_++) = {request, now};
    ++outstanding_;
    if (!waiting_since_) waiting_since_ = now;
}

bool RequestPipeline::on_block(const BlockRequest& request, TimePoint now) {
    const std::optional<std::uint64_t> number = find(request);
    if (!number) return false;
    if (is_snubbed(now)) slow_start_ = false;
    const Duration latency = now - slot(*number).sent_at;
    least_latency_ = std::min(least_latency_.value_or(latency), latency);
    remove(*number);
    overtaken_ = std::max(overtaken_, *number);
    last_block_at_ = now;
    stop_waiting();
    if (outstanding_ > 0) waiting_since_ = now;
    rate_.add(request.length, now);
    if (slow_start_) judge_slow_start(request.length, now);
    if (!slow_start_ && (!cached_at_ || now - *cached_at_ >= kDepthAge)) {
        cached_depth_ = depth_by_rate(now);
        cached_at_ = now;
    }
    return true;
}

bool RequestPipeline::on_dropped(const BlockRequest& request) {
    const std::optional<std::uint64_t> number = find(request);
    if (!number) return false;
    remove(*number);
    if (outstanding_ == 0) stop_waiting();
    return true;
}

std::vector<BlockRequest> RequestPipeline::take_all() {
    std::vector<BlockRequest> taken;
    taken.reserve(outstanding_);
    for (; head_ != tail_; ++head_) {
        if (slot(head_).request.length > 0) taken.push_back(slot(head_).request);
    }
    outstanding_ = 0;
    stop_waiting();
    slow_start_ = true;
    slow_start_depth_ = settings_.initial_depth;
    second_began_at_.reset();
    bytes_last_second_.reset();
    return taken;
}

std::vector<BlockRequest> RequestPipeline::take_expired(TimePoint now) {
    std::vector<BlockRequest> taken;
    snub_seen_ = is_snubbed(now);
    const TimePoint sent_before = now - settings_.request_timeout;
    const bool is_silent = !last_block_at_ || *last_block_at_ <= sent_before;
    // Requests stand in the order of their age, so the expired ones are at the head.
    while (outstanding_ > 0 && slot(head_).sent_at <= sent_before && (is_silent || head_ < overtaken_)) {
        taken.push_back(slot(head_).request);
        remove(head_);
    }
    return taken;
}

bool RequestPipeline::is_snubbed(TimePoint now) const {
    return waiting_since_ && now - *waiting_since_ >= settings_.snub_after;
}

TimePoint RequestPipeline::next_deadline() const {
    TimePoint deadline = kNever;
    if (outstanding_ > 0) {
        TimePoint since = slot(head_).sent_at;
        if (head_ >= overtaken_ && last_block_at_) since = std::max(since, *last_block_at_);
        deadline = since + settings_.request_timeout;
    }
    if (waiting_since_ && !snub_seen_) deadline = std::min(deadline, *waiting_since_ + settings_.snub_after);
    return deadline;
}

std::uint64_t RequestPipeline::rate_bytes_per_s(TimePoint now) const { return rate_.rate_bytes_per_s(now); }

void RequestPipeline::stop_waiting() {
    waiting_since_.reset();
    snub_seen_ = false;
}

std::optional<std::uint64_t> RequestPipeline::find(const BlockRequest& request) const {
    for (std::uint64_t number = head_; number != tail_; ++number) {
        if (slot(number).request == request) return number;
    }
    return std::nullopt;
}

void RequestPipeline::remove(std::uint64_t number) {
    slot(number).request.length = 0;
    --outstanding_;
    while (head_ != tail_ && slot(head_).request.length == 0) ++head_;
}

// A full ring is closed up if a quarter of it is gaps, else doubled.
void RequestPipeline::make_place() {
    if (tail_ - head_ < ring_.size()) return;
    const bool has_gaps = outstanding_ <= ring_.size() - ring_.size() / 4;
    std::vector<Slot> larger;
    if (!has_gaps || ring_.empty()) larger.resize(std::max(ring_.size() * 2, kSmallestRing));
    std::uint64_t to = head_;
    std::uint64_t overtaken = head_;
    for (std::uint64_t from = head_; from != tail_; ++from) {
        if (slot(from).request.length == 0) continue;
        if (from < overtaken_) overtaken = to + 1;
        Slot& target = larger.empty() ? slot(to) : larger[to & (larger.size() - 1)];
        target = slot(from);
        ++to;
    }
    if (!larger.empty()) ring_.swap(larger);
    tail_ = to;
    overtaken_ = overtaken;
}

void RequestPipeline::judge_slow_start(std::uint32_t bytes, TimePoint now) {
    if (slow_start_depth_ < limit_) ++slow_start_depth_;
    if (!second_began_at_) {
        second_began_at_ = now;
        bytes_this_second_ = 0;
    }
    if (now - *second_began_at_ >= seconds(1)) {
        // Compared as rates: the block that ends the second may come late.
        const auto rate =
            static_cast<std::uint64_t>(static_cast<double>(bytes_this_second_) / to_seconds(now - *second_began_at_));
        if (bytes_last_second_ && rate < *bytes_last_second_ + *bytes_last_second_ / 10) slow_start_ = false;
        bytes_last_second_ = rate;
        second_began_at_ = now;
        bytes_this_second_ = 0;
    }
    bytes_this_second_ += bytes;
}

void RequestPipeline::check_invariants() const {
    BT_CHECK(tail_ - head_ <= ring_.size() && overtaken_ <= tail_);
    std::uint32_t outstanding = 0;
    for (std::uint64_t number = head_; number != tail_; ++number) {
        outstanding += slot(number).request.length > 0 ? 1 : 0;
        if (number > head_) BT_CHECK(slot(number).sent_at >= slot(number - 1).sent_at);
    }
    BT_CHECK(outstanding == outstanding_);
    BT_CHECK(head_ == tail_ || slot(head_).request.length > 0);
    BT_CHECK(outstanding_ == 0 || waiting_since_);
}

}  // namespace bt::swarm
