#include "tracker/announce_service.h"

#include <algorithm>

namespace bt::tracker {
namespace {

std::uint32_t whole_seconds(Duration duration) {
    return static_cast<std::uint32_t>(std::chrono::ceil<seconds>(duration).count());
}

}  // namespace

Address without_v4_mapping(const Address& address) {
    static constexpr std::array<Byte, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (address.is_v4() || !equal_bytes(address.bytes().first(12), kMapped)) return address;
    std::array<Byte, 4> v4{};
    std::copy_n(address.bytes().begin() + 12, 4, v4.begin());
    return Address::v4(v4);
}

wire::AnnounceReply refusal(std::string reason) {
    wire::AnnounceReply reply;
    reply.failure_reason = std::move(reason);
    return reply;
}

AnnounceService::AnnounceService(AnnounceSettings settings, Rng rng)
    : settings_(std::move(settings)), registry_(settings_.registry, rng) {
    for (const InfoHash& info_hash : settings_.torrents) registry_.pin(info_hash);
}

wire::AnnounceReply AnnounceService::announce(const wire::AnnounceRequest& request, const Address& source,
                                              TimePoint now) {
    if (request.port == 0) return refusal("port: must be from 1 to 65535, nobody can connect to port 0");
    if (!settings_.torrents.empty() && !registry_.is_pinned(request.info_hash)) {
        return refusal("info_hash: this tracker does not serve that torrent");
    }
    const Endpoint announcer{without_v4_mapping(source), request.port};
    wire::AnnounceReply reply;
    if (request.event == wire::AnnounceEvent::Stopped) {
        registry_.remove(request.info_hash, announcer, now);
    } else {
        const bool is_seed = request.left == 0;
        const bool completed = is_seed && request.event == wire::AnnounceEvent::Completed;
        const Status stored =
            registry_.announce(request.info_hash, {announcer, request.peer_id}, is_seed, completed, now);
        if (!stored) return refusal(stored.error().message());
        choose_peers(request, announcer, now, reply.peers);
    }
    const SwarmCounts counts = registry_.counts(request.info_hash, now);
    reply.interval_s = whole_seconds(settings_.interval);
    reply.min_interval_s = whole_seconds(settings_.min_interval);
    reply.complete = counts.complete;
    reply.incomplete = counts.incomplete;
    return reply;
}

void AnnounceService::choose_peers(const wire::AnnounceRequest& request, const Endpoint& announcer, TimePoint now,
                                   std::vector<wire::AnnouncePeer>& out) {
    const std::size_t want = std::min(request.numwant.value_or(settings_.default_numwant), settings_.max_numwant);
    for (const KnownPeer& peer : settings_.static_peers) {
        if (out.size() == want) return;
        if (peer.endpoint != announcer) out.push_back({peer.endpoint, peer.peer_id});
    }
    // As many more as there may be static peers among those drawn.
    sampled_.clear();
    const auto draw = static_cast<std::uint32_t>(want - out.size() + settings_.static_peers.size());
    const bool is_seed = request.left == 0 && (request.downloaded > 0 || request.uploaded > 0);
    if (out.size() < want) registry_.sample(request.info_hash, announcer, is_seed, draw, now, sampled_);
    for (const KnownPeer& peer : sampled_) {
        if (out.size() == want) return;
        const bool is_static = std::any_of(settings_.static_peers.begin(), settings_.static_peers.end(),
                                           [&](const KnownPeer& known) { return known.endpoint == peer.endpoint; });
        if (!is_static) out.push_back({peer.endpoint, peer.peer_id});
    }
}

}  // namespace bt::tracker
