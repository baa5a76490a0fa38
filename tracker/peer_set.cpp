#include "tracker/peer_set.h"

#include "common/base/check.h"

namespace bt::tracker {

template <std::size_t N>
void PeerSet<N>::recount(std::uint32_t part) {
    if (!parts_) return;
    const Table& changed = parts_->tables[part];
    parts_->size += changed.size() - parts_->sizes[part];
    parts_->leechers += changed.leechers() - parts_->leecher_counts[part];
    parts_->sizes[part] = changed.size();
    parts_->leecher_counts[part] = changed.leechers();
}

template <std::size_t N>
void PeerSet<N>::move_all(const Table& from, PeerSet& to, const TableRules& rules) {
    for (std::uint32_t slot = 0; slot < from.size(); ++slot) {
        const Key key = from.key(slot);
        const std::uint32_t part = to.part_of(key, rules);
        Table& target = to.table(part);
        const auto put = target.put(key, from.peer_id(slot), slot >= from.leechers(), from.seen(slot), rules);
        if (from.is_completed(slot)) target.mark_completed(put.slot);
        to.recount(part);
    }
}

template <std::size_t N>
void PeerSet<N>::split(const TableRules& rules) {
    PeerSet next;
    next.parts_ = std::make_unique<Parts>();
    move_all(whole_, next, rules);
    *this = std::move(next);
}

template <std::size_t N>
void PeerSet<N>::join_if_small(const TableRules& rules) {
    if (!parts_ || parts_->size > kFewestSplit) return;
    PeerSet next;
    for (const Table& part : parts_->tables) move_all(part, next, rules);
    *this = std::move(next);
}

template <std::size_t N>
bool PeerSet<N>::put(const Key& key, const PeerId& peer_id, bool is_seed, std::uint32_t tick, const TableRules& rules) {
    if (!parts_ && whole_.size() >= kMostWhole) split(rules);
    const std::uint32_t part = part_of(key, rules);
    const bool is_new = table(part).put(key, peer_id, is_seed, tick, rules).is_new;
    recount(part);
    return is_new;
}

template <std::size_t N>
bool PeerSet<N>::mark_completed(const Key& key, const TableRules& rules) {
    Table& at = table(part_of(key, rules));
    const auto slot = at.find(key, rules);
    if (!slot || at.is_completed(*slot)) return false;
    at.mark_completed(*slot);
    return true;
}

template <std::size_t N>
bool PeerSet<N>::erase(const Key& key, const TableRules& rules) {
    const std::uint32_t part = part_of(key, rules);
    const bool was_there = table(part).erase(key, rules);
    recount(part);
    join_if_small(rules);
    return was_there;
}

template <std::size_t N>
bool PeerSet<N>::has(const Key& key, const TableRules& rules) const {
    return table(part_of(key, rules)).find(key, rules).has_value();
}

template <std::size_t N>
std::uint32_t PeerSet<N>::expire_part(std::uint32_t part, std::int64_t limit, const TableRules& rules) {
    const std::uint32_t count = table(part).expire(limit, rules);
    recount(part);
    return count;
}

template <std::size_t N>
std::size_t PeerSet<N>::memory_bytes() const {
    if (!parts_) return whole_.memory_bytes();
    std::size_t bytes = sizeof(Parts);
    for (const Table& part : parts_->tables) bytes += part.memory_bytes();
    return bytes;
}

template <std::size_t N>
void PeerSet<N>::check_invariants(const TableRules& rules) const {
    if (!parts_) {
        BT_CHECK(whole_.size() <= kMostWhole);
        return whole_.check_invariants(rules);
    }
    BT_CHECK(whole_.size() == 0);
    std::uint32_t size = 0;
    std::uint32_t leechers = 0;
    for (std::uint32_t part = 0; part < kParts; ++part) {
        const Table& table = parts_->tables[part];
        table.check_invariants(rules);
        BT_CHECK(parts_->sizes[part] == table.size() && parts_->leecher_counts[part] == table.leechers());
        for (std::uint32_t slot = 0; slot < table.size(); ++slot) BT_CHECK(part_of(table.key(slot), rules) == part);
        size += table.size();
        leechers += table.leechers();
    }
    BT_CHECK(size == parts_->size && leechers == parts_->leechers);
}

template class PeerSet<4>;
template class PeerSet<16>;
static_assert(sizeof(PeerSet<4>) == 16);

}  // namespace bt::tracker
