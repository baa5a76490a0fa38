#pragma once

// Virtual time: a queue of events and a clock that jumps from one to the next. No clock of the machine, no thread,
// no entropy: the same calls give the same run.
//
// Rules
//  - Events run in the order of (time, sequence number); the number is given by schedule(), so what was asked for first
//    runs first when the times are equal. An event asked for in the past runs now, behind those that wait for now.
//  - Nothing runs inside schedule(): callbacks come only from step() and the run functions, which do not nest.
//  - An event may name the host whose code it runs. It must not run code of another: checkers that look at a host
//    only after its own events rely on it.
//  - After every event the hooks are called in the order in which they were added.
// Cost: O(log n) for schedule and step, O(1) for cancel.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "common/base/rng.h"
#include "common/base/strong_type.h"
#include "common/base/time.h"

namespace bt::sim {

// A node's place in the simulated world.
using HostId = StrongIndex<struct HostTag>;

struct EventId {
    std::uint32_t slot = 0;
    std::uint64_t sequence = 0;  // 0: no event
};

struct EventInfo {
    TimePoint time;
    std::uint64_t sequence = 0;
    std::optional<HostId> host;  // whose code ran, if any host's
};

class Simulator {
  public:
    using Action = std::function<void()>;
    using Hook = std::function<void(const EventInfo&)>;
    using Predicate = std::function<bool()>;

    explicit Simulator(std::uint64_t rng_seed) : rng_(rng_seed) {}
    Simulator(const Simulator&) = delete;
    Simulator& operator=(const Simulator&) = delete;

    [[nodiscard]] TimePoint now() const { return now_; }
    // The root of all randomness of a run; hosts get forks of it.
    [[nodiscard]] Rng& rng() { return rng_; }

    EventId schedule(TimePoint time, std::optional<HostId> host, Action action);
    EventId post(std::optional<HostId> host, Action action) { return schedule(now_, host, std::move(action)); }
    // Does nothing when the event has run or was cancelled.
    void cancel(EventId event);

    // Runs the next event; false when there is none.
    bool step();
    // Runs everything up to and including `time`; the clock then stands there.
    void run_until(TimePoint time);
    void run_for(Duration duration) { run_until(now_ + duration); }
    // Runs until done() holds (asked before the first and after every event). False when `deadline` has passed
    // or nothing is left to happen.
    bool run_until(const Predicate& done, TimePoint deadline);

    void add_hook(Hook hook) { hooks_.push_back(std::move(hook)); }

    [[nodiscard]] std::uint64_t events_run() const { return events_run_; }
    [[nodiscard]] std::size_t events_waiting() const { return waiting_; }

    void check_invariants() const;

  private:
    struct Slot {
        std::uint64_t sequence = 0;  // of the event that lives here; 0: cancelled or free
        std::optional<HostId> host;
        Action action;
    };
    struct Entry {
        TimePoint time;
        std::uint64_t sequence = 0;
        std::uint32_t slot = 0;
    };
    struct Later {
        bool operator()(const Entry& a, const Entry& b) const {
            return a.time != b.time ? a.time > b.time : a.sequence > b.sequence;
        }
    };

    // Throws cancelled entries off the top; nothing when the queue is empty.
    const Entry* next_entry();
    void release(std::uint32_t slot);

    TimePoint now_{};
    Rng rng_;
    std::vector<Entry> heap_;
    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_slots_;
    std::vector<Hook> hooks_;
    std::uint64_t last_sequence_ = 0;
    std::uint64_t events_run_ = 0;
    std::size_t waiting_ = 0;
    bool running_ = false;
};

}  // namespace bt::sim
