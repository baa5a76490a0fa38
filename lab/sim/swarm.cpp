#include "lab/sim/swarm.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/storage/file_names.h"

namespace bt::sim {

using telemetry::Level;

struct Swarm::TrackerHost {
    TrackerHost(SimEnv& env, tracker::NodeSettings settings, Rng rng, telemetry::Telemetry telemetry)
        : node(env, std::move(settings), rng, telemetry) {}
    tracker::TrackerNode node;
};

Swarm::Swarm(SwarmSettings settings, std::shared_ptr<const meta::Metainfo> metainfo, ByteView original)
    : settings_(settings),
      metainfo_(std::move(metainfo)),
      original_(original),
      world_(settings.world),
      log_(settings.level, settings.keep_log) {
    world_.simulator().add_hook([this](const EventInfo& event) { after_event(event); });
    log_.add_watcher([this](const std::string& node, const telemetry::Event& event) { watch_manners(node, event); });
}

// The last words of what is being destroyed are for nobody: a watcher may look at peers that are gone already.
Swarm::~Swarm() { log_.forget_watchers(); }

SimEnv& Swarm::add_tracker(const std::string& name, const Endpoint& listen, tracker::NodeSettings settings,
                           TimePoint starts_at) {
    SimEnv& env = world_.add_host(name, listen.address);
    trackers_.push_back(std::make_unique<TrackerHost>(env, std::move(settings), world_.fork_rng(env.host().value()),
                                                      log_.telemetry_of(name)));
    tracker::TrackerNode& node = trackers_.back()->node;
    checks_[env.host()] = [&node] { node.check_invariants(); };
    world_.simulator().schedule(starts_at, env.host(), [&node, listen] {
        const Status started = node.start({.http = {listen}, .udp = {listen}});
        BT_CHECK(started.has_value());
    });
    return env;
}

Swarm::Peer& Swarm::add_peer(PeerSettings settings) {
    SimEnv& env = world_.add_host(settings.name, settings.address, settings.links, settings.disk);
    const Rng rng = world_.fork_rng(env.host().value());
    peers_.push_back(std::make_unique<Peer>(*this, env, std::move(settings), rng));
    Peer& peer = *peers_.back();
    checks_[env.host()] = [&peer] { peer.check_invariants(); };
    world_.simulator().schedule(peer.settings().starts_at, env.host(), [&peer] { peer.start(); });
    return peer;
}

// Our own nodes never break the protocol towards each other, whatever crosses on the way.
void Swarm::watch_manners(const std::string& node, const telemetry::Event& event) {
    if (event.kind != "peer_disconnected" || field_text(event, "error") != "protocol_violation") return;
    const auto remote = Endpoint::parse(field_text(event, "address"));
    const auto is_ours = [&](const auto& peer) { return remote && peer->settings_.address == remote->address; };
    if (std::ranges::any_of(peers_, is_ours)) {
        bad_manners_.push_back(node + ": dropped one of us: " + field_text(event, "reason"));
    }
}

void Swarm::after_event(const EventInfo& event) {
    if (event.host && settings_.check_touched) {
        if (const auto check = checks_.find(*event.host); check != checks_.end()) check->second();
    }
    if (settings_.check_stride != 0 && world_.simulator().events_run() % settings_.check_stride == 0) {
        check_invariants();
        ++whole_checks_;
    }
}

void Swarm::check_invariants() {
    for (const auto& [host, check] : checks_) check();
    world_.network().check_invariants();
    world_.simulator().check_invariants();
    for (const auto& peer : peers_) peer->env_.files().check_invariants();
}

bool Swarm::is_complete() const {
    return std::ranges::all_of(peers_, [](const auto& peer) { return peer->settings_.is_seed || peer->completed_at_; });
}

bool Swarm::run_until_complete(TimePoint deadline) {
    return world_.simulator().run_until([this] { return is_complete(); }, deadline);
}

std::vector<std::string> Swarm::problems() const {
    std::vector<std::string> all = bad_manners_;
    for (const auto& peer : peers_) {
        for (const std::string& problem : peer->deliveries_.problems()) {
            all.push_back(peer->settings_.name + ": " + problem);
        }
        if (peer->failure_) all.push_back(peer->settings_.name + ": failed: " + peer->failure_->message());
    }
    return all;
}

Status Swarm::check_files() const {
    for (const auto& peer : peers_) {
        if (!peer->completed_at_) continue;
        Status same = check_content(peer->env_.files(), *metainfo_, peer->paths_, original_);
        if (same) continue;
        Error error = same.error();
        error.detail = peer->settings_.name + ": " + error.detail;
        return fail(std::move(error));
    }
    return {};
}

Swarm::Peer::Peer(Swarm& swarm, SimEnv& env, PeerSettings settings, Rng rng)
    : swarm_(swarm),
      env_(env),
      settings_(std::move(settings)),
      rng_(rng),
      telemetry_(swarm.log_.telemetry_of(settings_.name)),
      paths_(storage::paths_in(*swarm.metainfo_, "content")),
      deliveries_(swarm.original_) {
    if (settings_.is_seed) place_content(env_.files(), *swarm_.metainfo_, paths_, swarm_.original_);
    env_.sim_disk().set_write_observer(
        [this](const PieceWriteReport& report) { deliveries_.on_piece_written(report); });
}

Swarm::Peer::~Peer() = default;

void Swarm::Peer::start() {
    BT_CHECK(engine_ == nullptr);
    env_.revive();
    engine::EngineSettings node;
    node.listen = {settings_.address, settings_.port};
    node.source = settings_.address;
    node.peer_id = engine::make_peer_id(rng_);
    engine_ = std::make_unique<engine::Engine>(env_, node, static_cast<engine::EngineObserver&>(*this), telemetry_,
                                               rng_.fork(1));
    const auto listening = engine_->start();
    BT_CHECK(listening.has_value());
    engine::TorrentOptions torrent;
    if (settings_.is_magnet) {
        torrent.info_hash = swarm_.metainfo_->info_hash();
        torrent.prepare = [this](engine::TorrentOptions& whole) -> Status {
            whole.paths = paths_;
            return {};
        };
    } else {
        torrent.metainfo = swarm_.metainfo_;
        torrent.paths = paths_;
    }
    torrent.access = settings_.is_seed ? storage::Access::ReadOnly : storage::Access::ReadWrite;
    torrent.download = !settings_.is_seed;
    if (!settings_.is_seed) torrent.placement = storage::placement_in(*swarm_.metainfo_, "content");
    torrent.resume_path = settings_.resume_path;
    torrent.boot_id = "simulated";
    torrent.manual_peers = settings_.manual_peers;
    torrent.tracker_tiers = swarm_.metainfo_->tracker_tiers();
    torrent.tracker = settings_.tracker;
    torrent.swarm = settings_.swarm;
    torrent_ = &engine_->add_torrent(std::move(torrent));
}

void Swarm::Peer::kill() {
    env_.kill();
    forget_engine();
}

void Swarm::Peer::stop() {
    if (!engine_) return;
    stopping_ = true;
    engine_->stop();
}

// Not from inside the engine's own call.
void Swarm::Peer::on_engine_stopped() {
    stopped_ = env_.make_timer([this] { forget_engine(); });
    stopped_->arm(env_.now());
}

void Swarm::Peer::forget_engine() {
    torrent_ = nullptr;
    engine_.reset();
    stopped_.reset();
    stopping_ = false;
    completed_at_.reset();
    failure_.reset();
}

void Swarm::Peer::check_invariants() const {
    if (engine_) engine_->check_invariants();
}

void Swarm::Peer::on_torrent_running(engine::TorrentNode& torrent) {
    if (torrent.is_complete() && !settings_.is_seed) completed_at_ = env_.now();
}

void Swarm::Peer::on_torrent_completed(engine::TorrentNode&) { completed_at_ = env_.now(); }

void Swarm::Peer::on_torrent_failed(engine::TorrentNode&, const Error& error) { failure_ = error; }

}  // namespace bt::sim
