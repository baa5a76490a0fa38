#include "lab/sim/simulator.h"

#include <algorithm>
#include <utility>

#include "common/base/check.h"

namespace bt::sim {

EventId Simulator::schedule(TimePoint time, std::optional<HostId> host, Action action) {
    BT_CHECK(action != nullptr);
    std::uint32_t slot = 0;
    if (free_slots_.empty()) {
        slot = static_cast<std::uint32_t>(slots_.size());
        slots_.emplace_back();
    } else {
        slot = free_slots_.back();
        free_slots_.pop_back();
    }
    const std::uint64_t sequence = ++last_sequence_;
    slots_[slot] = {sequence, host, std::move(action)};
    heap_.push_back({std::max(time, now_), sequence, slot});
    std::push_heap(heap_.begin(), heap_.end(), Later{});
    ++waiting_;
    return {slot, sequence};
}

void Simulator::cancel(EventId event) {
    if (event.sequence == 0 || slots_[event.slot].sequence != event.sequence) return;
    slots_[event.slot].sequence = 0;
    --waiting_;
    // Last: what the action holds may cancel other events when it goes.
    const Action gone = std::exchange(slots_[event.slot].action, nullptr);
}

void Simulator::release(std::uint32_t slot) {
    std::pop_heap(heap_.begin(), heap_.end(), Later{});
    heap_.pop_back();
    slots_[slot].sequence = 0;
    free_slots_.push_back(slot);
}

const Simulator::Entry* Simulator::next_entry() {
    while (!heap_.empty()) {
        const Entry& entry = heap_.front();
        if (slots_[entry.slot].sequence == entry.sequence) return &entry;
        release(entry.slot);
    }
    return nullptr;
}

bool Simulator::step() {
    BT_CHECK(!running_);
    const Entry* next = next_entry();
    if (next == nullptr) return false;
    const EventInfo info{next->time, next->sequence, slots_[next->slot].host};
    {
        const std::uint32_t slot = next->slot;
        const Action action = std::exchange(slots_[slot].action, nullptr);
        release(slot);
        --waiting_;
        ++events_run_;
        now_ = info.time;
        running_ = true;
        action();
    }
    running_ = false;
    for (const Hook& hook : hooks_) hook(info);
    return true;
}

void Simulator::run_until(TimePoint time) {
    for (const Entry* next = next_entry(); next != nullptr && next->time <= time; next = next_entry()) step();
    now_ = std::max(now_, time);
}

bool Simulator::run_until(const Predicate& done, TimePoint deadline) {
    while (!done()) {
        const Entry* next = next_entry();
        if (next == nullptr) return false;
        if (next->time > deadline) {
            now_ = std::max(now_, deadline);
            return false;
        }
        step();
    }
    return true;
}

void Simulator::check_invariants() const {
    BT_CHECK(std::is_heap(heap_.begin(), heap_.end(), Later{}));
    BT_CHECK(heap_.size() + free_slots_.size() == slots_.size());
    std::size_t live = 0;
    for (const Entry& entry : heap_) {
        const Slot& slot = slots_[entry.slot];
        if (slot.sequence != entry.sequence) continue;
        ++live;
        BT_CHECK(entry.time >= now_ && slot.action != nullptr);
    }
    BT_CHECK(live == waiting_);
}

}  // namespace bt::sim
