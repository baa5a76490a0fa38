#pragma once

// The peers of one swarm and one address family, packed for memory: 40 bytes an IPv4 peer and 5 to 11 of index.
//
// State: entries in one array, leechers in front of seeds ([0, leechers()) and [leechers(), size())), so that "only
// leechers" is a range to draw from; an open-addressing index over address + port, the identity of a peer; a list
// through the entries ordered by last announce, so that what is too old is always at its head.
// Rules
//  - put() knows the peer by address + port; a known one is refreshed (peer id, state) and becomes the youngest.
//  - Time must not go back between calls of put(); it is counted in ticks of kTick, rounded up by put() and down by
//    expire(): a peer never expires early.
//  - Slots change with every put, erase and expire.
// Cost: put, erase, find O(1) amortised; expire O(peers expired). Array and index shrink with the swarm.

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/time.h"
#include "common/base/types.h"

namespace bt::tracker {

inline constexpr Duration kTick = milliseconds(100);

template <std::size_t kAddressSize>
class PeerTable {
  public:
    struct Key {
        std::array<Byte, kAddressSize> address{};
        std::uint16_t port = 0;
        friend bool operator==(const Key&, const Key&) = default;
    };
    struct Peer {
        Key key;
        bool counted_completed = false;  // its `completed` was counted once
        std::uint32_t seen = 0;          // ticks
        std::uint32_t older = 0, newer = 0;
        PeerId peer_id{};
    };
    struct Put {
        bool is_new = false;
        std::uint32_t slot = 0;
    };

    // The salt keeps a stranger from choosing keys that collide.
    explicit PeerTable(std::uint64_t salt) : salt_(salt) {}

    Put put(const Key& key, const PeerId& peer_id, bool is_seed, TimePoint now);
    bool erase(const Key& key);
    // Forgets whoever announced last at or before `cutoff`. Returns how many.
    std::uint32_t expire(TimePoint cutoff);
    [[nodiscard]] std::optional<std::uint32_t> find(const Key& key) const;

    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(peers_.size()); }
    [[nodiscard]] std::uint32_t leechers() const { return leechers_; }
    [[nodiscard]] std::uint32_t seeds() const { return size() - leechers_; }
    [[nodiscard]] const Peer& at(std::uint32_t slot) const { return peers_[slot]; }
    void mark_completed(std::uint32_t slot) { peers_[slot].counted_completed = true; }

    [[nodiscard]] std::size_t memory_bytes() const;
    void check_invariants() const;

  private:
    static constexpr std::uint32_t kNone = UINT32_MAX;

    [[nodiscard]] std::size_t home(const Key& key) const;
    [[nodiscard]] std::size_t index_position(std::uint32_t slot) const;
    void index_insert(std::uint32_t slot);
    void index_erase(std::uint32_t slot);
    void rebuild_index(std::size_t size);
    void append_youngest(std::uint32_t slot);
    void unlink(std::uint32_t slot);
    void relocate(std::uint32_t from, std::uint32_t to);
    std::uint32_t insert(const Peer& peer, bool is_seed);
    void erase_slot(std::uint32_t slot);
    void shrink();

    std::uint64_t salt_;
    std::vector<Peer> peers_;
    std::vector<std::uint32_t> index_;  // slot, or kNone; the size is 0 or a power of two
    std::uint32_t leechers_ = 0;
    std::uint32_t oldest_ = kNone, youngest_ = kNone;
};

extern template class PeerTable<4>;
extern template class PeerTable<16>;

}  // namespace bt::tracker
