#pragma once

// Who is in which swarm: info_hash -> peers. Pure; time and randomness are handed in.
//
// State: kShards shards by a hash of the info_hash, each with its swarms in one array, an index over them and a
// generator. A swarm has 64 bytes, its peers are in peer_set.h.
// Rules
//  - A peer is its address and port; announcing again refreshes it. Its peer id is what it said last; with
//    keep_peer_ids off it is not kept, and told as zeros.
//  - A peer expires when its last announce is peer_timeout old. No answer ever names one that has. Every call on a
//    swarm expires that swarm first, but of a swarm of more than kMostWhole peers of a family only a part: its
//    counts may be as late as the sweep.
//  - expire() sweeps the others, a bounded piece of work at a time, round after round.
//  - A swarm without peers is forgotten (with its `downloaded`), unless it was pinned.
//  - `downloaded` counts a peer's `completed` once for as long as the peer stays known.
//  - Bounds: max_torrents swarms, max_peers peers in all; beyond them new ones are refused (LimitReached, Local) and
//    known ones still served.
//  - With is_shared any thread may call: a shard is locked for one request, or for one piece of a sweep. The sweep is
//    for one thread, configure() for the time before there are others.
// Cost: announce O(1) amortised; sample O(want), each other peer equally likely; sweep O(swarms asked + peers looked
// at). Memory with peer ids off: 10 bytes an IPv4 peer, about a tenth more for growth, and 75 bytes a swarm.

#include <array>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "tracker/peer_set.h"
#include "tracker/swarm_index.h"

namespace bt::tracker {

inline constexpr std::size_t kShards = 64;

struct RegistrySettings {
    Duration peer_timeout = minutes(15);
    std::uint32_t max_torrents = 1'000'000;
    std::uint32_t max_peers = 10'000'000;
    // Not to be changed by configure().
    bool keep_peer_ids = true;
    bool is_shared = false;
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
    void configure(const RegistrySettings& settings);
    // Appends the info_hashes of at most `max` swarms.
    void list(std::size_t max, std::vector<InfoHash>& out) const;

    class Visit;

    // Each is a Visit of one call.
    [[nodiscard]] Status announce(const InfoHash& info_hash, const KnownPeer& peer, bool is_seed, bool has_completed,
                                  TimePoint now);
    // False when it was not there.
    bool remove(const InfoHash& info_hash, const Endpoint& peer, TimePoint now);
    // Zeros for a swarm nobody knows.
    [[nodiscard]] SwarmCounts counts(const InfoHash& info_hash, TimePoint now);
    void sample(const InfoHash& info_hash, const Endpoint& asker, bool only_leechers, std::uint32_t want, TimePoint now,
                std::vector<KnownPeer>& out);

    struct Sweep {
        std::uint64_t expired = 0;
        bool is_round_over = false;  // all swarms were looked at since the round began
    };
    // Goes on with the round, or begins one. `budget` bounds the work: a swarm looked at is 1, sixteen of its peers
    // are 1, and each peer that expired is 1. The last swarm, or part of one, may exceed it.
    Sweep expire(TimePoint now, std::uint32_t budget);

    [[nodiscard]] std::uint32_t torrent_count() const {
        return static_cast<std::uint32_t>(torrent_count_.load(std::memory_order_relaxed));
    }
    // Of all swarms; those not looked at since their peers became too old still count them.
    [[nodiscard]] std::uint64_t peer_count() const { return peer_count_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::uint64_t seed_count() const { return seed_count_.load(std::memory_order_relaxed); }
    [[nodiscard]] std::size_t memory_bytes() const;
    void check_invariants() const;

  private:
    struct Swarm {
        InfoHash info_hash{};
        std::uint32_t downloaded = 0;
        std::uint32_t oldest = UINT32_MAX;  // tick, a lower bound; 0 where a family is split
        bool is_pinned = false;
        PeerSet<4> v4;
        PeerSet<16> v6;

        [[nodiscard]] std::uint64_t size() const { return std::uint64_t{v4.size()} + v6.size(); }
        [[nodiscard]] std::uint64_t seeds() const { return std::uint64_t{v4.seeds()} + v6.seeds(); }
    };
    static_assert(sizeof(Swarm) == 64);
    struct Shard {
        mutable std::mutex mutex;
        std::vector<Swarm> swarms;
        SwarmIndex index;  // into swarms
        Rng rng{0};
    };

    [[nodiscard]] std::uint64_t hash_of(const InfoHash& info_hash) const;
    [[nodiscard]] Shard& shard_of(std::uint64_t hash) { return shards_[hash >> 58]; }
    [[nodiscard]] const Shard& shard_of(std::uint64_t hash) const { return shards_[hash >> 58]; }
    [[nodiscard]] std::unique_lock<std::mutex> lock(const Shard& shard) const;
    [[nodiscard]] std::optional<std::uint32_t> number_of(const Shard& shard, std::uint64_t hash,
                                                         const InfoHash& info_hash) const;
    std::uint32_t add_swarm(Shard& shard, std::uint64_t hash, const InfoHash& info_hash);
    bool forget_if_empty(Shard& shard, std::uint32_t number);
    [[nodiscard]] std::int64_t limit_at(TimePoint now) const { return ticks_down(now - settings_.peer_timeout); }

    // Adjusts the counts by what the change does to the swarm.
    template <class Change>
    auto counted(Swarm& swarm, Change&& change);
    void expire_on_touch(Swarm& swarm, std::int64_t limit);
    static void note_oldest(Swarm& swarm);
    static constexpr std::uint32_t kNoPart = UINT32_MAX;
    [[nodiscard]] static std::uint32_t next_part(const Swarm& swarm, std::uint32_t part);
    // One step of the sweep: a part of a family of a swarm.
    std::uint32_t sweep_swarm(Shard& shard, std::int64_t limit, Sweep& sweep);

    RegistrySettings settings_;
    TableRules rules_;
    std::vector<Shard> shards_;
    std::atomic<std::uint64_t> torrent_count_ = 0;
    std::atomic<std::uint64_t> peer_count_ = 0;
    std::atomic<std::uint64_t> seed_count_ = 0;
    // Where the sweep is.
    std::size_t sweep_shard_ = 0;
    std::uint32_t sweep_number_ = 0;
    std::uint32_t sweep_part_ = 0;
};

// Several questions about one swarm, with one look-up and, where the registry is shared, under one lock: as short as
// can be, and only one at a time on a thread.
class Registry::Visit {
  public:
    Visit(Registry& registry, const InfoHash& info_hash, TimePoint now);
    ~Visit();
    Visit(const Visit&) = delete;
    Visit& operator=(const Visit&) = delete;

    [[nodiscard]] Status announce(const KnownPeer& peer, bool is_seed, bool has_completed);
    bool remove(const Endpoint& peer);
    [[nodiscard]] SwarmCounts counts() const;
    // Appends at most `want` different peers, never `asker`: those of the asker's address family first, the other
    // family where that leaves room.
    void sample(const Endpoint& asker, bool only_leechers, std::uint32_t want, std::vector<KnownPeer>& out);
    // The same as they stand in compact lists, one a family; nullptr: nobody of that family. Answers how many.
    std::uint32_t sample_compact(const Endpoint& asker, bool only_leechers, std::uint32_t want, ByteBuffer* v4,
                                 ByteBuffer* v6);

  private:
    template <std::size_t N>
    std::uint32_t draw_compact(const PeerSet<N>& peers, const Endpoint& asker, bool only_leechers, std::uint32_t want,
                               ByteBuffer* out);
    [[nodiscard]] Swarm& swarm() const { return shard_.swarms[number_]; }
    [[nodiscard]] bool is_known() const { return number_ != SwarmIndex::kNoNumber; }

    Registry& registry_;
    const InfoHash& info_hash_;
    std::uint64_t hash_;
    Shard& shard_;
    std::unique_lock<std::mutex> lock_;
    TimePoint now_;
    std::int64_t limit_;
    std::uint32_t number_ = SwarmIndex::kNoNumber;
};

}  // namespace bt::tracker
