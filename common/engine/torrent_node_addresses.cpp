// The part of a TorrentNode that learns of addresses: what it tells and hears of trackers, and what peers say of
// others.

#include "common/engine/torrent_node.h"

namespace bt::engine {

void TorrentNode::begin_announcing() {
    if (announcer_) return;  // since the metadata was looked for
    announcer_ = std::make_unique<Announcer>(
        context_.trackers, *this,
        AnnouncerSettings{options_.tracker_tiers, options_.tracker, context_.tracker_routes, options_.profile},
        context_.telemetry, rng_.fork(2));
    announcer_->start();
}

wire::AnnounceRequest TorrentNode::announce_request() const {
    swarm::TorrentStats stats;
    stats.lacking = 1;  // of an unknown size: more than nothing, and no more than any torrent has
    if (torrent_) stats = torrent_->stats(context_.env->now());
    wire::AnnounceRequest request;
    request.info_hash = options_.info_hash;
    request.peer_id = context_.peer_id;
    request.port = context_.listen.port;
    request.uploaded = stats.uploaded;
    request.downloaded = stats.downloaded;
    request.left = stats.lacking;  // trackers count who has everything, whatever we want of it
    request.compact = true;
    request.numwant = options_.download && !is_complete() ? options_.numwant : 0;
    return request;
}

void TorrentNode::on_tracker_peers(const std::vector<wire::AnnouncePeer>& peers) {
    last_tracker_error_.reset();
    last_tracker_peers_ = static_cast<std::uint32_t>(peers.size());
    if (!options_.download) return;
    for (const wire::AnnouncePeer& peer : peers) note_peer(peer.endpoint, swarm::PeerSource::Tracker);
    end_turn();
}

void TorrentNode::note_own_endpoint() {
    peers_->peer_list().note_own_endpoint({context_.source.value_or(context_.listen.address), context_.listen.port});
}

void TorrentNode::note_peer(const Endpoint& endpoint, swarm::PeerSource source) {
    if (endpoint == context_.listen) return;
    // Out of reach from the address that we dial from.
    if (context_.source && context_.source->family() != endpoint.address.family()) return;
    peers_->peer_list().add(endpoint, source, context_.env->now());
}

void TorrentNode::note_heard_peers() {
    if (!torrent_) return;
    for (const Endpoint& endpoint : torrent_->take_heard_peers()) {
        if (options_.download) note_peer(endpoint, swarm::PeerSource::Exchange);
    }
}

void TorrentNode::on_tracker_failed(const Error& error) { last_tracker_error_ = error; }

void TorrentNode::on_announcer_finished() {
    announcer_finished_ = true;
    // From a callback of its own: it may be over at once, inside stop().
    timer_ = context_.env->make_timer([this] { advance_stop(); });
    timer_->arm(context_.env->now());
}

void TorrentNode::describe_trackers(TorrentSnapshot& snapshot) const {
    const discovery::TrackerClient& client = announcer_->client();
    snapshot.tracker_status = client.status_text(context_.env->now());
    snapshot.has_trackers = client.has_trackers();
    snapshot.trackers_failed = client.has_trackers() && !client.has_ever_succeeded() && last_tracker_error_.has_value();
    snapshot.tracker_peers = last_tracker_peers_;
    if (last_tracker_error_) snapshot.tracker_error = last_tracker_error_->message();
    if (!client.has_trackers() || !is_active()) return;
    const TimePoint next = client.next_deadline();
    snapshot.tracker_asked = next == kNever;
    if (next != kNever) snapshot.next_announce = next;
}

}  // namespace bt::engine
