#pragma once

// What the nodes of one tracker have in common when it runs on several threads: the swarms, and what each has counted.
// Each node has its own loop, doors and settings; the kernel deals requests out to their sockets.
//
// Rules
//  - The first node (number 0) sweeps the registry and tells the events; the others tell nothing but their totals here,
//    once a second.
//  - For speed only: rules, pages and HTTPS, which look at one node, are not for several threads.

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <vector>

#include "tracker/registry.h"

namespace bt::tracker {

inline constexpr std::int64_t kMaxThreads = 64;

struct WorkerTotals {
    std::uint64_t announces = 0;
    std::uint64_t scrapes = 0;
    std::uint64_t refused = 0;
    std::uint64_t connections = 0;
};

class WorkerShare {
  public:
    WorkerShare(RegistrySettings settings, Rng rng, std::size_t workers) : slots_(workers) {
        settings.is_shared = true;
        registry_ = std::make_shared<Registry>(settings, rng);
    }
    [[nodiscard]] const std::shared_ptr<Registry>& registry() const { return registry_; }

    void tell(std::size_t worker, const WorkerTotals& totals) {
        Slot& slot = slots_[worker];
        slot[0].store(totals.announces, std::memory_order_relaxed);
        slot[1].store(totals.scrapes, std::memory_order_relaxed);
        slot[2].store(totals.refused, std::memory_order_relaxed);
        slot[3].store(totals.connections, std::memory_order_relaxed);
    }
    // Of all, as they told last.
    [[nodiscard]] WorkerTotals sum() const {
        WorkerTotals out;
        for (const Slot& slot : slots_) {
            out.announces += slot[0].load(std::memory_order_relaxed);
            out.scrapes += slot[1].load(std::memory_order_relaxed);
            out.refused += slot[2].load(std::memory_order_relaxed);
            out.connections += slot[3].load(std::memory_order_relaxed);
        }
        return out;
    }

  private:
    using Slot = std::array<std::atomic<std::uint64_t>, 4>;
    std::shared_ptr<Registry> registry_;
    std::vector<Slot> slots_;
};

}  // namespace bt::tracker
