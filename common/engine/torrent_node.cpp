#include "common/engine/torrent_node.h"

#include <algorithm>

#include "common/base/check.h"

namespace bt::engine {

using telemetry::Level;

namespace {

// For the disk: empty stands for all.
std::vector<bool> wanted_files(const std::vector<std::uint8_t>& file_priorities) {
    std::vector<bool> wanted;
    wanted.reserve(file_priorities.size());
    for (const std::uint8_t priority : file_priorities) wanted.push_back(priority > 0);
    return wanted;
}

storage::StorageSpec storage_spec(const TorrentOptions& options) {
    storage::StorageSpec spec{options.metainfo, options.paths, options.access, options.placement};
    if (spec.placement) spec.placement->wanted = wanted_files(options.file_priorities);
    return spec;
}

}  // namespace

TorrentNode::TorrentNode(NodeContext context, TorrentOptions options, TorrentObserver& observer, Rng rng)
    : context_(std::move(context)),
      options_(std::move(options)),
      observer_(&observer),
      rng_(rng),
      timer_(context_.env->make_timer([this] { on_timer(); })),
      throttle_(*context_.throttle) {
    options_.swarm.peer_id = context_.peer_id;
    options_.swarm.listen_port = context_.listen.port;
    options_.swarm.download = options_.download;
    // What a plain handshake does not offer is not used either, whatever the peer offers.
    options_.swarm.extensions = options_.profile == WireProfile::Full || !options_.metainfo;
    options_.swarm.extras = options_.profile == WireProfile::Full;
    if (options_.metainfo) options_.info_hash = options_.metainfo->info_hash();
}

TorrentNode::~TorrentNode() {
    if (storage_) context_.env->disk().close_storage(*storage_);
}

template <class Callback>
auto TorrentNode::guarded(Callback callback) {
    return [alive = std::weak_ptr<int>(alive_), callback](auto&& result) {
        if (!alive.expired()) callback(std::forward<decltype(result)>(result));
    };
}

void TorrentNode::start() {
    if (options_.metainfo) {
        begin_check();
    } else {
        begin_metadata();
    }
}

void TorrentNode::begin_check() {
    state_ = TorrentState::Checking;
    options_.swarm.file_priorities = options_.file_priorities;
    storage_ = context_.env->disk().open_storage(storage_spec(options_));
    keeper_.emplace(*context_.env, *storage_,
                    KeeperSettings{options_.info_hash, options_.resume_path, options_.boot_id,
                                   options_.placement ? options_.placement->shared_path : std::string(),
                                   options_.resume_interval, context_.telemetry},
                    [this](const Status& status) { on_files_placed(status); });
    CheckSettings settings{options_.access, options_.resume_path, options_.boot_id, options_.existing,
                           options_.trust_sizes};
    check_ = std::make_unique<ContentCheck>(*context_.env, *storage_, options_.metainfo, settings,
                                            [this](Result<CheckOutcome> outcome) { on_checked(std::move(outcome)); });
    check_->start();
}

void TorrentNode::on_checked(Result<CheckOutcome> outcome) {
    if (state_ != TorrentState::Checking) return;
    if (!outcome) return fail_torrent(outcome.error());
    checked_ = std::move(*outcome);
    const storage::FileState files(*options_.metainfo, checked_->have);
    if (reselect_) keeper_->select(wanted_files(options_.file_priorities), files);
    keeper_->finish_complete(files, options_.metainfo->file_map().file_count());
    if (!keeper_->is_placing()) begin();
}

void TorrentNode::begin() {
    const CheckOutcome outcome = *std::exchange(checked_, std::nullopt);
    const TimePoint now = context_.env->now();
    context_.telemetry.emit(now, Level::Summary, "checked", std::nullopt,
                            {{"have", outcome.have.count()},
                             {"pieces", options_.metainfo->layout().piece_count()},
                             {"from_resume", outcome.from_resume}});
    torrent_.emplace(options_.metainfo, outcome.have, *storage_, options_.swarm, context_.telemetry, rng_.fork(1));
    was_complete_ = torrent_->is_complete();
    keeper_->start([this]() -> const meta::Bitfield& { return torrent_->have(); });
    tell_rate_bounds();
    if (metadata_) hand_over_connections();
    peers_ = &*torrent_;
    note_own_endpoint();
    for (const Endpoint& peer : options_.manual_peers) {
        torrent_->peer_list().add(peer, swarm::PeerSource::Manual, now);
    }
    state_ = TorrentState::Running;
    begin_announcing();
    observer_->on_torrent_running(*this);
    end_turn();
}

bool TorrentNode::is_active() const {
    return peers_ != nullptr && (state_ == TorrentState::FetchingMetadata || state_ == TorrentState::Checking ||
                                 state_ == TorrentState::Running);
}

bool TorrentNode::accepts_links() const { return is_active() && links_.size() < options_.max_connections; }

bool TorrentNode::is_encrypted(ConnectionId id) const {
    const auto found = links_.find(id);
    return found != links_.end() && found->second->crypto() != transport::StreamCrypto::None;
}

Status TorrentNode::adopt(std::unique_ptr<PeerLink> link) {
    if (!accepts_links()) return fail(local_error(ErrorCode::LimitReached, "no more connections are taken"));
    link->set_owner(*this);
    link->join(throttle_);
    links_.emplace(link->id(), std::move(link));
    return {};
}

void TorrentNode::add_peer(const Endpoint& endpoint, swarm::PeerSource source) {
    const bool unofficial = source == swarm::PeerSource::Exchange || source == swarm::PeerSource::Magnet;
    if (unofficial && options_.metainfo && options_.metainfo->is_private()) return;
    if (peers_ == nullptr) {
        options_.manual_peers.push_back(endpoint);
        return;
    }
    peers_->peer_list().add(endpoint, source, context_.env->now());
    end_turn();
}

void TorrentNode::set_limits(const transport::RateLimits& limits) {
    throttle_.set_limits(limits);
    tell_rate_bounds();
}

void TorrentNode::tell_rate_bounds() {
    if (torrent_) torrent_->set_rate_bounds(throttle_.bounds());
}

void TorrentNode::set_file_priorities(std::vector<std::uint8_t> file_priorities) {
    options_.file_priorities = options_.swarm.file_priorities = std::move(file_priorities);
    reselect_ = true;
    if (!torrent_) return;
    torrent_->set_file_priorities(options_.file_priorities, context_.env->now());
    keeper_->select(wanted_files(options_.file_priorities), torrent_->file_state());
    was_complete_ = was_complete_ && torrent_->is_complete();
    end_turn();
}

// Links --------------------------------------------------------------------------------------------------------------

Result<InfoHash> TorrentNode::on_info_hash(PeerLink&, const InfoHash& info_hash) {
    if (info_hash != options_.info_hash) {
        return fail(remote_error(ErrorCode::HandshakeRefused, "unknown info_hash"));
    }
    return info_hash;
}

Result<swarm::PeerConnection*> TorrentNode::on_handshake(PeerLink& link, const wire::Handshake& remote) {
    BT_CHECK(peers_ != nullptr);
    if (link.end_dial()) context_.dial_budget->on_dial_ended();
    if (link.is_outgoing()) peers_->peer_list().on_way_accepted(link.remote(), link.way());
    return peers_->on_peer_connected(link.id(), link.remote(), link.is_outgoing(), remote, context_.env->now(),
                                     link.crypto());
}

void TorrentNode::fill_handshake(wire::Handshake& own) const {
    if (options_.swarm.extensions) own.set_extensions();
    if (options_.swarm.extras) own.set_fast();
}

Status TorrentNode::on_message(PeerLink& link, const wire::Message& message) {
    return peers_->on_message(*link.connection(), message, context_.env->now());
}

bool TorrentNode::on_output_drained(PeerLink& link) {
    return peers_->fill_output(*link.connection(), context_.env->now());
}

void TorrentNode::on_link_failed(PeerLink& link, const Error& error) { drop_link(link, error); }

void TorrentNode::drop_link(PeerLink& link, const Error& error) {
    const TimePoint now = context_.env->now();
    const auto found = links_.find(link.id());
    if (found == links_.end()) return;
    if (link.end_dial()) context_.dial_budget->on_dial_ended();
    if (link.state() == PeerLink::State::Established) {
        peers_->on_peer_gone(link.id(), error, now);
    } else {
        const bool other_way_next = link.is_outgoing() && on_dial_failed(link, error);
        context_.telemetry.emit(now, Level::Summary, other_way_next ? "way_refused" : "peer_disconnected", link.id(),
                                {{"address", link.remote().to_string()},
                                 {"reason", error.message()},
                                 {"error", error_code_name(error.code)},
                                 {"fault", fault_name(error.fault)}});
    }
    link.close();
    retired_.push_back(std::move(found->second));
    links_.erase(found);
}

bool TorrentNode::on_dial_failed(const PeerLink& link, const Error& error) {
    const TimePoint now = context_.env->now();
    if (link.is_way_unanswered() && error.fault != Fault::Local) {
        return peers_->peer_list().on_way_refused(link.remote(), link.way(), context_.encryption, now);
    }
    peers_->peer_list().on_dial_failed(link.remote(), now);
    return false;
}

void TorrentNode::dial() {
    if (!wants_to_dial()) return;
    const TimePoint now = context_.env->now();
    while (links_.size() < options_.max_connections) {
        if (peers_->peer_list().next_deadline() > now || !context_.dial_budget->take(now)) return;
        const auto endpoint = peers_->peer_list().next_to_dial(now);
        if (!endpoint) {
            context_.dial_budget->on_dial_ended();
            return;
        }
        std::optional<Endpoint> source;
        if (context_.source && context_.source->family() == endpoint->address.family()) {
            source = Endpoint{*context_.source, 0};
        }
        const ConnectionId id = context_.next_connection_id();
        const StreamEncryption encryption = make_stream_encryption(
            context_.encryption, peers_->peer_list().way_to_dial(*endpoint, context_.encryption), rng_);
        context_.telemetry.emit(
            now, Level::Decision, "dialing", id,
            {{"address", endpoint->to_string()}, {"encrypted", encryption.way == transport::DialWay::Encrypted}});
        auto link = std::make_unique<PeerLink>(*context_.env, *this, id, context_.env->connect(*endpoint, source),
                                               *endpoint, context_.peer_id, options_.info_hash, encryption);
        link->set_tap(context_.tap);
        link->join(throttle_);
        links_.emplace(id, std::move(link));
    }
}

bool TorrentNode::wants_to_dial() const { return is_active() && peers_->wants_peers(); }

void TorrentNode::expire_links() {
    const TimePoint now = context_.env->now();
    std::vector<PeerLink*> late;
    for (const auto& [id, link] : links_) {
        if (link->deadline() <= now) late.push_back(link.get());
    }
    for (PeerLink* link : late) {
        drop_link(*link, link->timeout_error());
    }
}

// The turn -----------------------------------------------------------------------------------------------------------

void TorrentNode::on_timer() {
    timer_armed_for_ = kNever;
    expire_links();
    if (peers_ && peers_->next_deadline() <= context_.env->now()) peers_->on_deadline(context_.env->now());
    end_turn();
}

void TorrentNode::end_turn() {
    if (!peers_ || state_ == TorrentState::Stopped) return;
    const TimePoint now = context_.env->now();
    drop_peers();
    peers_->settle(now);
    // Settling may find reasons to drop a peer; dropping frees requests that must be settled again.
    while (drop_peers()) peers_->settle(now);
    if (torrent_) run_disk_jobs();
    flush_links();
    if (torrent_) keeper_->finish(torrent_->take_completed_files());
    notice_metadata();
    notice_completion();
    note_heard_peers();
    dial();
    // Nobody is connected or being dialled: who has come to the swarm since, only a tracker can tell.
    if (options_.download && wants_to_dial() && links_.empty()) announcer_->need_peers();
    arm_timer();
}

bool TorrentNode::drop_peers() {
    auto drops = peers_->take_drops();
    for (const swarm::PeerToDrop& drop : drops) {
        const auto link = links_.find(drop.connection);
        if (link != links_.end()) drop_link(*link->second, drop.error);
    }
    return !drops.empty();
}

void TorrentNode::flush_links() {
    for (const auto& [id, link] : links_) link->flush();
}

void TorrentNode::run_disk_jobs() {
    for (swarm::PieceToWrite& write : torrent_->take_writes()) {
        ++writes_in_flight_;
        const PieceIndex piece = write.piece;
        context_.env->disk().write_piece(
            *storage_, piece, std::move(write.buffer), write.want_block_digests,
            guarded([this, piece](env::PieceWritten written) {
                --writes_in_flight_;
                torrent_->on_piece_written(
                    piece,
                    {std::move(written.buffer), written.hash_ok, written.status, std::move(written.block_digests)},
                    context_.env->now());
                if (torrent_->failure() && state_ == TorrentState::Running) fail_torrent(*torrent_->failure());
                end_turn();
                if (state_ == TorrentState::Stopping) advance_stop();
            }));
    }
    for (const PieceIndex piece : torrent_->take_prefetches()) context_.env->disk().prefetch(*storage_, piece);
}

void TorrentNode::on_files_placed(const Status& status) {
    const bool is_alive = state_ == TorrentState::Checking || state_ == TorrentState::Running;
    if (!status && is_alive) fail_torrent(status.error());
    if (state_ == TorrentState::Checking && checked_) return begin();
    end_turn();
    if (state_ == TorrentState::Stopping) advance_stop();
}

void TorrentNode::notice_completion() {
    if (was_complete_ || state_ != TorrentState::Running || !is_complete()) return;
    was_complete_ = true;
    if (torrent_->has_everything()) announcer_->on_completed();
    observer_->on_torrent_completed(*this);
}

void TorrentNode::arm_timer() {
    retired_.clear();
    if (state_ == TorrentState::Stopping || state_ == TorrentState::Stopped) return;
    TimePoint next = peers_->next_deadline();
    for (const auto& [id, link] : links_) next = std::min(next, link->deadline());
    if (wants_to_dial() && links_.size() < options_.max_connections) {
        const TimePoint now = context_.env->now();
        const TimePoint dial_at = peers_->peer_list().next_deadline();
        // Due already, and still not dialled: the budget is used up until its next window.
        next = std::min(next, dial_at <= now ? context_.dial_budget->next_window(now) : dial_at);
    }
    if (next == timer_armed_for_) return;
    timer_armed_for_ = next;
    if (next == kNever) {
        timer_->cancel();
    } else {
        timer_->arm(next);
    }
}

// The end ------------------------------------------------------------------------------------------------------------

void TorrentNode::fail_torrent(Error error) {
    failure_ = error;
    state_ = TorrentState::Failed;
    context_.telemetry.emit(context_.env->now(), Level::Summary, "failed", std::nullopt,
                            {{"reason", error.message()}, {"error", error_code_name(error.code)}});
    observer_->on_torrent_failed(*this, error);
}

void TorrentNode::stop() {
    if (state_ == TorrentState::Stopping || state_ == TorrentState::Stopped) return;
    state_ = TorrentState::Stopping;
    check_.reset();
    timer_->cancel();
    while (!links_.empty()) drop_link(*links_.begin()->second, local_error(ErrorCode::Cancelled, "we are stopping"));
    if (announcer_) {
        announcer_->stop();
    } else {
        on_announcer_finished();
    }
}

void TorrentNode::advance_stop() {
    const bool placing = keeper_ && keeper_->is_placing();
    if (state_ != TorrentState::Stopping || !announcer_finished_ || writes_in_flight_ > 0 || placing) return;
    if (!content_left_) return leave_content();
    state_ = TorrentState::Stopped;
    observer_->on_torrent_stopped(*this);
}

void TorrentNode::leave_content() {
    if (std::exchange(leaving_content_, true)) return;
    const auto left = [this] {
        content_left_ = true;
        advance_stop();
    };
    if (!torrent_ || options_.access == storage::Access::ReadOnly) return left();
    keeper_->leave(torrent_->have(), torrent_->is_complete(), left);
}

TorrentSnapshot TorrentNode::snapshot() const {
    TorrentSnapshot snapshot;
    snapshot.state = state_;
    if (check_) snapshot.checked_pieces = check_->checked_pieces();
    if (torrent_) {
        snapshot.stats = torrent_->stats(context_.env->now());
    } else if (metadata_) {
        describe_metadata(snapshot);
    } else if (options_.metainfo) {
        snapshot.stats.pieces = options_.metainfo->layout().piece_count();
        snapshot.stats.left = snapshot.stats.wanted = snapshot.stats.lacking =
            options_.metainfo->layout().total_length();
        if (check_) snapshot.stats.have = check_->good_pieces();
    }
    if (peers_) snapshot.connecting = static_cast<std::uint32_t>(links_.size() - peers_->connections().size());
    if (announcer_) describe_trackers(snapshot);
    switch (state_) {
        case TorrentState::FetchingMetadata:
            snapshot.word = "fetching metadata";
            break;
        case TorrentState::Checking:
            snapshot.word = "checking";
            break;
        case TorrentState::Failed:
            snapshot.word = "failed";
            break;
        case TorrentState::Stopping:
        case TorrentState::Stopped:
            snapshot.word = "stopped";
            break;
        case TorrentState::Running:
            snapshot.word = torrent_->is_complete()           ? "seeding"
                            : torrent_->connections().empty() ? "connecting"
                                                              : "downloading";
            break;
    }
    return snapshot;
}

void TorrentNode::check_invariants() const {
    if (!peers_) return;
    peers_->check_invariants();
    std::size_t established = 0;
    for (const auto& [id, link] : links_) {
        if (link->state() == PeerLink::State::Established) ++established;
    }
    BT_CHECK(established == peers_->connections().size());
    BT_CHECK(links_.size() <= options_.max_connections);
}

}  // namespace bt::engine
