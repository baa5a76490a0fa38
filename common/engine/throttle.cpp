#include "common/engine/throttle.h"

#include <algorithm>

namespace bt::engine {

Throttle::Throttle(env::Env& env)
    : env_(&env),
      timer_(env.make_timer([this] { on_timer(); })),
      download_([this] { arm(); }),
      upload_([this] { arm(); }) {}

void Throttle::set_limits(const transport::RateLimits& limits) {
    download_.set_rate(limits.download, env_->now());
    upload_.set_rate(limits.upload, env_->now());
}

void Throttle::arm() {
    const TimePoint next = std::min(download_.next_deadline(), upload_.next_deadline());
    if (next == armed_for_) return;
    armed_for_ = next;
    if (next == kNever) {
        timer_->cancel();
    } else {
        timer_->arm(next);
    }
}

void Throttle::on_timer() {
    armed_for_ = kNever;
    const TimePoint now = env_->now();
    download_.on_deadline(now);
    upload_.on_deadline(now);
    arm();
}

void Throttle::check_invariants() const {
    download_.check_invariants();
    upload_.check_invariants();
}

void ThrottleGroup::set_limits(const transport::RateLimits& limits) {
    const TimePoint now = throttle_->env_->now();
    download_.set_rate(limits.download, now);
    upload_.set_rate(limits.upload, now);
}

transport::RateLimits ThrottleGroup::bounds() const {
    const auto lower = [](std::uint64_t a, std::uint64_t b) {
        return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
    };
    return {lower(download_.rate(), throttle_->download_.rate()), lower(upload_.rate(), throttle_->upload_.rate())};
}

}  // namespace bt::engine
