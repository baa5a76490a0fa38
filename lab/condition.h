#pragma once

// When something in a scenario happens: a condition on the state of the swarm, in one line. Pure.
//
//   "client-2 has 50%"      "client-* is complete"   "any client-* is complete"   "seeder-1 is ready"
//   "client-1 is down"      "all complete"           "event client-*: peer_banned"   "3 events client-1:
//   piece_verified"
//
// A pattern of names means all of them, with `any` one of them; one that fits no node is never true. "all complete" is
// every client that the run waits for. What follows event is a query (lab/query.h), counted from the run's start.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/result.h"
#include "lab/node_status.h"
#include "lab/query.h"

namespace bt::lab {

struct AllComplete {};
struct NodesAre {
    enum class State : std::uint8_t { Ready, Complete, Down };
    std::string nodes;
    bool any = false;
    State state = State::Ready;
};
struct NodesHave {
    std::string nodes;
    bool any = false;
    double part = 0;  // 0 to 1
};
struct EventsSeen {
    Query query;
    std::uint64_t at_least = 1;
};

struct Condition {
    std::string text;
    std::variant<AllComplete, NodesAre, NodesHave, EventsSeen> what;

    // Pattern of the nodes it names; empty where it names none.
    [[nodiscard]] std::string_view nodes() const;
    // `matched`: events that fitted the query so far.
    [[nodiscard]] bool holds(std::span<const NodeStatus> nodes, std::uint64_t matched) const;
};

// Error: InvalidConfig with what was wanted, without a file.
[[nodiscard]] Result<Condition> parse_condition(std::string_view text);

// Every client that the run waits for is complete, and there is one.
[[nodiscard]] bool all_complete(std::span<const NodeStatus> nodes);

}  // namespace bt::lab
