#pragma once

// Rate limits of a node over its clock: one transport::RateLimiter a direction and the one timer of both. Torrents hold
// a ThrottleGroup, links a ThrottleMember of it. Who is called back, and how fairly: common/transport/rate_limiter.h.
// Without limits nobody ever waits, the timer is never armed, and a member costs its link two loads a call.

#include <functional>
#include <memory>

#include "common/env/env.h"
#include "common/transport/rate_limiter.h"
#include "common/transport/rate_limits.h"

namespace bt::engine {

class Throttle {
  public:
    explicit Throttle(env::Env& env);

    void set_limits(const transport::RateLimits& limits);
    [[nodiscard]] transport::RateLimits limits() const { return {download_.rate(), upload_.rate()}; }

    void check_invariants() const;

  private:
    friend class ThrottleGroup;
    void arm();
    void on_timer();

    env::Env* env_;
    std::unique_ptr<env::Timer> timer_;
    TimePoint armed_for_ = kNever;
    transport::RateLimiter download_;
    transport::RateLimiter upload_;
};

class ThrottleGroup {
  public:
    explicit ThrottleGroup(Throttle& throttle)
        : throttle_(&throttle), download_(throttle.download_), upload_(throttle.upload_) {}

    void set_limits(const transport::RateLimits& limits);
    [[nodiscard]] transport::RateLimits limits() const { return {download_.rate(), upload_.rate()}; }
    // What it can have of its own limits and the total's at most.
    [[nodiscard]] transport::RateLimits bounds() const;

  private:
    friend class ThrottleMember;
    Throttle* throttle_;
    transport::RateLimiter::Group download_;
    transport::RateLimiter::Group upload_;
};

// One link's part in both directions; goes before its group.
class ThrottleMember {
  public:
    ThrottleMember(ThrottleGroup& group, std::function<void()> on_download_change,
                   std::function<void()> on_upload_change)
        : download(group.download_, std::move(on_download_change)),
          upload(group.upload_, std::move(on_upload_change)) {}

    transport::RateLimiter::Member download;
    transport::RateLimiter::Member upload;
};

}  // namespace bt::engine
