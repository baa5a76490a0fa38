#pragma once

// A simulated swarm: the engine and the tracker, the same code as in the programs, one node a host, with an event
// log, and checks after every event.
//
// Checks: after every event the engine (or tracker) of the host whose code ran; nobody else's state can have changed.
// Every stride-th event all nodes, the network and the simulator as a whole. Every piece written is compared with the
// original. What is wrong aborts (broken invariants) or is in problems().
// Nodes start at their time, on their host's own address, with a fork of the world's rng.

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/engine/engine.h"
#include "lab/sim/checkers.h"
#include "lab/sim/event_log.h"
#include "lab/sim/sim_env.h"
#include "tracker/tracker_node.h"

namespace bt::sim {

struct SwarmSettings {
    WorldSettings world = {};
    telemetry::Level level = telemetry::Level::Wire;
    bool keep_log = true;
    std::uint64_t check_stride = 1000;  // whole-world checks; 0: never
    bool check_touched = true;          // the touched node after each of its events
};

struct PeerSettings {
    std::string name;
    Address address;
    LinkSettings links = {};
    DiskSettings disk = {};
    TimePoint starts_at{};
    bool is_seed = false;    // its disk holds the original, and it only serves
    bool is_magnet = false;  // it is told the info_hash alone
    std::uint16_t port = 6881;
    std::string resume_path = {};  // where stop() leaves resume data; empty: none
    std::vector<Endpoint> manual_peers = {};
    discovery::TrackerSettings tracker = {.interval_floor = seconds(5)};
    swarm::TorrentSettings swarm = {};
};

class Swarm {
  public:
    class Peer;

    // `original` are the torrent's bytes; it outlives the swarm.
    Swarm(SwarmSettings settings, std::shared_ptr<const meta::Metainfo> metainfo, ByteView original);
    ~Swarm();
    Swarm(const Swarm&) = delete;
    Swarm& operator=(const Swarm&) = delete;

    [[nodiscard]] World& world() { return world_; }
    [[nodiscard]] EventLog& log() { return log_; }

    // Its announce URL is http://ADDRESS:PORT/announce; what the metainfo says decides who asks it.
    SimEnv& add_tracker(const std::string& name, const Endpoint& listen, tracker::NodeSettings settings,
                        TimePoint starts_at = {});
    Peer& add_peer(PeerSettings settings);
    [[nodiscard]] const std::vector<std::unique_ptr<Peer>>& peers() const { return peers_; }

    // True when every leecher has completed by `deadline`.
    bool run_until_complete(TimePoint deadline);
    [[nodiscard]] bool is_complete() const;

    // Whatever a checker found wrong with the content, failed nodes, and nodes that dropped one another for a breach
    // of the protocol.
    [[nodiscard]] std::vector<std::string> problems() const;
    // Of every leecher that has completed: are its files the original?
    [[nodiscard]] Status check_files() const;
    void check_invariants();
    [[nodiscard]] std::uint64_t whole_checks() const { return whole_checks_; }

  private:
    struct TrackerHost;
    void after_event(const EventInfo& event);
    void watch_manners(const std::string& node, const telemetry::Event& event);

    SwarmSettings settings_;
    std::shared_ptr<const meta::Metainfo> metainfo_;
    ByteView original_;
    World world_;
    EventLog log_;
    std::vector<std::unique_ptr<TrackerHost>> trackers_;
    std::vector<std::unique_ptr<Peer>> peers_;
    std::map<HostId, std::function<void()>> checks_;
    std::vector<std::string> bad_manners_;
    std::uint64_t whole_checks_ = 0;
};

class Swarm::Peer final : private engine::EngineObserver {
  public:
    Peer(Swarm& swarm, SimEnv& env, PeerSettings settings, Rng rng);
    ~Peer() override;

    // kill -9, and a new start later with the same files; completed_at() is then found out again.
    void kill();
    void start();
    // An orderly end: farewell to the trackers, resume data. is_running() until it is over.
    void stop();
    [[nodiscard]] bool is_running() const { return engine_ != nullptr; }
    [[nodiscard]] bool is_stopping() const { return stopping_; }

    [[nodiscard]] const PeerSettings& settings() const { return settings_; }
    [[nodiscard]] SimEnv& env() { return env_; }
    [[nodiscard]] engine::TorrentNode* torrent() { return torrent_; }
    [[nodiscard]] const std::vector<std::string>& paths() const { return paths_; }
    [[nodiscard]] const DeliveryChecker& deliveries() const { return deliveries_; }
    [[nodiscard]] const std::optional<TimePoint>& completed_at() const { return completed_at_; }
    [[nodiscard]] const std::optional<Error>& failure() const { return failure_; }
    void check_invariants() const;

  private:
    friend class Swarm;
    void on_torrent_running(engine::TorrentNode& torrent) override;
    void on_torrent_completed(engine::TorrentNode& torrent) override;
    void on_torrent_failed(engine::TorrentNode& torrent, const Error& error) override;
    void on_torrent_stopped(engine::TorrentNode&) override {}
    void on_engine_stopped() override;
    void forget_engine();

    Swarm& swarm_;
    SimEnv& env_;
    PeerSettings settings_;
    Rng rng_;
    telemetry::Telemetry telemetry_;
    std::vector<std::string> paths_;
    DeliveryChecker deliveries_;
    std::unique_ptr<engine::Engine> engine_;
    engine::TorrentNode* torrent_ = nullptr;
    bool stopping_ = false;
    std::unique_ptr<env::Timer> stopped_;
    std::optional<TimePoint> completed_at_;
    std::optional<Error> failure_;
};

}  // namespace bt::sim
