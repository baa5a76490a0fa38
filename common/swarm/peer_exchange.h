#pragma once

// Peer exchange (BEP 11) with one peer: what it is told and when, and how often it may tell us something. Pure.
//
// Telling. The first message goes out as soon as there is somebody to tell of, the next ones kPexInterval apart at
// least, each with what has changed since the last: at most kPexToldAtOnce peers added and as many dropped, the rest
// the next time. Nothing changed: nothing is sent. The peer itself is not told of, and addresses of this machine
// (loopback) only to peers that are on it too: for others they would mean something else.
//
// Hearing. A message that comes too early (kPexTolerance before its time, clocks and queues differ) is passed over;
// the one behind kMaxEarlyPex of those in a row is a flood. Of what is heard, addresses of our own machine count only
// from peers on it.
// Cost: a message O(connected peers * log); hearing O(1).

#include <cstdint>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/time.h"
#include "common/wire/ut_pex.h"

namespace bt::swarm {

inline constexpr std::size_t kPexToldAtOnce = 50;
inline constexpr Duration kPexTolerance = seconds(5);
inline constexpr std::uint32_t kMaxEarlyPex = 5;

class PeerExchange {
  public:
    enum class Verdict : std::uint8_t { Take, TooEarly, Flood };

    explicit PeerExchange(Duration interval = wire::kPexInterval) : interval_(interval) {}

    // `connected`: where our other peers can be reached, each once. Nothing: not now, or nothing has changed.
    [[nodiscard]] std::optional<wire::PexMessage> next_message(std::span<const wire::PexPeer> connected,
                                                               const Endpoint& receiver, TimePoint now);
    // `version`: of what there is to tell. The same as at the last look that left nothing over: not due.
    [[nodiscard]] bool is_due(TimePoint now, std::uint64_t version = 0) const {
        if (version != 0 && version == seen_version_) return false;
        return !told_at_ || now - *told_at_ >= interval_;
    }
    void on_all_told(std::uint64_t version) { seen_version_ = version; }

    [[nodiscard]] Verdict on_message(TimePoint now);
    [[nodiscard]] static bool may_believe(const Endpoint& peer, const Endpoint& teller) {
        return !peer.address.is_loopback() || teller.address.is_loopback();
    }

  private:
    Duration interval_;
    std::uint64_t seen_version_ = 0;
    std::set<Endpoint> told_;
    std::optional<TimePoint> told_at_;
    std::optional<TimePoint> heard_at_;
    std::uint32_t early_ = 0;
};

}  // namespace bt::swarm
