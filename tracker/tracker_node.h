#pragma once

// The tracker as a node: one AnnounceService (the swarms), and the doors through which it is asked. Knows its world
// only through env::Env.
//
// State: doors are opened by start(), in the order in which Doors names them, and closed by stop().
// Rules
//  - All doors ask the one service: a peer that announced at one is told about at every other.
//  - HTTP and UDP doors with port 0 all have one number, that of the first HTTP door. When the world gave that a number
//    that another cannot have, all try another, up to kPortTries times.
//  - reload() changes settings and doors while it runs; doors that stay keep their connections, and what cannot be had
//    leaves everything as it was.
//  - A round of the sweep begins every kSweepInterval, in pieces of kSweepBudget with kSweepPause between them, so that
//    no answer waits for the end of a million peers.
//  - One timer, for the sweep that expires peers and the `stats` event. Each door has its own
//    for its connections.
// Events besides those of the doors: ready {"listen","announce","udp"} (summary; announce: URL of the first door,
// listen its address; udp: URL, empty without such a door), peers_expired {"count"} (decision), stats
// {"torrents","peers","complete","incomplete","announces","scrapes","refused","connections"} (summary) every
// stats_interval.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/env/env.h"
#include "common/telemetry/event.h"
#include "tracker/announce_service.h"
#include "tracker/http_door.h"
#include "tracker/http_front.h"
#include "tracker/lookout.h"
#include "tracker/udp_door.h"
#include "tracker/worker_share.h"

namespace bt::tracker {

inline constexpr Duration kSweepInterval = seconds(1);
inline constexpr Duration kSweepPause = milliseconds(10);
inline constexpr std::uint32_t kSweepBudget = 20'000;  // registry.h; about a millisecond
inline constexpr int kPortTries = 16;
inline constexpr Duration kSampleInterval = seconds(1);  // of the rates that the pages show

struct NodeSettings {
    AnnounceSettings announce;
    HttpSettings http;
    std::uint32_t max_connections = 4'000;  // of each HTTP and HTTPS door
    std::shared_ptr<crypto::TlsServerContext> tls;
    LookoutSettings lookout = {};
    Duration stats_interval = Duration::zero();  // zero: no `stats` events
    ConnectionIdSettings udp_ids;
    std::shared_ptr<WorkerShare> share = nullptr;  // of one tracker on several threads, of which this is one
    std::size_t worker = 0;
    std::optional<crypto::SipKey>
        udp_key;  // none: drawn from the node's generator, which is no secret with a fixed seed
};

// Where to listen, one door each. A kind of door has a vector here, an open_… in start() and its end in stop().
struct Doors {
    std::vector<Endpoint> http = {};
    std::vector<Endpoint> https = {};  // needs NodeSettings::tls
    std::vector<Endpoint> udp = {};
    bool everywhere_without_v6 = false;  // a machine without IPv6 goes on without the doors at ::
};

class TrackerNode {
  public:
    TrackerNode(env::Env& env, NodeSettings settings, Rng rng, telemetry::Telemetry telemetry);
    ~TrackerNode();
    TrackerNode(const TrackerNode&) = delete;
    TrackerNode& operator=(const TrackerNode&) = delete;

    // Opens the doors. Error: what Env says of the first that cannot be opened; then none is open. Emits `ready`.
    [[nodiscard]] Status start(const Doors& doors);
    // One HTTP door.
    [[nodiscard]] Status start(const Endpoint& local) { return start(Doors{.http = {local}}); }
    // Everything of the settings holds from now on, but for udp_key. Error: as start(), and nothing has changed.
    [[nodiscard]] Status reload(NodeSettings settings, const Doors& doors);
    // No more listening; every connection is closed.
    void stop();

    // Of the first door: HTTP, else HTTPS, else UDP.
    [[nodiscard]] Endpoint local_endpoint() const;
    // Its http://HOST:PORT/announce, with 127.0.0.1 or ::1 where it listens on all addresses.
    [[nodiscard]] std::string announce_url() const;
    // The same for the first UDP door, udp://HOST:PORT/announce; empty without one.
    [[nodiscard]] std::string udp_url() const;

    // All open doors, in the order of Doors.
    [[nodiscard]] std::vector<std::pair<Door, Endpoint>> endpoints() const;

    [[nodiscard]] AnnounceService& service() { return service_; }
    [[nodiscard]] HttpFront& front() { return http_front_; }
    [[nodiscard]] UdpFront& udp_front() { return udp_front_; }
    [[nodiscard]] std::size_t connection_count() const;

    [[nodiscard]] Numbers numbers(TimePoint now) const;
    [[nodiscard]] const Lookout& lookout() const { return lookout_; }

    void check_invariants() const;

  private:
    // A door and where it was asked to be.
    template <class D>
    struct Opened {
        Door kind = Door::Http;
        Endpoint wanted;
        std::unique_ptr<D> door;  // in a Plan: none where the one that is open stays
    };
    // Doors that are to be open.
    struct Plan {
        std::vector<Opened<HttpDoor>> http;
        std::vector<Opened<UdpDoor>> udp;
        std::uint16_t shared_port = 0;  // of the first plain HTTP door
    };
    // Opens what is not open yet, trying other numbers where the world chooses them.
    [[nodiscard]] Result<Plan> plan(const NodeSettings& settings, const Doors& doors);
    [[nodiscard]] Status add_http(const NodeSettings& settings, const Doors& doors, Door kind, Plan& plan);
    [[nodiscard]] Status add_udp(const Doors& doors, Plan& plan);
    [[nodiscard]] HttpDoor* find_http(const Endpoint& wanted, Door kind) const;
    // Keeps of the open doors what the plan wants, opens the rest of it and closes all others.
    void adopt(Plan plan);
    void on_timer();
    void sweep(TimePoint now);
    [[nodiscard]] WorkerTotals totals() const;
    void emit_stats(TimePoint now);
    void arm();

    env::Env& env_;
    NodeSettings settings_;
    telemetry::Telemetry telemetry_;
    AnnounceService service_;
    HttpFront http_front_;
    UdpFront udp_front_;
    std::uint32_t next_connection_ = 1;
    std::vector<Opened<HttpDoor>> http_doors_;
    std::vector<Opened<UdpDoor>> udp_doors_;
    TimePoint created_;
    Lookout lookout_;  // dies before the fronts
    std::unique_ptr<env::Timer> timer_;
    TimePoint next_sweep_ = kNever;
    TimePoint round_began_;
    bool is_round_over_ = true;
    std::uint64_t round_expired_ = 0;
    TimePoint next_stats_ = kNever;
    TimePoint next_sample_ = kNever;
};

}  // namespace bt::tracker
