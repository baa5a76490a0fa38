#pragma once

// A link of its own for each pair of nodes, in user space: every node has a hidden address, which it binds, and an open
// one, which others are told. What is sent to the open address comes here, and goes on to the hidden one as if from the
// sender's open address. So trackers and peers see open addresses only, and any program's links can be cut, delayed and
// shaped.
//
// Rules
//  - A cut link loses nothing: bytes stall, in both directions, as TCP's would while packets are lost; a connection
//  that is
//    opened meanwhile is taken and waits. When it is healed all goes on.
//  - Delay (and jitter, drawn for each chunk, without reordering) holds for each direction of a connection: a round
//  trip
//    has both nodes' delays twice.
//  - Loss shows as a stall (loss.h): what is read behind a lost segment waits for a retransmission time besides. Each
//  direction of a connection draws from a generator of its own, so that one run loses what the next one does.
//  - Rates are per node: `upload` of the sender, `download` of the receiver, over all its connections; with bursts of
//  kBurst
//    or 50 ms.
//  - At most kBuffer bytes wait per direction; then its sender is not read. TCP only.
// Cost: a timer every kTick while anything waits; two sockets and one copy more a connection.

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/output_queue.h"
#include "common/base/rng.h"
#include "common/env/env.h"
#include "lab/loss.h"
#include "lab/scenario.h"

namespace bt::lab {

struct RelayNode {
    Address hidden, open;
    Link link;
};

class Relay {
  public:
    static constexpr Duration kTick = milliseconds(2);
    static constexpr std::uint64_t kBuffer = 256 * 1024;
    static constexpr std::uint64_t kBurst = 16 * 1024;

    Relay(env::Env& env, std::vector<RelayNode> nodes, Rng rng);
    ~Relay();
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;

    // The node listens: its open address takes connections from now on, on the same port. Again: nothing.
    [[nodiscard]] Status open(std::size_t node, std::uint16_t port);
    void set_cut(std::size_t a, std::size_t b, bool cut);
    void set_rates(std::size_t node, const RateLimits& rates);
    [[nodiscard]] std::size_t connection_count() const { return pipes_.size(); }

  private:
    struct Bucket {
        std::uint64_t rate = 0;  // 0: no limit
        double tokens = 0;
    };
    class End;
    class Pipe;

    void on_accept(std::size_t node, std::uint16_t port, std::unique_ptr<env::Stream> stream);
    void tick();
    void wake();
    [[nodiscard]] bool is_cut(std::size_t a, std::size_t b) const;
    [[nodiscard]] Duration delay(std::size_t from, std::size_t to);
    [[nodiscard]] LossDraw loss_draw(std::size_t from, std::size_t to);
    [[nodiscard]] Duration round_trip(std::size_t a, std::size_t b) const;
    [[nodiscard]] std::uint64_t allowance(std::size_t from, std::size_t to) const;
    void spend(std::size_t from, std::size_t to, std::uint64_t bytes);

    env::Env& env_;
    std::vector<RelayNode> nodes_;
    std::vector<Bucket> up_, down_;
    std::map<Address, std::size_t> by_hidden_;
    std::map<std::size_t, std::unique_ptr<env::Listener>> listeners_;
    std::set<std::pair<std::size_t, std::size_t>> cut_;
    std::vector<std::unique_ptr<Pipe>> pipes_;
    std::unique_ptr<env::Timer> timer_;
    TimePoint last_tick_{};
    bool ticking_ = false;
    Rng rng_;
    Rng loss_rng_;
    std::map<std::pair<std::size_t, std::size_t>, std::uint64_t> drawn_;  // connections, by who sends and who hears
};

}  // namespace bt::lab
