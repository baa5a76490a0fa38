#pragma once

// Timers of one loop: a queue ordered by deadline over a single uv_timer_t, because libuv's own timers know whole
// milliseconds only and would fire two deadlines of one millisecond in the order of arming.
// Equal deadlines fire in the order of arming. Never early; late by up to 1 ms. Cost: O(log n) per arm, no allocation
// after the first.

#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "common/env/env.h"
#include "common/net/uv_loop.h"

namespace bt::net {

class UvTimer;

class TimerQueue {
  public:
    explicit TimerQueue(UvLoop& loop);
    ~TimerQueue();  // after its timers
    TimerQueue(const TimerQueue&) = delete;
    TimerQueue& operator=(const TimerQueue&) = delete;

  private:
    friend class UvTimer;
    struct Entry {
        TimePoint deadline;
        std::uint64_t order = 0;
        UvTimer* timer = nullptr;

        bool operator<(const Entry& other) const {
            return std::pair(deadline, order) < std::pair(other.deadline, other.order);
        }
    };
    using Entries = std::set<Entry>;

    void fire();
    void program();

    UvLoop& loop_;
    uv_timer_t* handle_;
    Deferred due_;  // for deadlines that have passed already
    Entries entries_;
    std::uint64_t next_order_ = 0;
    TimePoint programmed_ = kNever;
    bool firing_ = false;
};

class UvTimer final : public env::Timer {
  public:
    UvTimer(TimerQueue& queue, std::function<void()> on_deadline)
        : queue_(queue), on_deadline_(std::make_shared<std::function<void()>>(std::move(on_deadline))) {}
    ~UvTimer() override { cancel(); }

    void arm(TimePoint deadline) override;  // kNever is the same as cancel()
    void cancel() override;

  private:
    friend class TimerQueue;
    TimerQueue& queue_;
    std::shared_ptr<std::function<void()>> on_deadline_;  // shared with a call that destroys the timer
    TimerQueue::Entries::iterator place_;                 // while armed
    TimerQueue::Entries::node_type spare_;                // while not
    bool armed_ = false;
};

}  // namespace bt::net
