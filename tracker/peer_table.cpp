#include "tracker/peer_table.h"

#include <algorithm>
#include <cstring>

#include "common/base/check.h"

namespace bt::tracker {
namespace {

std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

std::uint32_t ticks_up(TimePoint time) {
    const auto since = time.time_since_epoch();
    return static_cast<std::uint32_t>((since + kTick - Duration(1)) / kTick);
}

std::int64_t ticks_down(TimePoint time) {
    const auto since = time.time_since_epoch();
    return since < Duration::zero() ? -1 : since / kTick;
}

}  // namespace

template <std::size_t N>
std::size_t PeerTable<N>::home(const Key& key) const {
    std::uint64_t hash = mix(salt_ ^ key.port);
    for (std::size_t i = 0; i < N; i += 4) {
        std::uint32_t word = 0;
        std::memcpy(&word, key.address.data() + i, 4);
        hash = mix(hash + word);
    }
    return static_cast<std::size_t>(hash) & (index_.size() - 1);
}

template <std::size_t N>
std::optional<std::uint32_t> PeerTable<N>::find(const Key& key) const {
    if (index_.empty()) return std::nullopt;
    for (std::size_t i = home(key); index_[i] != kNone; i = (i + 1) & (index_.size() - 1)) {
        if (peers_[index_[i]].key == key) return index_[i];
    }
    return std::nullopt;
}

template <std::size_t N>
std::size_t PeerTable<N>::index_position(std::uint32_t slot) const {
    std::size_t i = home(peers_[slot].key);
    while (index_[i] != slot) i = (i + 1) & (index_.size() - 1);
    return i;
}

template <std::size_t N>
void PeerTable<N>::index_insert(std::uint32_t slot) {
    std::size_t i = home(peers_[slot].key);
    while (index_[i] != kNone) i = (i + 1) & (index_.size() - 1);
    index_[i] = slot;
}

// Closes the gap by moving later entries of the same run forward: no tombstones.
template <std::size_t N>
void PeerTable<N>::index_erase(std::uint32_t slot) {
    const std::size_t mask = index_.size() - 1;
    std::size_t gap = index_position(slot);
    for (std::size_t i = (gap + 1) & mask; index_[i] != kNone; i = (i + 1) & mask) {
        const std::size_t wanted = home(peers_[index_[i]].key);
        if (((i - wanted) & mask) >= ((i - gap) & mask)) {
            index_[gap] = index_[i];
            gap = i;
        }
    }
    index_[gap] = kNone;
}

template <std::size_t N>
void PeerTable<N>::rebuild_index(std::size_t size) {
    index_.assign(size, kNone);
    index_.shrink_to_fit();
    for (std::uint32_t slot = 0; slot < this->size(); ++slot) index_insert(slot);
}

template <std::size_t N>
void PeerTable<N>::append_youngest(std::uint32_t slot) {
    peers_[slot].older = youngest_;
    peers_[slot].newer = kNone;
    (youngest_ == kNone ? oldest_ : peers_[youngest_].newer) = slot;
    youngest_ = slot;
}

template <std::size_t N>
void PeerTable<N>::unlink(std::uint32_t slot) {
    const Peer& peer = peers_[slot];
    (peer.older == kNone ? oldest_ : peers_[peer.older].newer) = peer.newer;
    (peer.newer == kNone ? youngest_ : peers_[peer.newer].older) = peer.older;
}

// Moves a peer to a slot that is free (its content is overwritten, nothing refers to it).
template <std::size_t N>
void PeerTable<N>::relocate(std::uint32_t from, std::uint32_t to) {
    if (from == to) return;
    index_[index_position(from)] = to;
    peers_[to] = peers_[from];
    const Peer& peer = peers_[to];
    (peer.older == kNone ? oldest_ : peers_[peer.older].newer) = to;
    (peer.newer == kNone ? youngest_ : peers_[peer.newer].older) = to;
}

template <std::size_t N>
std::uint32_t PeerTable<N>::insert(const Peer& peer, bool is_seed) {
    if (peers_.size() == peers_.capacity()) {
        peers_.reserve(peers_.size() + std::max<std::size_t>(2, peers_.size() / 4));
    }
    if ((peers_.size() + 1) * 4 > index_.size() * 3) rebuild_index(index_.empty() ? 4 : index_.size() * 2);
    peers_.emplace_back();
    std::uint32_t slot = size() - 1;
    if (!is_seed) {
        relocate(leechers_, slot);
        slot = leechers_++;
    }
    peers_[slot] = peer;
    append_youngest(slot);
    index_insert(slot);
    return slot;
}

template <std::size_t N>
void PeerTable<N>::erase_slot(std::uint32_t slot) {
    unlink(slot);
    index_erase(slot);
    if (slot < leechers_) {
        relocate(leechers_ - 1, slot);
        slot = --leechers_;
    }
    relocate(size() - 1, slot);
    peers_.pop_back();
}

template <std::size_t N>
void PeerTable<N>::shrink() {
    if (peers_.capacity() > 8 && peers_.size() * 2 < peers_.capacity()) peers_.shrink_to_fit();
    std::size_t index_size = index_.size();
    while (index_size > 16 && peers_.size() * 6 < index_size) index_size /= 2;
    if (index_size != index_.size()) rebuild_index(index_size);
}

template <std::size_t N>
auto PeerTable<N>::put(const Key& key, const PeerId& peer_id, bool is_seed, TimePoint now) -> Put {
    Peer peer;
    peer.key = key;
    peer.peer_id = peer_id;
    peer.seen = ticks_up(now);
    const auto known = find(key);
    if (known) {
        peer.counted_completed = peers_[*known].counted_completed;
        const bool was_seed = *known >= leechers_;
        if (was_seed == is_seed) {
            unlink(*known);
            peers_[*known] = peer;
            append_youngest(*known);
            return {false, *known};
        }
        erase_slot(*known);
    }
    return {!known, insert(peer, is_seed)};
}

template <std::size_t N>
bool PeerTable<N>::erase(const Key& key) {
    const auto slot = find(key);
    if (!slot) return false;
    erase_slot(*slot);
    shrink();
    return true;
}

template <std::size_t N>
std::uint32_t PeerTable<N>::expire(TimePoint cutoff) {
    const std::int64_t limit = ticks_down(cutoff);
    std::uint32_t count = 0;
    while (oldest_ != kNone && peers_[oldest_].seen <= limit) {
        erase_slot(oldest_);
        ++count;
    }
    if (count > 0) shrink();
    return count;
}

template <std::size_t N>
std::size_t PeerTable<N>::memory_bytes() const {
    return peers_.capacity() * sizeof(Peer) + index_.capacity() * sizeof(std::uint32_t);
}

template <std::size_t N>
void PeerTable<N>::check_invariants() const {
    BT_CHECK(leechers_ <= size());
    std::size_t indexed = 0;
    for (const std::uint32_t slot : index_) indexed += slot != kNone ? 1u : 0u;
    BT_CHECK(indexed == peers_.size());
    std::size_t listed = 0;
    std::uint32_t before = kNone;
    for (std::uint32_t slot = oldest_; slot != kNone; slot = peers_[slot].newer) {
        BT_CHECK(peers_[slot].older == before);
        BT_CHECK(before == kNone || peers_[before].seen <= peers_[slot].seen);
        BT_CHECK(find(peers_[slot].key) == slot);
        before = slot;
        ++listed;
    }
    BT_CHECK(youngest_ == before && listed == peers_.size());
}

template class PeerTable<4>;
template class PeerTable<16>;
static_assert(sizeof(PeerTable<4>::Peer) == 40);

}  // namespace bt::tracker
