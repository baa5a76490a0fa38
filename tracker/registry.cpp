#include "tracker/registry.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"

namespace bt::tracker {
namespace {

template <std::size_t N>
typename PeerTable<N>::Key key_of(const Endpoint& endpoint) {
    typename PeerTable<N>::Key key;
    std::copy_n(endpoint.address.bytes().begin(), N, key.address.begin());
    key.port = endpoint.port;
    return key;
}

Endpoint endpoint_of(const PeerTable<4>::Key& key) { return {Address::v4(key.address), key.port}; }
Endpoint endpoint_of(const PeerTable<16>::Key& key) { return {Address::v6(key.address), key.port}; }

}  // namespace

std::size_t Registry::Hasher::operator()(const InfoHash& info_hash) const noexcept {
    std::uint64_t words[3] = {};
    std::memcpy(words, info_hash.data(), info_hash.size());
    std::uint64_t hash = salt;
    for (const std::uint64_t word : words) {
        hash = (hash ^ word) * 0x9e3779b97f4a7c15u;
        hash ^= hash >> 29;
    }
    return static_cast<std::size_t>(hash);
}

Registry::Registry(RegistrySettings settings, Rng rng)
    : settings_(settings), rng_(rng), salt_(rng_.next()), numbers_(0, Hasher{salt_}) {}

Registry::Swarm& Registry::add_swarm(const InfoHash& info_hash) {
    numbers_.emplace(info_hash, torrent_count());
    return *swarms_.emplace_back(std::make_unique<Swarm>(info_hash, salt_));
}

void Registry::pin(const InfoHash& info_hash) {
    const auto found = numbers_.find(info_hash);
    (found == numbers_.end() ? add_swarm(info_hash) : *swarms_[found->second]).pinned = true;
}

void Registry::unpin(const InfoHash& info_hash) {
    const auto found = numbers_.find(info_hash);
    if (found == numbers_.end()) return;
    swarms_[found->second]->pinned = false;
    forget_if_empty(found->second);
}

void Registry::list(std::size_t max, std::vector<InfoHash>& out) const {
    for (std::size_t i = 0; i < std::min(max, swarms_.size()); ++i) out.push_back(swarms_[i]->info_hash);
}

bool Registry::is_pinned(const InfoHash& info_hash) const {
    const auto found = numbers_.find(info_hash);
    return found != numbers_.end() && swarms_[found->second]->pinned;
}

std::uint64_t Registry::expire_swarm(Swarm& swarm, TimePoint now) {
    const TimePoint cutoff = now - settings_.peer_timeout;
    const std::uint64_t seeds_before = swarm.v4.seeds() + swarm.v6.seeds();
    const std::uint64_t count = std::uint64_t{swarm.v4.expire(cutoff)} + swarm.v6.expire(cutoff);
    peer_count_ -= count;
    seed_count_ -= seeds_before - (swarm.v4.seeds() + swarm.v6.seeds());
    return count;
}

bool Registry::forget_if_empty(std::uint32_t number) {
    const Swarm& swarm = *swarms_[number];
    if (swarm.pinned || swarm.v4.size() + swarm.v6.size() > 0) return false;
    numbers_.erase(swarm.info_hash);
    if (number + 1 < swarms_.size()) {
        swarms_[number] = std::move(swarms_.back());
        numbers_[swarms_[number]->info_hash] = number;
    }
    swarms_.pop_back();
    return true;
}

Registry::Swarm* Registry::fresh_swarm(const InfoHash& info_hash, TimePoint now) {
    const auto found = numbers_.find(info_hash);
    if (found == numbers_.end()) return nullptr;
    const std::uint32_t number = found->second;
    expire_swarm(*swarms_[number], now);
    return forget_if_empty(number) ? nullptr : swarms_[number].get();
}

template <std::size_t N>
void Registry::put(Swarm& swarm, PeerTable<N>& table, const KnownPeer& peer, bool is_seed, bool has_completed,
                   TimePoint now) {
    const std::uint32_t seeds_before = table.seeds();
    const auto put = table.put(key_of<N>(peer.endpoint), peer.peer_id, is_seed, now);
    if (put.is_new) ++peer_count_;
    seed_count_ = seed_count_ + table.seeds() - seeds_before;
    if (has_completed && !table.at(put.slot).counted_completed) {
        table.mark_completed(put.slot);
        ++swarm.downloaded;
    }
}

Status Registry::announce(const InfoHash& info_hash, const KnownPeer& peer, bool is_seed, bool has_completed,
                          TimePoint now) {
    Swarm* swarm = fresh_swarm(info_hash, now);
    const bool is_v4 = peer.endpoint.address.is_v4();
    if (peer_count_ >= settings_.max_peers) {
        const bool known = swarm != nullptr && (is_v4 ? swarm->v4.find(key_of<4>(peer.endpoint)).has_value()
                                                      : swarm->v6.find(key_of<16>(peer.endpoint)).has_value());
        if (!known) return fail(local_error(ErrorCode::LimitReached, "this tracker is full (peers)"));
    }
    if (swarm == nullptr) {
        if (torrent_count() >= settings_.max_torrents) {
            return fail(local_error(ErrorCode::LimitReached, "this tracker is full (torrents)"));
        }
        swarm = &add_swarm(info_hash);
    }
    if (is_v4) {
        put(*swarm, swarm->v4, peer, is_seed, has_completed, now);
    } else {
        put(*swarm, swarm->v6, peer, is_seed, has_completed, now);
    }
    return {};
}

template <std::size_t N>
bool Registry::erase(PeerTable<N>& table, const Endpoint& peer) {
    const std::uint32_t seeds_before = table.seeds();
    if (!table.erase(key_of<N>(peer))) return false;
    --peer_count_;
    seed_count_ -= seeds_before - table.seeds();
    return true;
}

bool Registry::remove(const InfoHash& info_hash, const Endpoint& peer, TimePoint now) {
    Swarm* swarm = fresh_swarm(info_hash, now);
    if (swarm == nullptr) return false;
    const bool was_there = peer.address.is_v4() ? erase(swarm->v4, peer) : erase(swarm->v6, peer);
    forget_if_empty(numbers_.at(info_hash));
    return was_there;
}

SwarmCounts Registry::counts(const InfoHash& info_hash, TimePoint now) {
    const Swarm* swarm = fresh_swarm(info_hash, now);
    if (swarm == nullptr) return {};
    return {std::uint64_t{swarm->v4.seeds()} + swarm->v6.seeds(),
            std::uint64_t{swarm->v4.leechers()} + swarm->v6.leechers(), swarm->downloaded};
}

// One peer from each of `want` equal stretches of the array, the whole turned by a random amount: O(want) without
// memory, and by the turn each peer is equally likely even where the stretches are not of the same length.
template <std::size_t N>
std::uint32_t Registry::draw(const PeerTable<N>& table, const Endpoint* asker, bool only_leechers, std::uint32_t want,
                             std::vector<KnownPeer>& out) {
    const std::uint32_t range = only_leechers ? table.leechers() : table.size();
    std::uint32_t skipped = range;  // slot of the asker: as if it were not in the array
    if (asker != nullptr) {
        if (const auto slot = table.find(key_of<N>(*asker)); slot && *slot < range) skipped = *slot;
    }
    const std::uint64_t others = skipped < range ? range - 1 : range;
    const std::uint64_t count = std::min<std::uint64_t>(want, others);
    if (count == 0) return 0;
    const std::uint64_t turn = rng_.below(others);
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t begin = others * i / count;
        const std::uint64_t end = others * (i + 1) / count;
        const auto position = static_cast<std::uint32_t>((turn + begin + rng_.below(end - begin)) % others);
        const auto& peer = table.at(position < skipped ? position : position + 1);
        out.push_back({endpoint_of(peer.key), peer.peer_id});
    }
    return static_cast<std::uint32_t>(count);
}

void Registry::sample(const InfoHash& info_hash, const Endpoint& asker, bool only_leechers, std::uint32_t want,
                      TimePoint now, std::vector<KnownPeer>& out) {
    const Swarm* swarm = fresh_swarm(info_hash, now);
    if (swarm == nullptr || want == 0) return;
    if (asker.address.is_v4()) {
        want -= draw(swarm->v4, &asker, only_leechers, want, out);
        draw(swarm->v6, nullptr, only_leechers, want, out);
    } else {
        want -= draw(swarm->v6, &asker, only_leechers, want, out);
        draw(swarm->v4, nullptr, only_leechers, want, out);
    }
}

std::uint64_t Registry::expire(TimePoint now, std::uint32_t max_swarms) {
    std::uint64_t count = 0;
    const std::uint32_t steps = std::min(max_swarms, torrent_count());
    for (std::uint32_t i = 0; i < steps && !swarms_.empty(); ++i) {
        if (sweep_ >= torrent_count()) sweep_ = 0;
        count += expire_swarm(*swarms_[sweep_], now);
        if (!forget_if_empty(sweep_)) ++sweep_;  // else another one stands at this number now
    }
    return count;
}

std::size_t Registry::memory_bytes() const {
    std::size_t bytes = swarms_.capacity() * sizeof(swarms_[0]);
    bytes += numbers_.size() * (sizeof(InfoHash) + 2 * sizeof(void*)) + numbers_.bucket_count() * sizeof(void*);
    for (const auto& swarm : swarms_) bytes += sizeof(Swarm) + swarm->v4.memory_bytes() + swarm->v6.memory_bytes();
    return bytes;
}

void Registry::check_invariants() const {
    BT_CHECK(numbers_.size() == swarms_.size());
    std::uint64_t peers = 0;
    std::uint64_t seeds = 0;
    for (std::uint32_t number = 0; number < torrent_count(); ++number) {
        const Swarm& swarm = *swarms_[number];
        BT_CHECK(numbers_.at(swarm.info_hash) == number);
        swarm.v4.check_invariants();
        swarm.v6.check_invariants();
        peers += std::uint64_t{swarm.v4.size()} + swarm.v6.size();
        seeds += std::uint64_t{swarm.v4.seeds()} + swarm.v6.seeds();
    }
    BT_CHECK(peers == peer_count_ && seeds == seed_count_);
}

}  // namespace bt::tracker
