#pragma once

// Who is in which swarm: info_hash -> peers. Pure; time and randomness are handed in.
//
// Rules
//  - A peer is its address and port; announcing again refreshes it. Its peer id is what it said last.
//  - A peer expires when its last announce is peer_timeout old. Every call on a swarm expires that swarm first, so no
//    answer ever counts or names an expired peer; expire() sweeps the others a few at a time, so that no call is long.
//  - A swarm without peers is forgotten (with its `downloaded`), unless it was pinned.
//  - `downloaded` counts a peer's `completed` once for as long as the peer stays known.
//  - Bounds: max_torrents swarms, max_peers peers in all; beyond them new ones are refused (LimitReached, Local) and
//    known ones still served.
// Cost: announce O(1) amortised; sample O(want), each other peer equally likely; sweep O(swarms asked + peers expired).

#include <cstdint>
#include <memory>
#include <unordered_map>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "tracker/peer_table.h"

namespace bt::tracker {

struct RegistrySettings {
    Duration peer_timeout = minutes(15);
    std::uint32_t max_torrents = 1'000'000;
    std::uint32_t max_peers = 10'000'000;
};

struct SwarmCounts {
    std::uint64_t complete = 0;
    std::uint64_t incomplete = 0;
    std::uint64_t downloaded = 0;
    friend bool operator==(const SwarmCounts&, const SwarmCounts&) = default;
};

struct KnownPeer {
    Endpoint endpoint;
    PeerId peer_id{};
};

class Registry {
  public:
    Registry(RegistrySettings settings, Rng rng);

    // A swarm that stays, with or without peers.
    void pin(const InfoHash& info_hash);
    // As any other from now on: forgotten when nobody is in it.
    void unpin(const InfoHash& info_hash);
    [[nodiscard]] bool is_pinned(const InfoHash& info_hash) const;
    // Bounds hold for what comes from now on; a shorter timeout expires peers at once.
    void configure(RegistrySettings settings) { settings_ = settings; }
    // Appends the info_hashes of at most `max` swarms.
    void list(std::size_t max, std::vector<InfoHash>& out) const;

    [[nodiscard]] Status announce(const InfoHash& info_hash, const KnownPeer& peer, bool is_seed, bool has_completed,
                                  TimePoint now);
    // False when it was not there.
    bool remove(const InfoHash& info_hash, const Endpoint& peer, TimePoint now);

    // Zeros for a swarm nobody knows.
    [[nodiscard]] SwarmCounts counts(const InfoHash& info_hash, TimePoint now);

    // Appends at most `want` different peers, never `asker`: those of the asker's address family first, the other
    // family where that leaves room.
    void sample(const InfoHash& info_hash, const Endpoint& asker, bool only_leechers, std::uint32_t want, TimePoint now,
                std::vector<KnownPeer>& out);

    // Looks at the next max_swarms swarms. Returns how many peers expired there.
    std::uint64_t expire(TimePoint now, std::uint32_t max_swarms);

    [[nodiscard]] std::uint32_t torrent_count() const { return static_cast<std::uint32_t>(swarms_.size()); }
    // Of all swarms; those not looked at since their peers became too old still count them.
    [[nodiscard]] std::uint64_t peer_count() const { return peer_count_; }
    [[nodiscard]] std::uint64_t seed_count() const { return seed_count_; }
    [[nodiscard]] std::size_t memory_bytes() const;
    void check_invariants() const;

  private:
    struct Swarm {
        Swarm(const InfoHash& hash, std::uint64_t salt) : info_hash(hash), v4(salt), v6(salt) {}
        InfoHash info_hash;
        bool pinned = false;
        std::uint64_t downloaded = 0;
        PeerTable<4> v4;
        PeerTable<16> v6;
    };
    struct Hasher {
        std::uint64_t salt;
        std::size_t operator()(const InfoHash& info_hash) const noexcept;
    };

    // The swarm without its expired peers, or nullptr; forgets it when that leaves nobody.
    Swarm* fresh_swarm(const InfoHash& info_hash, TimePoint now);
    Swarm& add_swarm(const InfoHash& info_hash);
    std::uint64_t expire_swarm(Swarm& swarm, TimePoint now);
    bool forget_if_empty(std::uint32_t number);
    template <std::size_t N>
    void put(Swarm& swarm, PeerTable<N>& table, const KnownPeer& peer, bool is_seed, bool has_completed, TimePoint now);
    template <std::size_t N>
    bool erase(PeerTable<N>& table, const Endpoint& peer);
    template <std::size_t N>
    std::uint32_t draw(const PeerTable<N>& table, const Endpoint* asker, bool only_leechers, std::uint32_t want,
                       std::vector<KnownPeer>& out);

    RegistrySettings settings_;
    Rng rng_;
    std::uint64_t salt_;
    std::vector<std::unique_ptr<Swarm>> swarms_;
    std::unordered_map<InfoHash, std::uint32_t, Hasher> numbers_;  // index into swarms_
    std::uint32_t sweep_ = 0;                                      // next swarm for expire()
    std::uint64_t peer_count_ = 0;
    std::uint64_t seed_count_ = 0;
};

}  // namespace bt::tracker
