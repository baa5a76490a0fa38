#pragma once

// Decides which connections may download from us. Pure policy: it is shown all connections with their present state
// and answers what should change; it remembers only who holds the optimistic slot and when the next turns are due.
//
// Common to both policies
//  - Only interested peers hold a slot; an uninterested one is choked (its slot would serve nobody).
//  - There are regular_slots regular slots and one more, the optimistic slot. A torrent whose upload rate is bounded has
//    slots_for_rate of them: with few slots a fast uplink waits for peers that want nothing at the moment, with many a
//    slow one gives to each too little to be worth its while.
//  - on_round() may choke; on_change() chokes the uninterested only and gives free slots away at once, so that a peer
//    that becomes interested waits for a round only when there is no room. Free regular slots go before the optimistic.
//
// While we download (leecher)
//  - Regular slots: interested peers that are not snubbed, by the rate at which they send to us (tit for tat). Equal
//    rates: who holds a slot keeps it (each change costs both sides their pipeline), then the lower id.
//  - The optimistic slot: one of the other interested peers, drawn at random every optimistic_round; peers connected
//    for less than newcomer_age are newcomer_weight times as likely, as they had no chance to show what they send. A
//    snubbed peer may be drawn (it is its only way back), the holder not again while there is another. When the holder
//    leaves, loses interest or earns a regular slot, the next is drawn at once for a full optimistic_round.
//
// While we seed
//  - The optimistic slot is the rotation slot: every optimistic_round it goes to the interested choked peer that has
//    waited longest, counted from the start of its last turn or, if it had none, from its connection (ties: lower id).
//    The peer that had it joins the contest for regular slots. If nobody waits, it keeps it.
//  - Regular slots, at each round: of the peers unchoked now, first those unchoked for less than one round (they
//    cannot have shown a rate), then by the rate at which they take from us; who does not fit is choked. Free regular
//    slots go to whoever has waited longest.
//  So of n interested peers each gets a turn after at most n - 1 turns of others, however slow it is, and all slots
//  but one serve the fastest of those that had their turn. (Nobody is unchoked for being fast: SeedFastest is the
//  reason for keeping a slot.)
//
// Decisions come chokes first, then unchokes, each by id; they depend on the set of candidates, not on their order.
// Cost: O(n log n) a call.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/base/types.h"

namespace bt::swarm {

struct ChokeCandidate {
    ConnectionId id;
    bool peer_interested = false;
    bool am_choking = true;
    bool snubbed = false;
    std::uint64_t download_rate_bytes_per_s = 0;  // from the peer to us
    std::uint64_t upload_rate_bytes_per_s = 0;    // from us to the peer
    TimePoint connected_at;
    TimePoint unchoked_at;  // when it was last unchoked; TimePoint{} if never
};

enum class ChokeReason : std::uint8_t {
    RegularSlot,
    Optimistic,
    FreeSlot,
    SeedFastest,
    SeedRotation,
    NotInterested,
    Snubbed,
    Outranked
};
[[nodiscard]] std::string_view choke_reason_name(ChokeReason reason);

struct ChokeDecision {
    ConnectionId id;
    bool choke = true;
    ChokeReason reason = ChokeReason::Outranked;
};

struct ChokerSettings {
    std::uint32_t regular_slots = 4;
    Duration round = seconds(10);
    Duration optimistic_round = seconds(30);
    std::uint32_t newcomer_weight = 3;
    Duration newcomer_age = minutes(1);
};

inline constexpr std::uint64_t kRateOfSlot = 128u << 10;  // bytes per second
inline constexpr std::uint32_t kMostSlotsByRate = 7;      // and the optimistic one: 8, as most clients have

// A regular slot for each kRateOfSlot of the bound, at least regular_slots, and beyond these at most kMostSlotsByRate.
// No bound (0): regular_slots.
[[nodiscard]] std::uint32_t slots_for_rate(std::uint32_t regular_slots, std::uint64_t upload_bound);

class Choker {
  public:
    Choker(ChokerSettings settings, Rng rng);

    // From the next round or change on.
    void set_regular_slots(std::uint32_t slots) { settings_.regular_slots = slots; }
    [[nodiscard]] std::uint32_t regular_slots() const { return settings_.regular_slots; }

    // The regular round, when next_deadline() has come (an earlier call is a round too). Only changes are answered.
    [[nodiscard]] std::vector<ChokeDecision> on_round(TimePoint now, std::span<const ChokeCandidate> peers,
                                                      bool seeding);
    // Between rounds, when interest or membership changed: gives free slots away at once, takes nothing from anybody
    // but the uninterested.
    [[nodiscard]] std::vector<ChokeDecision> on_change(TimePoint now, std::span<const ChokeCandidate> peers,
                                                       bool seeding);
    // Its slot, if it had one, is free; on_change() with the others gives it away.
    void on_peer_gone(ConnectionId peer);

    [[nodiscard]] TimePoint next_deadline() const { return next_round_; }  // the epoch before the first round
    // Who holds the optimistic (or rotation) slot.
    [[nodiscard]] std::optional<ConnectionId> optimistic_peer() const { return optimistic_; }

  private:
    struct Seat;
    [[nodiscard]] std::vector<Seat> seats_of(std::span<const ChokeCandidate> peers);
    void rank_leecher(std::vector<Seat>& seats) const;
    void rank_seed(std::vector<Seat>& seats, TimePoint now) const;
    void fill_regular(std::vector<Seat>& seats, bool seeding) const;
    void fill_optimistic(std::vector<Seat>& seats, TimePoint now, bool seeding);
    [[nodiscard]] Seat* draw_optimistic(std::vector<Seat>& seats, TimePoint now);

    ChokerSettings settings_;
    Rng rng_;
    TimePoint next_round_{};
    std::optional<ConnectionId> optimistic_;
    TimePoint next_optimistic_{};
};

}  // namespace bt::swarm
