#pragma once

// How many connections a node may be opening: at most 100 half-open at a time (all torrents together) and 30 new dials
// in any second. Both keep home routers and trackers' peers from being flooded.

#include <cstdint>
#include <deque>

#include "common/base/check.h"
#include "common/base/time.h"

namespace bt::engine {

struct DialSettings {
    std::uint32_t max_half_open = 100;
    std::uint32_t dials_per_second = 30;
};

class DialBudget {
  public:
    explicit DialBudget(DialSettings settings) : settings_(settings) {}

    // Takes one dial if there is room now.
    [[nodiscard]] bool take(TimePoint now) {
        while (!recent_.empty() && now - recent_.front() >= kWindow) recent_.pop_front();
        if (half_open_ >= settings_.max_half_open || recent_.size() >= settings_.dials_per_second) return false;
        recent_.push_back(now);
        ++half_open_;
        return true;
    }
    // A dial that was taken came to its end, good or bad. Exactly once a dial: one too few makes the budget smaller
    // for ever.
    void on_dial_ended() {
        BT_CHECK(half_open_ > 0);
        --half_open_;
    }
    [[nodiscard]] std::uint32_t half_open() const { return half_open_; }
    // When a refused take may succeed, as far as time goes; with all places half-open, when to look again.
    [[nodiscard]] TimePoint next_window(TimePoint now) const {
        return !recent_.empty() && recent_.size() >= settings_.dials_per_second ? recent_.front() + kWindow
                                                                                : now + kWindow;
    }

  private:
    static constexpr Duration kWindow = seconds(1);

    DialSettings settings_;
    std::deque<TimePoint> recent_;  // dials of the last second
    std::uint32_t half_open_ = 0;
};

}  // namespace bt::engine
