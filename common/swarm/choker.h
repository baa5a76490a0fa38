#pragma once

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
    TimePoint unchoked_at;                        // when it was last unchoked
};

enum class ChokeReason : std::uint8_t { RegularSlot, Optimistic, FreeSlot, SeedFastest, SeedRotation, NotInterested, Snubbed, Outranked };
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

class Choker {
  public:
    Choker(ChokerSettings settings, Rng rng);

    // The regular round, when next_deadline() has come. Only changes are answered.
    [[nodiscard]] std::vector<ChokeDecision> on_round(TimePoint now, std::span<const ChokeCandidate> peers, bool seeding);
    // Between rounds, when interest or membership changed: gives free slots away at once, takes nothing from anybody
    // but the uninterested.
    [[nodiscard]] std::vector<ChokeDecision> on_change(TimePoint now, std::span<const ChokeCandidate> peers, bool seeding);
    void on_peer_gone(ConnectionId peer);

    [[nodiscard]] TimePoint next_deadline() const;
    [[nodiscard]] std::optional<ConnectionId> optimistic_peer() const;
};

}  // namespace bt::swarm
