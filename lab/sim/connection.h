#pragma once

// One simulated stream connection and its two ends; internal to lab/sim. Kept alive by the ends, by the events on
// their way and by the turn lists of the uplinks.

#include <array>
#include <deque>
#include <memory>

#include "common/env/env.h"
#include "lab/sim/network.h"

namespace bt::sim {

// Bytes from one side to the other. A segment of no bytes is the end of the stream.
struct Pipe {
    std::deque<ByteBuffer> queue;    // taken by send(), not yet given to the uplink
    std::deque<ByteBuffer> arrived;  // at the other side, its reader is paused
    struct Acknowledgement {
        TimePoint time;  // when the sender knows
        std::size_t bytes = 0;
    };
    std::deque<Acknowledgement> acknowledgements;

    std::uint64_t accepted = 0;
    std::uint64_t queued = 0;
    std::uint64_t in_flight = 0;
    std::uint64_t waiting = 0;  // in `arrived`
    std::uint64_t delivered = 0;
    std::uint64_t acknowledged = 0;
    TimePoint last_arrival{};
    bool has_turn = false;
    bool ended = false;  // the end of the stream was queued
};

struct Side {
    HostId host;
    Endpoint local;
    Endpoint remote;
    bool exists = false;     // false: not accepted yet
    bool is_held = false;    // a node holds the Stream
    bool connected = false;  // from its own point of view
    bool dead = false;       // on_closed was called, or never will be
    bool reading = true;
    std::uint64_t may_read = UINT64_MAX;  // until it pauses itself
    bool wants_room = false;
    bool room_event_waits = false;
    bool resets_on_close = false;
    bool reset_sent = false;
    env::StreamHandler* handler = nullptr;
    Pipe out;
};

struct Connection {
    std::array<Side, 2> sides;  // 0 dialed, 1 accepted
    TimePoint dialed_at{};
    bool severed = false;  // nothing moves any more

    void sever();
    void check_invariants(std::uint64_t send_buffer) const;
};

class SimStream final : public env::Stream {
  public:
    SimStream(Network& network, std::shared_ptr<Connection> connection, int side);
    ~SimStream() override;

    void set_handler(env::StreamHandler* handler) override { side().handler = handler; }
    void send(OutputQueue& queue, std::uint64_t max_bytes) override;
    void take(OutputQueue& queue, std::uint64_t max_bytes, ByteBuffer& into) override;
    void pause_reading() override { side().reading = false; }
    void resume_reading(std::uint64_t max_bytes) override;
    void reset_on_close() override { side().resets_on_close = true; }
    [[nodiscard]] Endpoint local_endpoint() const override { return connection_->sides[index()].local; }
    [[nodiscard]] Endpoint remote_endpoint() const override { return connection_->sides[index()].remote; }

  private:
    [[nodiscard]] std::size_t index() const { return static_cast<std::size_t>(side_); }
    [[nodiscard]] Side& side() { return connection_->sides[index()]; }

    Network& network_;
    std::shared_ptr<Connection> connection_;
    int side_;
};

struct ListenerState {
    Endpoint local;
    env::AcceptCallback on_accept;
};

class SimListener final : public env::Listener {
  public:
    SimListener(Network& network, HostId host, std::shared_ptr<ListenerState> state)
        : network_(network), host_(host), state_(std::move(state)) {}
    ~SimListener() override;
    [[nodiscard]] Endpoint local_endpoint() const override { return state_->local; }

  private:
    Network& network_;
    HostId host_;
    std::shared_ptr<ListenerState> state_;
};

}  // namespace bt::sim
