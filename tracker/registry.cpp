#include "tracker/registry.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"

namespace bt::tracker {
namespace {

template <std::size_t N>
typename PeerTable<N>::Key key_of(const Endpoint& endpoint) {
    typename PeerTable<N>::Key key;
    std::memcpy(key.data(), endpoint.address.bytes().data(), N);
    key[N] = static_cast<Byte>(endpoint.port >> 8);
    key[N + 1] = static_cast<Byte>(endpoint.port);
    return key;
}

template <std::size_t N>
Endpoint endpoint_of(const Byte* place) {
    return N == 4 ? Endpoint::from_compact_v4(place) : Endpoint::from_compact_v6(place);
}

// Calls with the set of the endpoint's family and its key there.
template <class Swarm, class Call>
auto in_family(Swarm& swarm, const Endpoint& endpoint, Call&& call) {
    return endpoint.address.is_v4() ? call(swarm.v4, key_of<4>(endpoint)) : call(swarm.v6, key_of<16>(endpoint));
}

constexpr std::uint32_t kPeersPerUnit = 16;

}  // namespace

Registry::Registry(RegistrySettings settings, Rng rng)
    : settings_(settings), rules_{rng.next(), settings.keep_peer_ids}, shards_(kShards) {
    for (std::size_t i = 0; i < kShards; ++i) shards_[i].rng = rng.fork(i);
}

void Registry::configure(const RegistrySettings& settings) {
    const RegistrySettings before = settings_;
    settings_ = settings;
    settings_.keep_peer_ids = before.keep_peer_ids;
    settings_.is_shared = before.is_shared;
}

std::uint64_t Registry::hash_of(const InfoHash& info_hash) const {
    std::uint64_t words[3] = {};
    std::memcpy(words, info_hash.data(), info_hash.size());
    std::uint64_t hash = rules_.salt;
    for (const std::uint64_t word : words) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return hash;
}

std::unique_lock<std::mutex> Registry::lock(const Shard& shard) const {
    return settings_.is_shared ? std::unique_lock(shard.mutex) : std::unique_lock<std::mutex>();
}

std::optional<std::uint32_t> Registry::number_of(const Shard& shard, std::uint64_t hash,
                                                 const InfoHash& info_hash) const {
    return shard.index.find(hash, [&](std::uint32_t number) { return shard.swarms[number].info_hash == info_hash; });
}

std::uint32_t Registry::add_swarm(Shard& shard, std::uint64_t hash, const InfoHash& info_hash) {
    if (shard.swarms.size() == shard.swarms.capacity()) {
        shard.swarms.reserve(shard.swarms.size() + std::max<std::size_t>(2, shard.swarms.size() / 8));
    }
    const auto number = static_cast<std::uint32_t>(shard.swarms.size());
    shard.swarms.emplace_back().info_hash = info_hash;
    shard.index.insert(hash, number);
    torrent_count_.fetch_add(1, std::memory_order_relaxed);
    return number;
}

// Another swarm may stand at this number then.
bool Registry::forget_if_empty(Shard& shard, std::uint32_t number) {
    Swarm& swarm = shard.swarms[number];
    if (swarm.is_pinned || swarm.size() > 0) return false;
    shard.index.erase(hash_of(swarm.info_hash), number);
    const auto last = static_cast<std::uint32_t>(shard.swarms.size() - 1);
    if (number != last) {
        shard.index.renumber(hash_of(shard.swarms[last].info_hash), last, number);
        swarm = std::move(shard.swarms[last]);
    }
    shard.swarms.pop_back();
    if (shard.swarms.size() * 2 < shard.swarms.capacity()) shard.swarms.shrink_to_fit();
    torrent_count_.fetch_sub(1, std::memory_order_relaxed);
    return true;
}

void Registry::pin(const InfoHash& info_hash) {
    const std::uint64_t hash = hash_of(info_hash);
    Shard& shard = shard_of(hash);
    const auto locked = lock(shard);
    const auto number = number_of(shard, hash, info_hash);
    shard.swarms[number ? *number : add_swarm(shard, hash, info_hash)].is_pinned = true;
}

void Registry::unpin(const InfoHash& info_hash) {
    const std::uint64_t hash = hash_of(info_hash);
    Shard& shard = shard_of(hash);
    const auto locked = lock(shard);
    const auto number = number_of(shard, hash, info_hash);
    if (!number) return;
    shard.swarms[*number].is_pinned = false;
    forget_if_empty(shard, *number);
}

bool Registry::is_pinned(const InfoHash& info_hash) const {
    const std::uint64_t hash = hash_of(info_hash);
    const Shard& shard = shard_of(hash);
    const auto locked = lock(shard);
    const auto number = number_of(shard, hash, info_hash);
    return number && shard.swarms[*number].is_pinned;
}

void Registry::list(std::size_t max, std::vector<InfoHash>& out) const {
    for (const Shard& shard : shards_) {
        const auto locked = lock(shard);
        for (const Swarm& swarm : shard.swarms) {
            if (max-- == 0) return;
            out.push_back(swarm.info_hash);
        }
    }
}

template <class Change>
auto Registry::counted(Swarm& swarm, Change&& change) {
    const std::uint64_t size = swarm.size();
    const std::uint64_t seeds = swarm.seeds();
    const auto result = change();
    if (swarm.size() != size) peer_count_.fetch_add(swarm.size() - size, std::memory_order_relaxed);
    if (swarm.seeds() != seeds) seed_count_.fetch_add(swarm.seeds() - seeds, std::memory_order_relaxed);
    return result;
}

void Registry::note_oldest(Swarm& swarm) {
    const bool is_split = swarm.v4.part_count() > 1 || swarm.v6.part_count() > 1;
    swarm.oldest = is_split ? 0 : std::min(swarm.v4.oldest(0), swarm.v6.oldest(0));
}

void Registry::expire_on_touch(Swarm& swarm, std::int64_t limit) {
    if (swarm.oldest > limit) return;
    counted(swarm, [&] {
        if (swarm.v4.part_count() == 1) swarm.v4.expire_part(0, limit, rules_);
        if (swarm.v6.part_count() == 1) swarm.v6.expire_part(0, limit, rules_);
        return 0;
    });
    note_oldest(swarm);
}

// The first part from number `part` on that there is: those of IPv4 are numbered from 0, those of IPv6 from kParts.
std::uint32_t Registry::next_part(const Swarm& swarm, std::uint32_t part) {
    if (part < kParts && swarm.v4.size() > 0 && part < swarm.v4.part_count()) return part;
    part = std::max(part, kParts);
    return swarm.v6.size() > 0 && part - kParts < swarm.v6.part_count() ? part : kNoPart;
}

// Moves on to the next swarm behind the last part, and answers what it cost.
std::uint32_t Registry::sweep_swarm(Shard& shard, std::int64_t limit, Sweep& sweep) {
    Swarm& swarm = shard.swarms[sweep_number_];
    const std::uint32_t part = next_part(swarm, sweep_part_);
    std::uint32_t cost = 1;
    if (swarm.oldest <= limit && part != kNoPart) {
        const auto expire_in = [&](auto& peers, std::uint32_t number) {
            if (peers.oldest(number) > limit) return 0u;
            cost += peers.part_size(number) / kPeersPerUnit;
            return peers.expire_part(number, limit, rules_);
        };
        const std::uint32_t expired = counted(
            swarm, [&] { return part < kParts ? expire_in(swarm.v4, part) : expire_in(swarm.v6, part - kParts); });
        sweep.expired += expired;
        cost += expired;
        sweep_part_ = part + 1;
        if (next_part(swarm, sweep_part_) != kNoPart) return cost;
        swarm.v4.join_if_small(rules_);
        swarm.v6.join_if_small(rules_);
        note_oldest(swarm);
    }
    sweep_part_ = 0;
    if (!forget_if_empty(shard, sweep_number_)) ++sweep_number_;
    return cost;
}

auto Registry::expire(TimePoint now, std::uint32_t budget) -> Sweep {
    const std::int64_t limit = limit_at(now);
    Sweep sweep;
    std::uint64_t spent = 0;
    while (spent < budget) {
        Shard& shard = shards_[sweep_shard_];
        const auto locked = lock(shard);
        // A lock is not held for longer than this.
        const std::uint64_t pause = std::min<std::uint64_t>(budget, spent + 1'000);
        while (spent < pause && sweep_number_ < shard.swarms.size()) spent += sweep_swarm(shard, limit, sweep);
        if (sweep_number_ < shard.swarms.size()) continue;
        sweep_number_ = sweep_part_ = 0;
        if (++sweep_shard_ < kShards) continue;
        sweep_shard_ = 0;
        sweep.is_round_over = true;
        break;
    }
    return sweep;
}

std::size_t Registry::memory_bytes() const {
    std::size_t bytes = sizeof(Registry) + shards_.capacity() * sizeof(Shard);
    for (const Shard& shard : shards_) {
        const auto locked = lock(shard);
        bytes += shard.swarms.capacity() * sizeof(Swarm) + shard.index.memory_bytes();
        for (const Swarm& swarm : shard.swarms) bytes += swarm.v4.memory_bytes() + swarm.v6.memory_bytes();
    }
    return bytes;
}

void Registry::check_invariants() const {
    std::uint64_t torrents = 0;
    std::uint64_t peers = 0;
    std::uint64_t seeds = 0;
    for (const Shard& shard : shards_) {
        const auto locked = lock(shard);
        BT_CHECK(shard.index.size() == shard.swarms.size());
        for (std::uint32_t number = 0; number < shard.swarms.size(); ++number) {
            const Swarm& swarm = shard.swarms[number];
            const std::uint64_t hash = hash_of(swarm.info_hash);
            BT_CHECK(&shard_of(hash) == &shard && number_of(shard, hash, swarm.info_hash) == number);
            swarm.v4.check_invariants(rules_);
            swarm.v6.check_invariants(rules_);
            peers += swarm.size();
            seeds += swarm.seeds();
        }
        torrents += shard.swarms.size();
    }
    BT_CHECK(torrents == torrent_count() && peers == peer_count() && seeds == seed_count());
}

Registry::Visit::Visit(Registry& registry, const InfoHash& info_hash, TimePoint now)
    : registry_(registry),
      info_hash_(info_hash),
      hash_(registry.hash_of(info_hash)),
      shard_(registry.shard_of(hash_)),
      lock_(registry.lock(shard_)),
      now_(now),
      limit_(registry.limit_at(now)) {
    const auto number = registry_.number_of(shard_, hash_, info_hash);
    if (!number) return;
    number_ = *number;
    registry_.expire_on_touch(swarm(), limit_);
}

Registry::Visit::~Visit() {
    if (is_known()) registry_.forget_if_empty(shard_, number_);
}

Status Registry::Visit::announce(const KnownPeer& peer, bool is_seed, bool has_completed) {
    const RegistrySettings& settings = registry_.settings_;
    const TableRules& rules = registry_.rules_;
    if (registry_.peer_count() >= settings.max_peers) {
        const bool is_there = is_known() && in_family(swarm(), peer.endpoint, [&](const auto& peers, const auto& key) {
                                  return peers.has(key, rules);
                              });
        if (!is_there) return fail(local_error(ErrorCode::LimitReached, "this tracker is full (peers)"));
    }
    if (!is_known()) {
        if (registry_.torrent_count() >= settings.max_torrents) {
            return fail(local_error(ErrorCode::LimitReached, "this tracker is full (torrents)"));
        }
        number_ = registry_.add_swarm(shard_, hash_, info_hash_);
    }
    const std::uint32_t tick = ticks_up(now_);
    Swarm& at = swarm();
    registry_.counted(at, [&] {
        return in_family(at, peer.endpoint, [&](auto& peers, const auto& key) {
            if (peers.part_count() > 1) peers.expire_part(peers.part_of(key, rules), limit_, rules);
            peers.put(key, peer.peer_id, is_seed, tick, rules);
            if (has_completed && peers.mark_completed(key, rules)) ++at.downloaded;
            if (peers.part_count() > 1) at.oldest = 0;
            return 0;
        });
    });
    at.oldest = std::min(at.oldest, tick);
    return {};
}

bool Registry::Visit::remove(const Endpoint& peer) {
    if (!is_known()) return false;
    return registry_.counted(swarm(), [&] {
        return in_family(swarm(), peer,
                         [&](auto& peers, const auto& key) { return peers.erase(key, registry_.rules_); });
    });
}

SwarmCounts Registry::Visit::counts() const {
    if (!is_known()) return {};
    const std::uint64_t seeds = swarm().seeds();
    return {seeds, swarm().size() - seeds, swarm().downloaded};
}

void Registry::Visit::sample(const Endpoint& asker, bool only_leechers, std::uint32_t want,
                             std::vector<KnownPeer>& out) {
    if (!is_known()) return;
    const auto draw = [&]<std::size_t N>(const PeerSet<N>& peers) {
        const typename PeerTable<N>::Key key =
            asker.address.is_v4() == (N == 4) ? key_of<N>(asker) : typename PeerTable<N>::Key{};
        const auto* own = asker.address.is_v4() == (N == 4) ? &key : nullptr;
        want -= peers.draw(own, only_leechers, want, limit_, shard_.rng, registry_.rules_,
                           [&](const PeerTable<N>& table, std::uint32_t slot) {
                               out.push_back({endpoint_of<N>(table.place(slot)), table.peer_id(slot)});
                           });
    };
    if (asker.address.is_v4()) {
        draw(swarm().v4);
        draw(swarm().v6);
    } else {
        draw(swarm().v6);
        draw(swarm().v4);
    }
}

template <std::size_t N>
std::uint32_t Registry::Visit::draw_compact(const PeerSet<N>& peers, const Endpoint& asker, bool only_leechers,
                                            std::uint32_t want, ByteBuffer* out) {
    constexpr std::size_t kPlace = PeerTable<N>::kPlace;
    if (out == nullptr || peers.size() == 0 || want == 0) return 0;
    const bool is_own = asker.address.is_v4() == (N == 4);
    const auto key = is_own ? key_of<N>(asker) : typename PeerTable<N>::Key{};
    const std::size_t begin = out->size();
    out->resize(begin + std::size_t{std::min(want, peers.size())} * kPlace);
    Byte* at = out->data() + begin;
    const std::uint32_t count = peers.draw(is_own ? &key : nullptr, only_leechers, want, limit_, shard_.rng,
                                           registry_.rules_, [&at](const PeerTable<N>& table, std::uint32_t slot) {
                                               std::memcpy(at, table.place(slot), kPlace);
                                               at += kPlace;
                                           });
    out->resize(begin + count * kPlace);
    return count;
}

std::uint32_t Registry::Visit::sample_compact(const Endpoint& asker, bool only_leechers, std::uint32_t want,
                                              ByteBuffer* v4, ByteBuffer* v6) {
    if (!is_known()) return 0;
    if (asker.address.is_v4()) {
        const std::uint32_t count = draw_compact(swarm().v4, asker, only_leechers, want, v4);
        return count + draw_compact(swarm().v6, asker, only_leechers, want - count, v6);
    }
    const std::uint32_t count = draw_compact(swarm().v6, asker, only_leechers, want, v6);
    return count + draw_compact(swarm().v4, asker, only_leechers, want - count, v4);
}

Status Registry::announce(const InfoHash& info_hash, const KnownPeer& peer, bool is_seed, bool has_completed,
                          TimePoint now) {
    return Visit(*this, info_hash, now).announce(peer, is_seed, has_completed);
}

bool Registry::remove(const InfoHash& info_hash, const Endpoint& peer, TimePoint now) {
    return Visit(*this, info_hash, now).remove(peer);
}

SwarmCounts Registry::counts(const InfoHash& info_hash, TimePoint now) { return Visit(*this, info_hash, now).counts(); }

void Registry::sample(const InfoHash& info_hash, const Endpoint& asker, bool only_leechers, std::uint32_t want,
                      TimePoint now, std::vector<KnownPeer>& out) {
    Visit(*this, info_hash, now).sample(asker, only_leechers, want, out);
}

}  // namespace bt::tracker
