// The part of a TorrentNode that begins with an info_hash alone: until the metainfo is there, and the moment it comes.

#include <algorithm>

#include "common/base/encoding.h"
#include "common/engine/torrent_node.h"
#include "common/meta/metainfo_writer.h"

namespace bt::engine {

using telemetry::Level;

TorrentOptions options_for(const meta::Magnet& magnet) {
    TorrentOptions options;
    options.info_hash = magnet.info_hash;
    options.name_hint = magnet.display_name;
    options.magnet_peers = magnet.peers;
    for (const std::string& url : magnet.trackers) options.tracker_tiers.push_back({url});
    return options;
}

void TorrentNode::begin_metadata() {
    state_ = TorrentState::FetchingMetadata;
    swarm::MetadataSwarmSettings settings;
    settings.info_hash = options_.info_hash;
    settings.peer_id = context_.peer_id;
    settings.client_version = options_.swarm.client_version;
    settings.listen_port = context_.listen.port;
    settings.plain = options_.profile == WireProfile::Plain;
    settings.max_unread = options_.swarm.max_unread;
    settings.peer_list = options_.swarm.peer_list;
    metadata_ = std::make_unique<swarm::MetadataSwarm>(settings, context_.telemetry, rng_.fork(3));
    peers_ = metadata_.get();
    note_own_endpoint();
    const TimePoint now = context_.env->now();
    for (const Endpoint& peer : options_.manual_peers) peers_->peer_list().add(peer, swarm::PeerSource::Manual, now);
    for (const Endpoint& peer : options_.magnet_peers) peers_->peer_list().add(peer, swarm::PeerSource::Magnet, now);
    context_.telemetry.emit(now, Level::Summary, "fetching_metadata", std::nullopt,
                            {{"info_hash", to_hex(options_.info_hash)}, {"name", options_.name_hint}});
    begin_announcing();
    end_turn();
}

// At the end of a turn, so that the message which brought the last block has been dealt with.
void TorrentNode::notice_metadata() {
    if (state_ != TorrentState::FetchingMetadata || !metadata_->metadata()) return;
    if (const Status adopted = adopt_metadata(*metadata_->metadata()); !adopted) return fail_torrent(adopted.error());
    context_.telemetry.emit(context_.env->now(), Level::Summary, "metadata_received", std::nullopt,
                            {{"name", options_.metainfo->name()},
                             {"size", std::uint64_t{options_.metainfo->info_bytes().size()}},
                             {"private", options_.metainfo->is_private()}});
    if (options_.metainfo->is_private()) forget_unofficial_peers();
    begin_check();
    observer_->on_torrent_metadata(*this);
}

Status TorrentNode::adopt_metadata(const ByteBuffer& info) {
    BT_TRY_ASSIGN(auto metainfo, meta::Metainfo::parse(meta::wrap_info(info, options_.tracker_tiers)));
    // Whoever makes a link can make bytes of that hash which are more than one value.
    if (metainfo.info_hash() != options_.info_hash) {
        return fail(remote_error(ErrorCode::InvalidMetainfo, "the metadata is not one bencoded dictionary"));
    }
    options_.metainfo = std::make_shared<const meta::Metainfo>(std::move(metainfo));
    if (options_.prepare) BT_TRY(options_.prepare(options_));
    if (options_.paths.size() == options_.metainfo->files().size()) return {};
    return fail(local_error(ErrorCode::InvalidArgument, "the metadata came, and nobody says where to put the files"));
}

void TorrentNode::forget_unofficial_peers() {
    const auto lost = peers_->peer_list().forget_sources({swarm::PeerSource::Magnet, swarm::PeerSource::Exchange});
    std::vector<PeerLink*> links;
    for (const auto& [id, link] : links_) {
        if (link->is_outgoing() && std::ranges::find(lost, link->remote()) != lost.end()) links.push_back(link.get());
    }
    for (PeerLink* link : links) {
        drop_link(*link, local_error(ErrorCode::Cancelled, "the torrent is private, and no tracker named this peer"));
    }
}

void TorrentNode::hand_over_connections() {
    const TimePoint now = context_.env->now();
    torrent_->take_over_addresses(metadata_->take_addresses());
    for (swarm::HandedOverPeer& peer : metadata_->hand_over()) {
        PeerLink& link = *links_.at(peer.connection.session->id());
        link.rebind(*torrent_->take_over(std::move(peer), options_.profile == WireProfile::Full, now));
    }
    metadata_.reset();
}

void TorrentNode::describe_metadata(TorrentSnapshot& snapshot) const {
    snapshot.metadata = metadata_->progress();
    snapshot.stats.connected = static_cast<std::uint32_t>(metadata_->connections().size());
    snapshot.stats.known = static_cast<std::uint32_t>(metadata_->peer_list().known());
    snapshot.stats.banned = static_cast<std::uint32_t>(metadata_->peer_list().banned());
    snapshot.stats.left = snapshot.stats.wanted = snapshot.stats.lacking = 1;
    if (!options_.metainfo) return;
    snapshot.stats.pieces = options_.metainfo->layout().piece_count();
    snapshot.stats.left = snapshot.stats.wanted = snapshot.stats.lacking = options_.metainfo->layout().total_length();
    if (check_) snapshot.stats.have = check_->good_pieces();
}

std::string TorrentNode::name() const {
    if (options_.metainfo) return options_.metainfo->name();
    return options_.name_hint.empty() ? to_hex(options_.info_hash) : options_.name_hint;
}

}  // namespace bt::engine
