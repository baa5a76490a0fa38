// What the views are told of a session.

#include <algorithm>

#include "client/session.h"
#include "common/base/encoding.h"

namespace bt::client {
namespace {

Phase phase_of(const engine::TorrentNode& node, const engine::TorrentSnapshot& snapshot) {
    switch (snapshot.state) {
        case engine::TorrentState::FetchingMetadata:
            return Phase::Metadata;
        case engine::TorrentState::Checking:
            return Phase::Checking;
        case engine::TorrentState::Running:
            return node.is_complete() ? Phase::Seeding : Phase::Downloading;
        case engine::TorrentState::Failed:
            return Phase::Failed;
        case engine::TorrentState::Stopping:
        case engine::TorrentState::Stopped:
            return Phase::Stopping;
    }
    return Phase::Waiting;
}

PeerView describe_peer(const swarm::Torrent& torrent, ConnectionId id, const swarm::PeerConnection& peer,
                       TimePoint now) {
    const swarm::PeerSession& session = *peer.session;
    PeerView view;
    view.address = peer.endpoint.to_string();
    if (session.extensions()) view.client = session.extensions()->client_version;
    view.am_choking = session.am_choking();
    view.am_interested = session.am_interested();
    view.peer_choking = session.peer_choking();
    view.peer_interested = session.peer_interested();
    view.optimistic = torrent.optimistic_peer() == id;
    view.snubbed = session.pipeline().is_snubbed(now);
    view.incoming = !peer.outgoing;
    view.from_pex = torrent.peer_list().source_of(peer.endpoint) == swarm::PeerSource::Exchange;
    view.have = session.pieces().count();
    view.down_rate = session.download_rate(now);
    view.up_rate = session.upload_rate(now);
    view.requests = session.pipeline().outstanding();
    if (peer.choke_reason) view.choke_reason = swarm::choke_reason_name(*peer.choke_reason);
    return view;
}

void copy_numbers(const engine::TorrentSnapshot& snapshot, TorrentView& view) {
    const swarm::TorrentStats& stats = snapshot.stats;
    view.have = view.wanted - std::min(view.wanted, stats.left);
    view.pieces = stats.pieces;
    view.have_pieces = stats.have;
    if (stats.pieces > 0) view.checked = static_cast<double>(snapshot.checked_pieces) / stats.pieces;
    view.down_rate = stats.down_rate;
    view.up_rate = stats.up_rate;
    view.downloaded = stats.downloaded;
    view.uploaded = stats.uploaded;
    view.hash_failures = stats.hash_failures;
    view.wasted = stats.wasted;
    view.connected = stats.connected;
    view.connecting = snapshot.connecting;
    view.known = stats.known;
    view.banned = stats.banned;
}

void copy_trackers(const engine::TorrentSnapshot& snapshot, TimePoint now, TorrentView& view) {
    view.has_trackers = snapshot.has_trackers;
    view.tracker_asked = snapshot.tracker_asked;
    view.tracker_peers = snapshot.tracker_peers;
    view.tracker_error = snapshot.tracker_error;
    if (snapshot.next_announce) view.next_announce = std::max(*snapshot.next_announce - now, Duration(0));
}

void show_end(const TorrentResult& result, bool stopped, TorrentView& view) {
    view.down_rate = view.up_rate = 0;  // those of the snapshot are of the moment it ended
    if (!stopped) {
        view.phase = Phase::Stopping;
        return;
    }
    const bool well = result.end == TorrentEnd::Done || result.end == TorrentEnd::Removed;
    view.phase = well ? Phase::Done : Phase::Failed;
    if (!well) view.problem = result.error ? result.error->message() : std::string(torrent_end_name(result.end));
}

}  // namespace

std::uint64_t wanted_bytes(const engine::TorrentNode& node, const engine::TorrentSnapshot& snapshot) {
    return node.has_metainfo() ? snapshot.stats.wanted : 0;
}

TorrentView describe(engine::TorrentNode& node, const engine::TorrentSnapshot& snapshot, TimePoint now,
                     bool with_peers) {
    TorrentView view;
    view.phase = phase_of(node, snapshot);
    if (node.failure()) view.problem = node.failure()->message();
    view.has_metadata = node.has_metainfo();
    const swarm::MetadataProgress& metadata = snapshot.metadata;
    if (metadata.size > 0) view.metadata = static_cast<double>(metadata.received) / static_cast<double>(metadata.size);
    view.wanted = wanted_bytes(node, snapshot);
    copy_numbers(snapshot, view);
    copy_trackers(snapshot, now, view);
    if (const swarm::Torrent* torrent = node.torrent()) {
        for (const auto& [id, peer] : torrent->connections()) {
            if (peer.interesting > 0) ++view.interesting;
            if (peer.interesting > 0 && !peer.session->peer_choking()) ++view.unchoking;
            if (!with_peers) continue;
            view.peers.push_back(describe_peer(*torrent, id, peer, now));
            view.peers.back().encrypted = node.is_encrypted(id);
        }
    }
    return view;
}

SessionView Session::view(bool with_peers) const {
    const TimePoint now = env_->now();
    SessionView view;
    view.running = now - started_at_;
    for (const auto& item : items_) {
        TorrentView torrent;
        if (item->node != nullptr) {
            const auto snapshot = item->result ? item->result->snapshot : item->node->snapshot();
            torrent = describe(*item->node, snapshot, now, with_peers && !item->result);
        } else {
            torrent.wanted = item->result->wanted;
            copy_numbers(item->result->snapshot, torrent);
        }
        torrent.name = item->name;
        const InfoHash& info_hash = item->node ? item->node->info_hash() : item->result->info_hash;
        torrent.info_hash = to_hex(info_hash);
        torrent.running = (item->result ? item->result->running : now - item->added_at);
        torrent.since_block = now - item->watch.progress_at();
        if (item->result) show_end(*item->result, item->node == nullptr, torrent);
        view.torrents.push_back(std::move(torrent));
    }
    return view;
}

}  // namespace bt::client
