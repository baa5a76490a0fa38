#include "common/engine/engine.h"

#include <algorithm>
#include <string_view>

#include "common/base/check.h"
#include "common/engine/udp_tracker_hub.h"

namespace bt::engine {

using telemetry::Level;

PeerId make_peer_id(Rng& rng) {
    constexpr std::string_view kPrefix = "-SL0100-";
    constexpr std::string_view kAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    PeerId id{};
    for (std::size_t i = 0; i < id.size(); ++i) {
        id[i] = static_cast<Byte>(i < kPrefix.size() ? kPrefix[i] : kAlphabet[rng.below(kAlphabet.size())]);
    }
    return id;
}

Engine::Engine(env::Env& env, EngineSettings settings, EngineObserver& observer, telemetry::Telemetry telemetry,
               Rng rng)
    : env_(&env),
      settings_(settings),
      observer_(&observer),
      telemetry_(telemetry),
      rng_(rng),
      dial_budget_(settings.dial),
      throttle_(env),
      timer_(env.make_timer([this] { on_timer(); })) {
    context_.env = env_;
    context_.peer_id = settings_.peer_id;
    context_.source = settings_.source;
    context_.trackers = {env_, std::make_shared<UdpTrackerHub>(env, rng.fork(0x756470)), settings_.tls};
    context_.telemetry = telemetry_;
    context_.tap = settings_.tap;
    context_.encryption = settings_.encryption;
    context_.dial_budget = &dial_budget_;
    context_.throttle = &throttle_;
    context_.next_connection_id = [this] { return ConnectionId(next_connection_++); };
}

Engine::~Engine() = default;

Result<Endpoint> Engine::start() {
    BT_TRY(listeners_.open(*env_, settings_.listen, settings_.families,
                           [this](std::unique_ptr<env::Stream> stream) { on_accepted(std::move(stream)); }));
    const std::vector<Endpoint> listening = listeners_.endpoints();
    context_.listen = listening.front();
    context_.tracker_routes = announce_routes(listening, settings_.source);
    return context_.listen;
}

TorrentNode& Engine::add_torrent(TorrentOptions options) {
    torrents_.push_back(
        std::make_unique<TorrentNode>(context_, std::move(options), *this, rng_.fork(torrents_added_++)));
    torrents_.back()->start();
    return *torrents_.back();
}

void Engine::set_limits(const transport::RateLimits& limits) {
    throttle_.set_limits(limits);
    for (const auto& torrent : torrents_) torrent->on_engine_limits_changed();
}

void Engine::forget(TorrentNode& torrent) {
    BT_CHECK(torrent.state() == TorrentState::Stopped);
    std::erase_if(torrents_, [&](const auto& t) { return t.get() == &torrent; });
}

void Engine::stop() {
    if (std::exchange(stopping_, true)) return;
    listeners_.close();
    timer_->cancel();
    unidentified_.clear();
    for (const auto& torrent : torrents_) torrent->stop();
    // There may be none, or they were stopped one by one before.
    timer_ = env_->make_timer([this] { tell_stopped_if_so(); });
    timer_->arm(env_->now());
}

void Engine::on_torrent_stopped(TorrentNode& torrent) {
    observer_->on_torrent_stopped(torrent);
    tell_stopped_if_so();
}

void Engine::tell_stopped_if_so() {
    const auto is_stopped = [](const auto& torrent) { return torrent->state() == TorrentState::Stopped; };
    if (!stopping_ || !std::ranges::all_of(torrents_, is_stopped) || std::exchange(stopped_told_, true)) return;
    observer_->on_engine_stopped();
}

void Engine::on_accepted(std::unique_ptr<env::Stream> stream) {
    retired_.clear();
    if (stopping_ || unidentified_.size() >= settings_.max_incoming_handshakes) return;
    const ConnectionId id(next_connection_++);
    const Endpoint remote = stream->remote_endpoint();
    const StreamEncryption encryption = make_stream_encryption(settings_.encryption, transport::DialWay::Plain, rng_);
    auto link = std::make_unique<PeerLink>(*env_, *this, id, std::move(stream), remote, settings_.peer_id, std::nullopt,
                                           encryption);
    link->set_tap(settings_.tap);
    unidentified_.emplace(id, std::move(link));
    arm_timer();
}

// One SHA-1 a torrent.
std::optional<InfoHash> Engine::find_skey(const Sha1Digest& skey_hash) {
    for (const auto& torrent : torrents_) {
        const InfoHash& ours = torrent->info_hash();
        if (transport::mse_skey_hash(ours) == skey_hash) return ours;
    }
    return std::nullopt;
}

Result<InfoHash> Engine::on_info_hash(PeerLink& link, const InfoHash& info_hash) {
    const auto torrent = std::ranges::find_if(torrents_, [&](const auto& t) { return t->info_hash() == info_hash; });
    if (torrent == torrents_.end()) return fail(remote_error(ErrorCode::HandshakeRefused, "unknown info_hash"));
    // Asked before the link is moved: a refused link stays with us, to be closed.
    if (!(*torrent)->accepts_links()) {
        return fail(local_error(ErrorCode::LimitReached, "the torrent takes no connections now"));
    }
    auto node = unidentified_.extract(link.id());
    BT_CHECK(!node.empty());
    BT_TRY((*torrent)->adopt(std::move(node.mapped())));
    return info_hash;
}

Result<swarm::PeerConnection*> Engine::on_handshake(PeerLink&, const wire::Handshake&) {
    return fail(remote_error(ErrorCode::HandshakeRefused, "no torrent"));
}

Status Engine::on_message(PeerLink&, const wire::Message&) {
    return fail(remote_error(ErrorCode::HandshakeRefused, "no torrent"));
}

void Engine::on_link_failed(PeerLink& link, const Error& error) {
    telemetry_.emit(env_->now(), Level::Summary, "peer_disconnected", link.id(),
                    {{"address", link.remote().to_string()},
                     {"reason", error.message()},
                     {"error", error_code_name(error.code)},
                     {"fault", fault_name(error.fault)}});
    link.close();
    auto node = unidentified_.extract(link.id());
    if (!node.empty()) retired_.push_back(std::move(node.mapped()));
}

void Engine::on_timer() {
    retired_.clear();
    std::vector<PeerLink*> late;
    for (const auto& [id, link] : unidentified_) {
        if (link->deadline() <= env_->now()) late.push_back(link.get());
    }
    for (PeerLink* link : late) on_link_failed(*link, link->timeout_error());
    arm_timer();
}

void Engine::arm_timer() {
    if (stopping_) return;
    TimePoint next = retired_.empty() ? kNever : env_->now();
    for (const auto& [id, link] : unidentified_) next = std::min(next, link->deadline());
    if (next == kNever) {
        timer_->cancel();
    } else {
        timer_->arm(next);
    }
}

void Engine::check_invariants() const {
    for (const auto& torrent : torrents_) torrent->check_invariants();
    throttle_.check_invariants();
    BT_CHECK(unidentified_.size() <= settings_.max_incoming_handshakes);
}

}  // namespace bt::engine
