#pragma once

// The peers of one swarm and one address family, whatever their number: one PeerTable while they are few, kParts of
// them, chosen by a hash of address and port, when they are many. So no growth, no shrinking and no expiry is long:
// each touches one part.
//
// Rules
//  - Above kMostWhole peers a set is split; at kFewestSplit it becomes one table again.
//  - expire_part() looks at one part. A set that is whole has one; of a set that is split only the part of the peer
//    that announces is looked at, until the sweep comes.
//  - draw(): each of the others is equally likely, none comes twice. Peers too old are passed over, so that a set that
//    is split may give fewer than were wanted until the sweep has come.
// Cost: as PeerTable; draw O(want), and O(kParts) more where split.

#include "common/base/rng.h"
#include "tracker/peer_table.h"

namespace bt::tracker {

inline constexpr std::uint32_t kParts = 64;
inline constexpr std::uint32_t kMostWhole = 2'048;
inline constexpr std::uint32_t kFewestSplit = 512;

template <std::size_t N>
class PeerSet {
  public:
    using Table = PeerTable<N>;
    using Key = typename Table::Key;

    // True when it was not known.
    bool put(const Key& key, const PeerId& peer_id, bool is_seed, std::uint32_t tick, const TableRules& rules);
    // True the first time for a peer that is known.
    bool mark_completed(const Key& key, const TableRules& rules);
    bool erase(const Key& key, const TableRules& rules);
    [[nodiscard]] bool has(const Key& key, const TableRules& rules) const;

    [[nodiscard]] std::uint32_t part_count() const { return parts_ ? kParts : 1; }
    [[nodiscard]] std::uint32_t part_of(const Key& key, const TableRules& rules) const {
        return parts_ ? static_cast<std::uint32_t>(Table::hash(key, rules.salt) >> 58) : 0;
    }
    [[nodiscard]] std::uint32_t part_size(std::uint32_t part) const { return parts_ ? parts_->sizes[part] : size(); }
    [[nodiscard]] std::uint32_t oldest(std::uint32_t part) const { return table(part).oldest(); }
    std::uint32_t expire_part(std::uint32_t part, std::int64_t limit, const TableRules& rules);
    // After a round of expire_part().
    void join_if_small(const TableRules& rules);

    [[nodiscard]] std::uint32_t size() const { return parts_ ? parts_->size : whole_.size(); }
    [[nodiscard]] std::uint32_t leechers() const { return parts_ ? parts_->leechers : whole_.leechers(); }
    [[nodiscard]] std::uint32_t seeds() const { return size() - leechers(); }

    // Calls take(table, slot) for at most `want` peers that are younger than `limit`, never for `asker`.
    template <class Take>
    std::uint32_t draw(const Key* asker, bool only_leechers, std::uint32_t want, std::int64_t limit, Rng& rng,
                       const TableRules& rules, Take&& take) const;

    [[nodiscard]] std::size_t memory_bytes() const;
    void check_invariants(const TableRules& rules) const;

  private:
    static_assert(kParts == 64, "part_of takes six bits");
    struct Parts {
        std::uint32_t size = 0;
        std::uint32_t leechers = 0;
        std::array<std::uint32_t, kParts> sizes{};
        std::array<std::uint32_t, kParts> leecher_counts{};
        std::array<Table, kParts> tables;
    };
    [[nodiscard]] Table& table(std::uint32_t part) { return parts_ ? parts_->tables[part] : whole_; }
    [[nodiscard]] const Table& table(std::uint32_t part) const { return parts_ ? parts_->tables[part] : whole_; }
    // The numbers beside a part, after it has changed.
    void recount(std::uint32_t part);
    void split(const TableRules& rules);
    static void move_all(const Table& from, PeerSet& to, const TableRules& rules);
    // Peers of a part that may be drawn.
    [[nodiscard]] std::uint32_t range(std::uint32_t part, bool only_leechers) const {
        if (!parts_) return only_leechers ? whole_.leechers() : whole_.size();
        return only_leechers ? parts_->leecher_counts[part] : parts_->sizes[part];
    }

    Table whole_;
    std::unique_ptr<Parts> parts_;
};

// One peer from each of `count` stretches of all that may be drawn, as long as each other as whole numbers can be, the
// whole turned by a random amount: O(want) without memory, and by the turn each peer is equally likely even where the
// stretches are not of the same length.
template <std::size_t N>
template <class Take>
std::uint32_t PeerSet<N>::draw(const Key* asker, bool only_leechers, std::uint32_t want, std::int64_t limit, Rng& rng,
                               const TableRules& rules, Take&& take) const {
    const std::uint32_t all = only_leechers ? leechers() : size();
    // Where the asker stands, as if it were not there.
    std::uint32_t skipped = all;
    if (asker != nullptr && all > 0) {
        const std::uint32_t part = part_of(*asker, rules);
        const auto slot = table(part).find(*asker, rules);
        if (slot && *slot < range(part, only_leechers)) {
            skipped = *slot;
            for (std::uint32_t before = 0; before < part; ++before) skipped += range(before, only_leechers);
        }
    }
    const std::uint32_t others = skipped < all ? all - 1 : all;
    const std::uint32_t count = std::min(want, others);
    if (count == 0) return 0;

    const std::uint64_t turn = count < others ? rng.below(others) : 0;
    const std::uint64_t step = (std::uint64_t{others} << 32) / count;
    std::uint32_t part = 0;
    std::uint32_t part_begin = 0;
    std::uint32_t taken = 0;
    std::uint64_t begin = 0;
    for (std::uint32_t i = 1; i <= count; ++i) {
        const std::uint64_t end = i == count ? others : step * i >> 32;
        std::uint64_t position = turn + begin;
        if (end - begin > 1) position += (rng.next() >> 32) * (end - begin) >> 32;
        begin = end;
        if (position >= others) position -= others;
        const auto at = static_cast<std::uint32_t>(position < skipped ? position : position + 1);
        if (at < part_begin) part = part_begin = 0;
        while (at - part_begin >= range(part, only_leechers)) part_begin += range(part++, only_leechers);
        const Table& from = table(part);
        if (from.seen(at - part_begin) <= limit) continue;
        take(from, at - part_begin);
        ++taken;
    }
    return taken;
}

extern template class PeerSet<4>;
extern template class PeerSet<16>;

}  // namespace bt::tracker
