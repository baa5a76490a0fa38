#include "tracker/announce_service.h"

#include <algorithm>

namespace bt::tracker {
namespace {

std::int64_t whole_seconds(Duration duration) { return std::chrono::ceil<seconds>(duration).count(); }

bool names(const std::vector<wire::AnnouncePeer>& peers, std::size_t count, const Endpoint& endpoint) {
    const auto first = peers.begin();
    return std::any_of(first, first + static_cast<std::ptrdiff_t>(count),
                       [&](const wire::AnnouncePeer& peer) { return peer.endpoint == endpoint; });
}

}  // namespace

Address without_v4_mapping(const Address& address) {
    static constexpr std::array<Byte, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (address.is_v4() || !equal_bytes(address.bytes().first(12), kMapped)) return address;
    std::array<Byte, 4> v4{};
    std::copy_n(address.bytes().begin() + 12, 4, v4.begin());
    return Address::v4(v4);
}

std::string_view passkey_of(std::string_view path) {
    path = path.substr(0, path.find('?'));
    const std::size_t last = path.rfind('/');
    return last == std::string_view::npos || last < 1 ? std::string_view() : path.substr(1, last - 1);
}

wire::AnnounceReply refusal(std::string reason) {
    wire::AnnounceReply reply;
    reply.failure_reason = std::move(reason);
    return reply;
}

AnnounceService::AnnounceService(AnnounceSettings settings, Rng rng, std::shared_ptr<Registry> registry)
    : settings_(std::move(settings)),
      is_quick_(allows_quick_answers(settings_)),
      rng_(rng),
      registry_(registry ? std::move(registry) : std::make_shared<Registry>(settings_.registry, rng)),
      identities_(rng.fork(1)) {
    for (const InfoHash& info_hash : settings_.torrents) registry_->pin(info_hash);
}

void AnnounceService::configure(AnnounceSettings settings) {
    for (const InfoHash& info_hash : settings_.torrents) registry_->unpin(info_hash);
    for (const InfoHash& info_hash : settings.torrents) registry_->pin(info_hash);
    registry_->configure(settings.registry);
    if (!settings.follows_key) identities_.clear();
    settings_ = std::move(settings);
    is_quick_ = allows_quick_answers(settings_);
}

bool AnnounceService::allows_quick_answers(const AnnounceSettings& settings) {
    return settings.passkeys.empty() && settings.per_torrent.empty() && settings.static_peers.empty() &&
           settings.static_mode == StaticPeers::First && settings.order == PeerOrder::Random &&
           settings.self_in_list == SelfInList::Never && settings.counts_self && settings.tracker_id.empty() &&
           settings.warning.empty() && !settings.external_ip && settings.ip_sources.empty();
}

bool AnnounceService::announce_quickly(const wire::AnnounceRequest& request, const Asker& asker, TimePoint now,
                                       QuickReply& reply, ByteBuffer* v4, ByteBuffer* v6) {
    if (!is_quick_ || request.port == 0 || !is_served(request.info_hash)) return false;
    const Endpoint announcer{*peer_address(request, asker.source), request.port};
    if (settings_.follows_key && !request.key.empty()) {
        const auto before = identities_.moved(request.info_hash, request.peer_id, request.key, announcer);
        if (before) registry_->remove(request.info_hash, *before, now);
    }
    const bool is_seed = request.left == 0;
    Registry::Visit swarm(*registry_, request.info_hash, now);
    if (request.event == wire::AnnounceEvent::Stopped) {
        swarm.remove(announcer);
    } else {
        const bool completed = is_seed && request.event == wire::AnnounceEvent::Completed;
        if (!swarm.announce({announcer, request.peer_id}, is_seed, completed)) return false;
        const bool only_leechers = is_seed && (request.downloaded > 0 || request.uploaded > 0);
        const std::uint32_t want = std::min(request.numwant.value_or(settings_.default_numwant), settings_.max_numwant);
        swarm.sample_compact(announcer, only_leechers, want, v4, v6);
    }
    reply.counts = swarm.counts();
    const Times at = times(nullptr, asker.door);
    reply.interval_s = at.interval_s;
    reply.min_interval_s = at.min_interval_s;
    return true;
}

bool AnnounceService::knows_passkey(std::string_view passkey) const {
    return settings_.passkeys.empty() || settings_.passkeys.contains(std::string(passkey));
}

bool AnnounceService::is_served(const InfoHash& info_hash) const {
    if (settings_.denied.contains(info_hash)) return false;
    if (settings_.torrents.empty() && settings_.allowed.empty()) return true;
    return registry_->is_pinned(info_hash) || settings_.allowed.contains(info_hash);
}

wire::AnnounceReply AnnounceService::policy_refusal(std::string reason) const {
    wire::AnnounceReply reply = refusal(std::move(reason));
    reply.retry_in = settings_.retry_in;
    return reply;
}

std::optional<wire::AnnounceReply> AnnounceService::refuse(const wire::AnnounceRequest& request,
                                                           const Asker& asker) const {
    if (!knows_passkey(asker.passkey)) {
        return policy_refusal(asker.passkey.empty() ? "passkey: missing, this tracker wants /PASSKEY/announce"
                                                    : "passkey: this tracker does not know it");
    }
    if (request.port == 0) return refusal("port: must be from 1 to 65535, nobody can connect to port 0 (BEP 3)");
    if (!is_served(request.info_hash)) return policy_refusal("info_hash: this tracker does not serve that torrent");
    return std::nullopt;
}

std::optional<Address> AnnounceService::peer_address(const wire::AnnounceRequest& request,
                                                     const Address& source) const {
    Address address = without_v4_mapping(source);
    if (!request.ip.empty() && contains(settings_.ip_sources, address)) {
        const auto claimed = Address::parse(request.ip);
        if (!claimed || claimed->is_unspecified()) return std::nullopt;
        address = without_v4_mapping(*claimed);
    }
    if (!address.is_loopback()) return address;
    return (address.is_v4() ? settings_.loopback_v4 : settings_.loopback_v6).value_or(address);
}

wire::AnnounceReply AnnounceService::announce(const wire::AnnounceRequest& request, const Asker& asker, TimePoint now) {
    if (auto refused = refuse(request, asker)) return std::move(*refused);
    const auto address = peer_address(request, asker.source);
    if (!address) return refusal("ip: must be an IPv4 or IPv6 address (BEP 3, BEP 7)");
    const auto found =
        settings_.per_torrent.empty() ? settings_.per_torrent.end() : settings_.per_torrent.find(request.info_hash);
    const TorrentSettings* torrent = found == settings_.per_torrent.end() ? nullptr : &found->second;

    const Endpoint announcer{*address, request.port};
    if (settings_.follows_key && !request.key.empty()) {
        const auto before = identities_.moved(request.info_hash, request.peer_id, request.key, announcer);
        if (before) registry_->remove(request.info_hash, *before, now);
    }
    const bool is_stopped = request.event == wire::AnnounceEvent::Stopped;
    const bool is_seed = request.left == 0;
    wire::AnnounceReply reply;
    if (is_stopped) {
        registry_->remove(request.info_hash, announcer, now);
    } else {
        const bool completed = is_seed && request.event == wire::AnnounceEvent::Completed;
        const Status stored =
            registry_->announce(request.info_hash, {announcer, request.peer_id}, is_seed, completed, now);
        if (!stored) return policy_refusal(stored.error().message());
        choose_peers(request, torrent, announcer, now, reply.peers);
    }
    const SwarmCounts counts = registry_->counts(request.info_hash, now);
    const std::uint64_t self = settings_.counts_self || is_stopped ? 0 : 1;
    reply.complete = counts.complete - (is_seed ? self : 0);
    reply.incomplete = counts.incomplete - (is_seed ? 0 : self);
    const Times at = times(torrent, asker.door);
    reply.interval_s = at.interval_s;
    reply.min_interval_s = at.min_interval_s;
    if (settings_.external_ip) reply.external_ip = *address;
    reply.tracker_id = settings_.tracker_id;
    reply.warning_message = settings_.warning;
    return reply;
}

auto AnnounceService::times(const TorrentSettings* torrent, Door door) -> Times {
    Duration interval = settings_.interval;
    Duration min_interval = settings_.min_interval;
    if (door == Door::Udp && settings_.udp_interval) interval = *settings_.udp_interval;
    if (torrent != nullptr && torrent->interval) interval = *torrent->interval;
    if (torrent != nullptr && torrent->min_interval) min_interval = *torrent->min_interval;
    std::int64_t wanted = whole_seconds(interval);
    if (const std::int64_t jitter = whole_seconds(settings_.interval_jitter); jitter > 0) {
        wanted += static_cast<std::int64_t>(rng_.below(static_cast<std::uint64_t>(2 * jitter + 1))) - jitter;
    }
    wanted = std::max<std::int64_t>(wanted, 1);
    return {static_cast<std::uint32_t>(wanted),
            static_cast<std::uint32_t>(std::min(wanted, whole_seconds(min_interval)))};
}

void AnnounceService::choose_peers(const wire::AnnounceRequest& request, const TorrentSettings* torrent,
                                   const Endpoint& announcer, TimePoint now, Peers& out) {
    const std::size_t want = std::min(request.numwant.value_or(settings_.default_numwant), settings_.max_numwant);
    if (want == 0) return;
    std::size_t static_peers = 0;
    const auto add_static = [&](const std::vector<KnownPeer>& peers) {
        static_peers += peers.size();
        for (const KnownPeer& peer : peers) {
            if (out.size() == want) return;
            if (peer.endpoint != announcer) out.push_back({peer.endpoint, peer.peer_id});
        }
    };
    add_static(settings_.static_peers);
    if (torrent != nullptr) add_static(torrent->static_peers);
    if (settings_.static_mode == StaticPeers::First && out.size() < want) {
        draw_peers(request, announcer, want, static_peers, now, out);
    }
    const bool wants_self = settings_.self_in_list == SelfInList::Always ||
                            (settings_.self_in_list == SelfInList::WhenAlone && out.empty());
    if (!wants_self) return;
    if (out.size() == want) out.pop_back();
    out.push_back({announcer, request.peer_id});
}

void AnnounceService::draw_peers(const wire::AnnounceRequest& request, const Endpoint& announcer, std::size_t want,
                                 std::size_t static_peers, TimePoint now, Peers& out) {
    const std::size_t already = out.size();
    const bool is_fixed = settings_.order == PeerOrder::Fixed;
    // As many more as there may be static peers among those drawn.
    const auto draw = is_fixed ? UINT32_MAX : static_cast<std::uint32_t>(want - already + static_peers);
    const bool only_leechers = request.left == 0 && (request.downloaded > 0 || request.uploaded > 0);
    sampled_.clear();
    registry_->sample(request.info_hash, announcer, only_leechers, draw, now, sampled_);
    if (is_fixed) std::ranges::sort(sampled_, {}, &KnownPeer::endpoint);
    for (const KnownPeer& peer : sampled_) {
        if (out.size() == want) return;
        if (names(out, already, peer.endpoint)) continue;
        out.push_back({peer.endpoint, std::nullopt});
        if (settings_.registry.keep_peer_ids) out.back().peer_id = peer.peer_id;
    }
}

}  // namespace bt::tracker
