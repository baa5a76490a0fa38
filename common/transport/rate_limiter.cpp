#include "common/transport/rate_limiter.h"

#include <algorithm>

#include "common/base/check.h"

namespace bt::transport {

RateLimiter::~RateLimiter() { BT_CHECK(groups_.empty()); }

void RateLimiter::set_rate(std::uint64_t bytes_per_s, TimePoint now) {
    if (bytes_per_s == total_.rate()) return;
    total_.set_rate(bytes_per_s, now);
    for (Group* group : groups_) group->start_over();
    reconsider(now);
}

void RateLimiter::on_deadline(TimePoint now) {
    if (next_ > now) return;
    next_ = kNever;
    round(now);
    while (!to_call_.empty()) {
        Member* member = to_call_.front();
        to_call_.pop_front();
        member->on_change_();
    }
    reconsider(now);
}

void RateLimiter::round(TimePoint now) {
    if (waiting_.empty() || (had_round_ && now - last_round_ < kRound)) return;
    last_round_ = now;
    had_round_ = true;
    // Those that can take little first: what they leave is for the rest.
    std::uint64_t left = total_.available(now);
    std::vector<Group*> served;
    for (Group* group : waiting_) {
        if (group->own_.available(now) >= group->own_.least_grant()) served.push_back(group);
    }
    if (served.empty()) return;
    if (left / served.size() < TokenBucket::kLeastGrant) {
        served.resize(
            static_cast<std::size_t>(std::clamp<std::uint64_t>(left / TokenBucket::kLeastGrant, 1, served.size())));
    }
    std::ranges::stable_sort(served, {}, [&](Group* group) { return group->own_.available(now); });
    for (std::size_t i = 0; i < served.size(); ++i) {
        const std::uint64_t share = std::min(served[i]->own_.available(now), left / (served.size() - i));
        serve(*served[i], share);
        left = total_.available(now);
    }
}

void RateLimiter::serve(Group& group, std::uint64_t bytes) {
    if (bytes == 0) return;
    const std::uint64_t members = std::clamp<std::uint64_t>(bytes / TokenBucket::kLeastGrant, 1, group.waiting_.size());
    const std::uint64_t each = bytes / members;
    for (std::uint64_t i = 0; i < members; ++i) {
        Member* member = group.waiting_.front();
        group.waiting_.pop_front();
        member->waits_ = false;
        member->allowance_ += each;
        to_call_.push_back(member);
    }
    group.own_.take(members * each);
    total_.take(members * each);
    std::erase(waiting_, &group);
    if (!group.waiting_.empty()) waiting_.push_back(&group);
}

// When the next round is worth its while.
void RateLimiter::reconsider(TimePoint now) {
    if (!to_call_.empty()) return need_at(now);
    TimePoint next = kNever;
    for (Group* group : waiting_) {
        const std::uint64_t total_least = total_.is_limited() ? total_.least_grant() : TokenBucket::kLeastGrant;
        const std::uint64_t own_least = group->own_.is_limited() ? group->own_.least_grant() : TokenBucket::kLeastGrant;
        const std::uint64_t least = std::min(total_least, own_least);
        next = std::min(next, std::max(total_.ready_at(least, now), group->own_.ready_at(least, now)));
    }
    if (next == kNever) {
        next_ = kNever;
        return;
    }
    need_at(had_round_ ? std::max(next, last_round_ + kRound) : next);
}

void RateLimiter::need_at(TimePoint time) {
    const bool earlier = time < next_;
    next_ = time;
    if (earlier) on_need_();
}

void RateLimiter::forget(Member& member) {
    Group& group = *member.group_;
    std::erase(to_call_, &member);
    std::erase(group.members_, &member);
    std::erase(group.waiting_, &member);
    if (group.waiting_.empty()) std::erase(waiting_, &group);
    group.own_.give_back(member.allowance_);
    total_.give_back(member.allowance_);
}

void RateLimiter::check_invariants() const {
    for (const Group* group : waiting_) BT_CHECK(!group->waiting_.empty() && group->is_limited());
    for (const Group* group : groups_) {
        BT_CHECK(group->waiting_.size() <= group->members_.size());
        const auto listed = std::ranges::count(waiting_, group);
        BT_CHECK(listed == (group->waiting_.empty() ? 0 : 1));
        for (const Member* member : group->waiting_) BT_CHECK(member->waits_ && member->group_ == group);
    }
    BT_CHECK((waiting_.empty() && to_call_.empty()) || next_ != kNever);
}

// Group --------------------------------------------------------------------------------------------------------------

RateLimiter::Group::Group(RateLimiter& limiter) : limiter_(&limiter) { limiter_->groups_.push_back(this); }

RateLimiter::Group::~Group() {
    BT_CHECK(members_.empty());
    std::erase(limiter_->groups_, this);
}

void RateLimiter::Group::set_rate(std::uint64_t bytes_per_s, TimePoint now) {
    if (bytes_per_s == own_.rate()) return;
    own_.set_rate(bytes_per_s, now);
    start_over();
    limiter_->reconsider(now);
}

void RateLimiter::Group::start_over() {
    for (Member* member : members_) {
        member->allowance_ = 0;
        member->waits_ = false;
        if (std::ranges::find(limiter_->to_call_, member) == limiter_->to_call_.end()) {
            limiter_->to_call_.push_back(member);
        }
    }
    waiting_.clear();
    std::erase(limiter_->waiting_, this);
}

// Member -------------------------------------------------------------------------------------------------------------

RateLimiter::Member::Member(Group& group, std::function<void()> on_change)
    : group_(&group), on_change_(std::move(on_change)) {
    group_->members_.push_back(this);
}

RateLimiter::Member::~Member() { group_->limiter_->forget(*this); }

void RateLimiter::Member::spend(std::uint64_t bytes) {
    if (!is_limited()) return;
    const std::uint64_t own = std::min(bytes, allowance_);
    allowance_ -= own;
    if (bytes == own) return;
    group_->own_.take(bytes - own);
    group_->limiter_->total_.take(bytes - own);
}

void RateLimiter::Member::wait(TimePoint now) {
    if (waits_ || !is_limited()) return;
    waits_ = true;
    group_->waiting_.push_back(this);
    if (group_->waiting_.size() == 1) {
        group_->limiter_->waiting_.push_back(group_);
        group_->limiter_->reconsider(now);
    }
}

}  // namespace bt::transport
