#include "common/net/uv_timer.h"

#include "common/base/check.h"

namespace bt::net {

TimerQueue::TimerQueue(UvLoop& loop) : loop_(loop), handle_(new uv_timer_t), due_(loop, [this] { fire(); }) {
    BT_CHECK(uv_timer_init(loop.raw(), handle_) == 0);
    handle_->data = this;
}

TimerQueue::~TimerQueue() {
    BT_CHECK(entries_.empty());
    uv_close(reinterpret_cast<uv_handle_t*>(handle_),
             [](uv_handle_t* handle) { delete reinterpret_cast<uv_timer_t*>(handle); });
}

// What a callback arms waits for the next turn, even if it is due already: a timer that always re-arms itself must
// not keep the sockets from their turn.
void TimerQueue::fire() {
    programmed_ = kNever;
    firing_ = true;
    const TimePoint now = loop_.now();
    const std::uint64_t first_new = next_order_;
    auto due = entries_.begin();
    while (due != entries_.end() && due->deadline <= now) {
        if (due->order >= first_new) {
            ++due;
            continue;
        }
        UvTimer* timer = due->timer;
        timer->cancel();
        const auto callback = timer->on_deadline_;
        (*callback)();
        due = entries_.begin();
    }
    firing_ = false;
    program();
}

void TimerQueue::program() {
    if (firing_) return;
    const TimePoint deadline = entries_.empty() ? kNever : entries_.begin()->deadline;
    if (deadline >= programmed_) return;
    programmed_ = deadline;
    const std::uint64_t at = loop_.loop_milliseconds(deadline);
    const std::uint64_t now = uv_now(loop_.raw());
    if (at <= now) {
        due_.schedule();  // libuv would run a time-out of 0 within this very turn
        return;
    }
    uv_timer_start(
        handle_, [](uv_timer_t* handle) { static_cast<TimerQueue*>(handle->data)->fire(); }, at - now, 0);
}

void UvTimer::arm(TimePoint deadline) {
    cancel();
    if (deadline == kNever) return;
    const TimerQueue::Entry entry{deadline, queue_.next_order_++, this};
    if (spare_.empty()) {
        place_ = queue_.entries_.insert(entry).first;
    } else {
        spare_.value() = entry;
        place_ = queue_.entries_.insert(std::move(spare_)).position;
    }
    armed_ = true;
    queue_.program();
}

void UvTimer::cancel() {
    if (!armed_) return;
    armed_ = false;
    spare_ = queue_.entries_.extract(place_);
    // The uv timer stays as it is: it wakes once for nothing, and is set for the next deadline then.
}

}  // namespace bt::net
