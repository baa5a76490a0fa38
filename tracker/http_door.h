#pragma once

// One address at which the tracker speaks HTTP or HTTPS: a listener, its connections and their deadlines. What is
// answered says HttpFront.
//
// Rules
//  - One http::ServerConnection a stream. What it wants to send is sent; while more than kMaxOutput waits for a reader
//    the next request of that stream is not taken, and nothing more is read from it.
//  - One timer serves all deadlines of the connections: request head, idle, and a reader that takes nothing for
//    kWriteTimeout.
//  - A stream that http::ServerConnection refused stays open for kLinger, so that the refusal can be read.
//  - At most max_connections: a new one beyond takes the place of the one that was quiet longest.
//  - Over TLS the handshake counts as waiting for a request. A new certificate is for connections that come from then.
//  - Where the front's settings say so, connections from listed proxies begin with a PROXY header (proxy_stream.h).
//  - An answer that comes as a Delivery (exchange.h) is sent at its pace; no request of that connection is taken
//    meanwhile.
//  - Connection ids are counted in `ids`, which the doors of one tracker share: an id is one connection in the events.
// Events besides those of http_front.h: connection_opened, connection_closed {"reason"} (level wire).

#include <list>
#include <memory>
#include <set>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "common/crypto/tls.h"
#include "common/env/env.h"
#include "common/http/server_connection.h"
#include "common/telemetry/event.h"
#include "tracker/http_front.h"
#include "tracker/paced_answer.h"

namespace bt::tracker {

inline constexpr std::uint64_t kMaxOutput = 64u << 10;
inline constexpr Duration kWriteTimeout = seconds(30);
inline constexpr Duration kLinger = seconds(1);

struct HttpDoorSettings {
    std::uint32_t max_connections = 4'000;
    std::shared_ptr<crypto::TlsServerContext> tls;  // none: plain HTTP
};

class HttpDoor {
  public:
    HttpDoor(env::Env& env, HttpFront& front, telemetry::Telemetry telemetry, HttpDoorSettings settings,
             std::uint32_t& ids);
    ~HttpDoor();
    HttpDoor(const HttpDoor&) = delete;
    HttpDoor& operator=(const HttpDoor&) = delete;

    // Listens from now on. Error: what Env::listen says.
    [[nodiscard]] Status open(const Endpoint& local);
    // No more listening; every connection is closed.
    void close();
    void configure(HttpDoorSettings settings) { settings_ = std::move(settings); }

    [[nodiscard]] Door kind() const { return settings_.tls ? Door::Https : Door::Http; }
    [[nodiscard]] Endpoint local_endpoint() const;
    [[nodiscard]] std::size_t connection_count() const { return sessions_.size(); }

    void check_invariants() const;

  private:
    class Session;

    void on_accept(std::unique_ptr<env::Stream> stream);
    // A session of this id is destroyed by this; it must be the last thing the session does.
    void close(ConnectionId id, std::string_view reason);
    void on_timer();
    void arm();

    env::Env& env_;
    HttpFront& front_;
    telemetry::Telemetry telemetry_;
    HttpDoorSettings settings_;
    std::uint32_t& next_connection_;
    std::unique_ptr<env::Timer> timer_;
    std::unique_ptr<env::Listener> listener_;
    std::unordered_map<ConnectionId, std::unique_ptr<Session>> sessions_;
    std::list<ConnectionId> quiet_;                           // quiet longest first
    std::set<std::pair<TimePoint, ConnectionId>> deadlines_;  // one a session
    std::size_t paced_ = 0;                                   // answers on their way
    TimePoint armed_ = kNever;
};

}  // namespace bt::tracker
