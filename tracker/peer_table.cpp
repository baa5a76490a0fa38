#include "tracker/peer_table.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "common/base/check.h"

namespace bt::tracker {
namespace {

std::uint64_t mix(std::uint64_t x) {
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

}  // namespace

std::uint32_t ticks_up(TimePoint time) {
    return static_cast<std::uint32_t>((time.time_since_epoch() + kTick - Duration(1)) / kTick);
}

std::int64_t ticks_down(TimePoint time) {
    const auto since = time.time_since_epoch();
    return since < Duration::zero() ? -1 : since / kTick;
}

template <std::size_t N>
std::size_t PeerTable<N>::block_bytes(const Head& head) {
    const std::size_t per_peer = sizeof(std::uint32_t) + kPlace + (head.has_ids ? sizeof(PeerId) : 0);
    return sizeof(Head) + index_size(head) * sizeof(std::uint32_t) + per_peer * head.capacity;
}

template <std::size_t N>
auto PeerTable<N>::key(std::uint32_t slot) const -> Key {
    Key key;
    std::memcpy(key.data(), place(slot), kPlace);
    return key;
}

template <std::size_t N>
PeerId PeerTable<N>::peer_id(std::uint32_t slot) const {
    PeerId id{};
    if (head().has_ids) std::memcpy(id.data(), ids() + slot * id.size(), id.size());
    return id;
}

template <std::size_t N>
bool PeerTable<N>::is_at(std::uint32_t slot, const Key& key) const {
    return std::memcmp(place(slot), key.data(), kPlace) == 0;
}

template <std::size_t N>
std::uint64_t PeerTable<N>::hash(const Key& key, std::uint64_t salt) {
    std::uint64_t hash = salt;
    for (std::size_t at = 0; at < kPlace; at += 8) {
        std::uint64_t word = 0;
        std::memcpy(&word, key.data() + at, std::min<std::size_t>(8, kPlace - at));
        hash = mix(hash ^ word);
    }
    return hash;
}

template <std::size_t N>
std::optional<std::uint32_t> PeerTable<N>::find(const Key& key, const TableRules& rules) const {
    if (!block_) return std::nullopt;
    const std::size_t mask = index_size(head()) - 1;
    if (head().index_bits == 0) {
        for (std::uint32_t slot = 0; slot < size(); ++slot) {
            if (is_at(slot, key)) return slot;
        }
        return std::nullopt;
    }
    for (std::size_t i = home(key, rules.salt); index()[i] != kNone; i = (i + 1) & mask) {
        if (is_at(index()[i], key)) return index()[i];
    }
    return std::nullopt;
}

template <std::size_t N>
std::size_t PeerTable<N>::index_position(std::uint32_t slot, std::uint64_t salt) const {
    const std::size_t mask = index_size(head()) - 1;
    std::size_t i = home(key(slot), salt);
    while (index()[i] != slot) i = (i + 1) & mask;
    return i;
}

template <std::size_t N>
void PeerTable<N>::index_insert(std::uint32_t slot, std::uint64_t salt) {
    const std::size_t mask = index_size(head()) - 1;
    std::size_t i = home(key(slot), salt);
    while (index()[i] != kNone) i = (i + 1) & mask;
    index()[i] = slot;
}

// Closes the gap by moving later entries of the same run forward: no tombstones.
template <std::size_t N>
void PeerTable<N>::index_erase(std::uint32_t slot, std::uint64_t salt) {
    const std::size_t mask = index_size(head()) - 1;
    std::size_t gap = index_position(slot, salt);
    for (std::size_t i = (gap + 1) & mask; index()[i] != kNone; i = (i + 1) & mask) {
        const std::size_t wanted = home(key(index()[i]), salt);
        if (((i - wanted) & mask) >= ((i - gap) & mask)) {
            index()[gap] = index()[i];
            gap = i;
        }
    }
    index()[gap] = kNone;
}

// A new block for `capacity` peers, with what was in the old one.
template <std::size_t N>
void PeerTable<N>::resize(std::uint32_t capacity, const TableRules& rules) {
    Head next;
    next.capacity = capacity;
    next.has_ids = rules.keep_peer_ids;
    if (capacity > kLinearPeers) {
        next.index_bits = static_cast<std::uint16_t>(std::bit_width(capacity + capacity / 4));
    }
    PeerTable old;
    old.block_ = std::move(block_);
    block_ = std::make_unique_for_overwrite<Byte[]>(block_bytes(next));
    if (old.block_) {
        next.size = old.head().size;
        next.leechers = old.head().leechers;
        next.oldest = old.head().oldest;
    }
    new (block_.get()) Head(next);
    if (old.block_) {
        std::copy_n(old.times(), next.size, times());
        std::memcpy(places(), old.places(), std::size_t{next.size} * kPlace);
        if (next.has_ids && old.head().has_ids) std::memcpy(ids(), old.ids(), std::size_t{next.size} * sizeof(PeerId));
    }
    if (next.index_bits == 0) return;
    if (old.block_ && old.head().index_bits == next.index_bits) {
        std::copy_n(old.index(), index_size(next), index());
        return;
    }
    std::fill_n(index(), index_size(next), kNone);
    for (std::uint32_t slot = 0; slot < next.size; ++slot) index_insert(slot, rules.salt);
}

template <std::size_t N>
void PeerTable<N>::write_slot(std::uint32_t slot, const Key& key, const PeerId& peer_id, std::uint32_t time) {
    times()[slot] = time;
    std::memcpy(places() + std::size_t{slot} * kPlace, key.data(), kPlace);
    if (head().has_ids) std::memcpy(ids() + slot * peer_id.size(), peer_id.data(), peer_id.size());
}

template <std::size_t N>
void PeerTable<N>::copy_slot(std::uint32_t from, std::uint32_t to) {
    times()[to] = times()[from];
    std::memcpy(places() + std::size_t{to} * kPlace, place(from), kPlace);
    if (head().has_ids) std::memcpy(ids() + to * sizeof(PeerId), ids() + from * sizeof(PeerId), sizeof(PeerId));
}

// Moves a peer to a slot that is free: its content is overwritten, nothing refers to it.
template <std::size_t N>
void PeerTable<N>::relocate(std::uint32_t from, std::uint32_t to, std::uint64_t salt) {
    if (from == to) return;
    if (head().index_bits != 0) index()[index_position(from, salt)] = to;
    copy_slot(from, to);
}

template <std::size_t N>
std::uint32_t PeerTable<N>::insert(const Key& key, const PeerId& peer_id, bool is_seed, std::uint32_t time,
                                   const TableRules& rules) {
    const std::uint32_t count = size();
    if (!block_ || count == head().capacity) resize(count + std::max<std::uint32_t>(2, count / 4), rules);
    Head& h = head();
    std::uint32_t slot = h.size++;
    if (!is_seed) {
        relocate(h.leechers, slot, rules.salt);
        slot = h.leechers++;
    }
    write_slot(slot, key, peer_id, time);
    if (h.index_bits != 0) index_insert(slot, rules.salt);
    h.oldest = std::min(h.oldest, time >> 1);
    return slot;
}

template <std::size_t N>
void PeerTable<N>::erase_slot(std::uint32_t slot, std::uint64_t salt) {
    Head& h = head();
    if (h.index_bits != 0) index_erase(slot, salt);
    if (slot < h.leechers) {
        relocate(h.leechers - 1, slot, salt);
        slot = --h.leechers;
    }
    relocate(h.size - 1, slot, salt);
    --h.size;
}

template <std::size_t N>
void PeerTable<N>::shrink(const TableRules& rules) {
    const std::uint32_t count = size();
    if (count == 0) {
        block_.reset();
    } else if (head().capacity > 8 && count * 2 < head().capacity) {
        resize(count + count / 8 + 1, rules);
    }
}

template <std::size_t N>
auto PeerTable<N>::put(const Key& key, const PeerId& peer_id, bool is_seed, std::uint32_t tick, const TableRules& rules)
    -> Put {
    std::uint32_t time = tick << 1;
    const auto known = find(key, rules);
    if (known) {
        time |= times()[*known] & 1;
        const bool was_seed = *known >= leechers();
        if (was_seed == is_seed) {
            write_slot(*known, key, peer_id, time);
            return {false, *known};
        }
        erase_slot(*known, rules.salt);
    }
    return {!known, insert(key, peer_id, is_seed, time, rules)};
}

template <std::size_t N>
bool PeerTable<N>::erase(const Key& key, const TableRules& rules) {
    const auto slot = find(key, rules);
    if (!slot) return false;
    erase_slot(*slot, rules.salt);
    shrink(rules);
    return true;
}

// From the end on: who moves into a free slot was looked at before.
template <std::size_t N>
std::uint32_t PeerTable<N>::expire(std::int64_t limit, const TableRules& rules) {
    if (!block_ || head().oldest > limit) return 0;
    const std::uint32_t before = size();
    std::uint32_t oldest = UINT32_MAX;
    for (std::uint32_t slot = before; slot-- > 0;) {
        const std::uint32_t tick = times()[slot] >> 1;
        if (tick <= limit) {
            erase_slot(slot, rules.salt);
        } else {
            oldest = std::min(oldest, tick);
        }
    }
    head().oldest = oldest;
    const std::uint32_t count = before - size();
    if (count > 0) shrink(rules);
    return count;
}

template <std::size_t N>
std::size_t PeerTable<N>::memory_bytes() const {
    return block_ ? block_bytes(head()) : 0;
}

template <std::size_t N>
void PeerTable<N>::check_invariants(const TableRules& rules) const {
    if (!block_) return;
    const Head& h = head();
    BT_CHECK(h.size > 0 && h.size <= h.capacity && h.leechers <= h.size);
    BT_CHECK((h.index_bits == 0) == (h.capacity <= kLinearPeers));
    std::size_t indexed = 0;
    for (std::size_t i = 0; i < index_size(h); ++i) indexed += index()[i] != kNone ? 1u : 0u;
    BT_CHECK(h.index_bits == 0 || indexed == h.size);
    for (std::uint32_t slot = 0; slot < h.size; ++slot) {
        BT_CHECK(find(key(slot), rules) == slot);
        BT_CHECK(seen(slot) >= h.oldest);
    }
}

template class PeerTable<4>;
template class PeerTable<16>;

}  // namespace bt::tracker
