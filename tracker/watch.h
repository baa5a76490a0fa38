#pragma once

// What the live page knows: the last exchanges with their bytes, the swarms as their peers have described themselves,
// and who was told about whom. A view of what passed the doors, not the registry. Pure.
//
// Rules
//  - An exchange has a number, from 1, never used again; the last kMaxExchanges are kept, with at most kMaxKeptBytes of
//    each direction.
//  - A peer is known from its announce until `stopped` or until peer_timeout behind its last one. Who was told about
//    whom is what its last answer named; a rule that changes the peers of an answer leaves what was known before.
//  - Bounds: kMaxSwarms swarms (the one that was quiet longest makes room), kMaxSwarmPeers peers of one, kMaxTold peers
//    of one answer.
// Cost: O(1) an exchange but for its bytes and its peers.

#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/time.h"
#include "tracker/exchange.h"
#include "tracker/observer.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxExchanges = 400;
inline constexpr std::size_t kMaxKeptBytes = 4'096;
inline constexpr std::size_t kMaxSwarms = 50;
inline constexpr std::size_t kMaxSwarmPeers = 100;
inline constexpr std::size_t kMaxTold = 100;

struct SeenExchange {
    std::uint64_t number = 0;
    TimePoint time;
    Door door = Door::Http;
    std::optional<ConnectionId> connection;
    Endpoint source;
    ExchangeKind kind = ExchangeKind::Other;
    std::optional<InfoHash> info_hash;
    std::optional<PeerId> peer_id;
    wire::AnnounceEvent event = wire::AnnounceEvent::None;
    std::uint16_t port = 0;
    std::uint64_t left = 0;
    std::size_t told = 0;
    int status = 200;
    std::string refusal, rule, action;
    ByteBuffer request, answer;  // as sent: head and all where a rule made it
    std::size_t request_size = 0, answer_size = 0;
    bool is_answered = true;
};

struct SeenPeer {
    Endpoint endpoint;
    PeerId peer_id{};
    wire::AnnounceEvent event = wire::AnnounceEvent::None;
    std::uint64_t left = 0, uploaded = 0, downloaded = 0;
    std::uint64_t announces = 0;
    Door door = Door::Http;
    TimePoint seen;
    std::vector<Endpoint> told;
};

struct SeenSwarm {
    InfoHash info_hash{};
    TimePoint seen;
    std::vector<SeenPeer> peers;
};

class Watch final : public ExchangeViewer {
  public:
    explicit Watch(Duration peer_timeout) : peer_timeout_(peer_timeout) {}

    void on_seen(const Exchange& exchange, const Delivery* delivery) override;
    void expire(TimePoint now);
    void set_peer_timeout(Duration timeout) { peer_timeout_ = timeout; }

    [[nodiscard]] const std::deque<SeenExchange>& exchanges() const { return exchanges_; }
    [[nodiscard]] const SeenExchange* find(std::uint64_t number) const;
    [[nodiscard]] const std::vector<SeenSwarm>& swarms() const { return swarms_; }
    [[nodiscard]] std::uint64_t last_number() const { return last_number_; }

    void check_invariants() const;

  private:
    void note_peer(const Exchange& exchange, bool told_is_known);
    [[nodiscard]] SeenSwarm& swarm_of(const InfoHash& info_hash, TimePoint now);

    Duration peer_timeout_;
    std::deque<SeenExchange> exchanges_;
    std::vector<SeenSwarm> swarms_;
    std::uint64_t last_number_ = 0;
};

}  // namespace bt::tracker
