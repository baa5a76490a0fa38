#pragma once

// The peers of one swarm and one address family, packed for memory: one allocation, 10 bytes an IPv4 peer and 22 an
// IPv6 peer, 20 more where peer ids are kept.
//
// State: parallel arrays behind one head: when each announced last, address and port as they stand in a compact list
// (its place), peer id. Leechers stand in front of
// seeds ([0, leechers()) and [leechers(), size())), so that "only leechers" is a range to draw from. Up to
// kLinearPeers a peer is looked for one by one; above, an open-addressing index over address and port stands in the
// same allocation (6 bytes a peer more, on average).
// Rules
//  - put() knows the peer by address + port; a known one is refreshed (peer id, state, time).
//  - Time is counted in ticks of kTick, rounded up by put() and down by expire(): a peer never expires early.
//  - The table knows a lower bound of its oldest peer: expire() before that costs one comparison.
//  - Slots change with every put, erase and expire.
// Cost: put, erase, find O(1) amortised; expire O(size) when somebody may be too old. The allocation follows the size
// up and down; an empty table has none.

#include <array>
#include <cstdint>
#include <memory>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/time.h"
#include "common/base/types.h"

namespace bt::tracker {

inline constexpr Duration kTick = milliseconds(100);
inline constexpr std::uint32_t kLinearPeers = 32;

// Ticks since the start, in 31 bits: 6.8 years.
[[nodiscard]] std::uint32_t ticks_up(TimePoint time);
[[nodiscard]] std::int64_t ticks_down(TimePoint time);

// What all tables of a tracker have in common.
struct TableRules {
    std::uint64_t salt = 0;  // keeps a stranger from choosing keys that collide
    bool keep_peer_ids = true;
};

template <std::size_t kAddressSize>
class PeerTable {
  public:
    static constexpr std::size_t kPlace = kAddressSize + 2;
    using Key = std::array<Byte, kPlace>;  // compact: address, port
    struct Put {
        bool is_new = false;
        std::uint32_t slot = 0;
    };

    Put put(const Key& key, const PeerId& peer_id, bool is_seed, std::uint32_t tick, const TableRules& rules);
    bool erase(const Key& key, const TableRules& rules);
    // Forgets whoever announced last at or before `limit`. Returns how many.
    std::uint32_t expire(std::int64_t limit, const TableRules& rules);
    [[nodiscard]] std::optional<std::uint32_t> find(const Key& key, const TableRules& rules) const;
    [[nodiscard]] static std::uint64_t hash(const Key& key, std::uint64_t salt);
    // Nobody in it is older.
    [[nodiscard]] std::uint32_t oldest() const { return block_ ? head().oldest : UINT32_MAX; }

    [[nodiscard]] std::uint32_t size() const { return block_ ? head().size : 0; }
    [[nodiscard]] std::uint32_t leechers() const { return block_ ? head().leechers : 0; }
    [[nodiscard]] std::uint32_t seeds() const { return size() - leechers(); }
    [[nodiscard]] const Byte* place(std::uint32_t slot) const { return places() + std::size_t{slot} * kPlace; }
    [[nodiscard]] Key key(std::uint32_t slot) const;
    [[nodiscard]] std::uint32_t seen(std::uint32_t slot) const { return times()[slot] >> 1; }
    [[nodiscard]] PeerId peer_id(std::uint32_t slot) const;  // zeros where they are not kept
    // Its `completed` was counted once.
    [[nodiscard]] bool is_completed(std::uint32_t slot) const { return (times()[slot] & 1) != 0; }
    void mark_completed(std::uint32_t slot) { times()[slot] |= 1; }

    [[nodiscard]] std::size_t memory_bytes() const;
    void check_invariants(const TableRules& rules) const;

  private:
    struct Head {
        std::uint32_t capacity = 0;
        std::uint32_t size = 0;
        std::uint32_t leechers = 0;
        std::uint32_t oldest = UINT32_MAX;  // tick, lower bound
        std::uint16_t index_bits = 0;       // 0: no index
        bool has_ids = false;
    };
    static constexpr std::uint32_t kNone = UINT32_MAX;

    [[nodiscard]] Head& head() const { return *reinterpret_cast<Head*>(block_.get()); }
    [[nodiscard]] std::uint32_t* times() const { return reinterpret_cast<std::uint32_t*>(block_.get() + sizeof(Head)); }
    [[nodiscard]] std::uint32_t* index() const { return times() + head().capacity; }
    [[nodiscard]] static std::size_t index_size(const Head& head) {
        return head.index_bits == 0 ? 0 : std::size_t{1} << head.index_bits;
    }
    [[nodiscard]] Byte* places() const { return reinterpret_cast<Byte*>(index() + index_size(head())); }
    [[nodiscard]] Byte* ids() const { return places() + std::size_t{head().capacity} * kPlace; }
    [[nodiscard]] static std::size_t block_bytes(const Head& head);

    [[nodiscard]] bool is_at(std::uint32_t slot, const Key& key) const;
    [[nodiscard]] std::size_t home(const Key& key, std::uint64_t salt) const {
        return static_cast<std::size_t>(hash(key, salt)) & (index_size(head()) - 1);
    }
    [[nodiscard]] std::size_t index_position(std::uint32_t slot, std::uint64_t salt) const;
    void index_insert(std::uint32_t slot, std::uint64_t salt);
    void index_erase(std::uint32_t slot, std::uint64_t salt);
    void resize(std::uint32_t capacity, const TableRules& rules);
    void copy_slot(std::uint32_t from, std::uint32_t to);
    void relocate(std::uint32_t from, std::uint32_t to, std::uint64_t salt);
    void write_slot(std::uint32_t slot, const Key& key, const PeerId& peer_id, std::uint32_t time);
    std::uint32_t insert(const Key& key, const PeerId& peer_id, bool is_seed, std::uint32_t time,
                         const TableRules& rules);
    void erase_slot(std::uint32_t slot, std::uint64_t salt);
    void shrink(const TableRules& rules);

    std::unique_ptr<Byte[]> block_;
};

extern template class PeerTable<4>;
extern template class PeerTable<16>;

}  // namespace bt::tracker
