#include "lab/personas/persona_node.h"

#include <algorithm>

#include "common/engine/engine.h"

namespace bt::persona {
namespace {

engine::AnnouncerSettings announcer_settings(const meta::Metainfo& metainfo, const NodeSettings& settings) {
    engine::AnnouncerSettings out;
    out.tiers = metainfo.tracker_tiers();
    out.tracker.interval_floor = settings.interval_floor;
    out.routes = {{settings.source, std::nullopt}};
    return out;
}

}  // namespace

PersonaNode::PersonaNode(env::Env& env, NodeSettings settings, std::shared_ptr<const meta::Metainfo> metainfo,
                         ContentReader content, telemetry::Telemetry telemetry, Rng rng,
                         std::function<void()> on_finished)
    : env_(env),
      settings_(std::move(settings)),
      world_(env, std::move(metainfo), settings_.options, std::move(content), telemetry, rng.fork(1)),
      peer_id_(engine::make_peer_id(rng)),
      on_finished_(std::move(on_finished)),
      announcer_({.env = &env}, *this, announcer_settings(*world_.metainfo, settings_), telemetry, rng.fork(2)),
      tick_timer_(env.make_timer([this] { tick(); })),
      stats_timer_(env.make_timer([this] {
          emit_stats("stats");
          stats_timer_->arm(env_.now() + settings_.stats_interval);
      })) {
    const PersonaInfo* info = find_persona(settings_.options.persona);
    has_content_ = info != nullptr && info->has_content;
    world_.on_piece = [this](std::uint32_t piece) { on_piece(piece); };
    for (const Endpoint& peer : settings_.peers) known_.emplace(peer, env.now());
}

PersonaNode::~PersonaNode() = default;

Result<Endpoint> PersonaNode::start() {
    BT_TRY_ASSIGN(listener_, env_.listen(settings_.listen, [this](std::unique_ptr<env::Stream> stream) {
        add_link(std::move(stream), false);
    }));
    listening_ = listener_->local_endpoint();
    tick_timer_->arm(env_.now());
    stats_timer_->arm(env_.now());
    announcer_.start();
    return listening_;
}

void PersonaNode::stop() {
    if (std::exchange(stopping_, true)) return;
    tick_timer_->cancel();
    stats_timer_->cancel();
    listener_.reset();
    links_.clear();
    emit_stats("stats");
    announcer_.stop();
}

void PersonaNode::add_link(std::unique_ptr<env::Stream> stream, bool outgoing) {
    if (links_.size() >= kMaxLinks || stopping_) return;
    links_.push_back(
        std::make_unique<Link>(world_, std::move(stream), outgoing, peer_id_, make_behaviour(settings_.options)));
}

void PersonaNode::tick() {
    tick_timer_->arm(env_.now() + kTick);
    for (const auto& link : links_) link->tick();
    std::erase_if(links_, [](const auto& link) { return link->is_closed(); });
    dial_some();
}

void PersonaNode::dial_some() {
    for (auto& [endpoint, next] : known_) {
        if (env_.now() < next || links_.size() >= kMaxLinks) continue;
        const bool connected =
            std::ranges::any_of(links_, [&](const auto& link) { return link->remote().address == endpoint.address; });
        next = env_.now() + kRedial;
        if (connected) continue;
        std::optional<Endpoint> source;
        if (settings_.source) source = Endpoint{*settings_.source, 0};
        add_link(env_.connect(endpoint, source), true);
    }
}

void PersonaNode::on_piece(std::uint32_t piece) {
    for (const auto& link : links_) {
        if (link->is_open()) link->send(wire::Have{piece});
    }
    if (completed_ || !world_.store.is_complete()) return;
    completed_ = true;
    emit_stats("completed");
    announcer_.on_completed();
}

void PersonaNode::emit_stats(std::string_view event) {
    const std::uint64_t pieces = world_.metainfo->layout().piece_count();
    const std::uint64_t have = has_content_ ? pieces : world_.store.have_count();
    world_.telemetry.emit(env_.now(), telemetry::Level::Summary, event, std::nullopt,
                          {{"state", settings_.options.persona},
                           {"progress", static_cast<double>(have) / static_cast<double>(pieces)},
                           {"have", have},
                           {"pieces", pieces},
                           {"downloaded", world_.downloaded},
                           {"uploaded", world_.uploaded},
                           {"peers", static_cast<std::uint64_t>(links_.size())},
                           {"hash_failures", world_.store.hash_failures()}});
}

wire::AnnounceRequest PersonaNode::announce_request() const {
    wire::AnnounceRequest request;
    request.info_hash = world_.metainfo->info_hash();
    request.peer_id = peer_id_;
    request.port = listening_.port;
    request.uploaded = world_.uploaded;
    request.downloaded = world_.downloaded;
    const std::uint64_t missing = world_.metainfo->layout().piece_count() - world_.store.have_count();
    if (!has_content_) request.left = missing * world_.metainfo->layout().piece_length();
    return request;
}

void PersonaNode::on_tracker_peers(const std::vector<wire::AnnouncePeer>& peers) {
    if (!settings_.dials) return;
    for (const wire::AnnouncePeer& peer : peers) {
        if (peer.endpoint != listening_ && known_.size() < kMaxLinks) known_.emplace(peer.endpoint, env_.now());
    }
}

void PersonaNode::on_tracker_failed(const Error&) {}

void PersonaNode::on_announcer_finished() {
    if (stopping_) on_finished_();
}

}  // namespace bt::persona
