#pragma once

// The HTTP tracker as a node: listens, answers, forgets. Knows its world only through env::Env.
//
// Rules
//  - One http::ServerConnection a stream. What it wants to send is sent; while more than kMaxOutput waits for a reader
//    the next request of that stream is not taken, and nothing more is read from it.
//  - One timer serves all deadlines: of the connections (request head, idle), of a reader that takes nothing for
//    kWriteTimeout, of the sweep that expires peers (every kSweepInterval), of the `stats` event.
//  - A stream that http::ServerConnection refused stays open for kLinger, so that the refusal can be read.
//  - At most max_connections: a new one beyond takes the place of the one that was quiet longest.
// Events besides those of http_front.h: connection_opened, connection_closed {"reason"} (level wire), peers_expired
// {"count"} (decision), stats {"torrents","peers","complete","incomplete","announces","scrapes","refused",
// "connections"} (summary) every stats_interval.

#include <list>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/env/env.h"
#include "common/http/server_connection.h"
#include "common/telemetry/event.h"
#include "tracker/http_front.h"

namespace bt::tracker {

inline constexpr std::uint64_t kMaxOutput = 64u << 10;
inline constexpr Duration kWriteTimeout = seconds(30);
inline constexpr Duration kLinger = seconds(1);
inline constexpr Duration kSweepInterval = seconds(1);
inline constexpr std::uint32_t kSweepSwarms = 2'000;

struct NodeSettings {
    AnnounceSettings announce;
    std::uint32_t max_connections = 4'000;
    Duration stats_interval = Duration::zero();  // zero: no `stats` events
};

class TrackerNode {
  public:
    TrackerNode(env::Env& env, NodeSettings settings, Rng rng, telemetry::Telemetry telemetry);
    ~TrackerNode();
    TrackerNode(const TrackerNode&) = delete;
    TrackerNode& operator=(const TrackerNode&) = delete;

    // Listens from now on. Error: what Env::listen says. Emits `ready`.
    [[nodiscard]] Status start(const Endpoint& local);
    // No more listening; every connection is closed.
    void stop();

    [[nodiscard]] Endpoint local_endpoint() const;
    // http://HOST:PORT/announce, with 127.0.0.1 or ::1 where it listens on all addresses.
    [[nodiscard]] std::string announce_url() const;
    [[nodiscard]] HttpFront& front() { return front_; }
    [[nodiscard]] std::size_t connection_count() const { return sessions_.size(); }

    void check_invariants() const;

  private:
    class Session;

    void on_accept(std::unique_ptr<env::Stream> stream);
    // A session of this id is destroyed by this; it must be the last thing the session does.
    void close(ConnectionId id, std::string_view reason);
    void on_timer();
    void sweep(TimePoint now);
    void emit_stats(TimePoint now);
    void arm();

    env::Env& env_;
    NodeSettings settings_;
    HttpFront front_;
    telemetry::Telemetry telemetry_;
    std::unique_ptr<env::Timer> timer_;
    std::unique_ptr<env::Listener> listener_;
    std::unordered_map<ConnectionId, std::unique_ptr<Session>> sessions_;
    std::list<ConnectionId> quiet_;                           // quiet longest first
    std::set<std::pair<TimePoint, ConnectionId>> deadlines_;  // one a session
    std::uint32_t next_connection_ = 1;
    TimePoint armed_ = kNever;
    TimePoint next_sweep_ = kNever;
    TimePoint next_stats_ = kNever;
};

}  // namespace bt::tracker
