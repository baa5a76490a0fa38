#pragma once

// How many connections a node may be opening: at most 100 half-open at a time (all torrents together) and 30 new dials
// in any second. Both keep home routers and trackers' peers from being flooded.

#include <cstdint>

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
        if (now - window_start_ >= seconds(1)) {
            window_start_ = now;
            dials_in_window_ = 0;
        }
        if (half_open_ >= settings_.max_half_open || dials_in_window_ >= settings_.dials_per_second) return false;
        ++dials_in_window_;
        ++half_open_;
        return true;
    }
    // A dial that was taken came to its end, good or bad.
    void on_dial_ended() { --half_open_; }
    // When a refused take may succeed, as far as time goes.
    [[nodiscard]] TimePoint next_window() const { return window_start_ + seconds(1); }

  private:
    DialSettings settings_;
    TimePoint window_start_{};
    std::uint32_t dials_in_window_ = 0;
    std::uint32_t half_open_ = 0;
};

}  // namespace bt::engine
