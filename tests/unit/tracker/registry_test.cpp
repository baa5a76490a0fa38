#include "tracker/registry.h"

#include <algorithm>
#include <map>
#include <set>
#include <thread>

#include "tests/support/catch.h"
#include "tests/support/times.h"

namespace bt::tracker {
namespace {

using bt::test_time::at;

InfoHash hash_of(Byte number) {
    InfoHash info_hash{};
    info_hash[19] = number;
    return info_hash;
}

KnownPeer peer_v4(Byte last, std::uint16_t port = 6881) {
    KnownPeer peer;
    peer.endpoint = {Address::v4({127, 0, 0, last}), port};
    peer.peer_id[0] = last;
    return peer;
}

KnownPeer peer_v6(Byte last, std::uint16_t port = 6881) {
    std::array<Byte, 16> bytes{};
    bytes[15] = last;
    return {{Address::v6(bytes), port}, {}};
}

RegistrySettings timeout_of(Duration timeout) {
    RegistrySettings settings;
    settings.peer_timeout = timeout;
    return settings;
}

std::set<Endpoint> endpoints(const std::vector<KnownPeer>& peers) {
    std::set<Endpoint> out;
    for (const KnownPeer& peer : peers) out.insert(peer.endpoint);
    return out;
}

// The same rules, written down as plainly as possible.
class Model {
  public:
    explicit Model(Duration timeout) : timeout_(timeout) {}

    void announce(const InfoHash& info_hash, const KnownPeer& peer, bool is_seed, bool completed, TimePoint now) {
        expire(now);
        auto& swarm = swarms_[info_hash];
        auto& entry = swarm.peers[peer.endpoint];
        entry.is_seed = is_seed;
        entry.seen = now;
        if (completed && !entry.counted) {
            entry.counted = true;
            ++swarm.downloaded;
        }
    }
    bool remove(const InfoHash& info_hash, const Endpoint& peer, TimePoint now) {
        expire(now);
        const auto swarm = swarms_.find(info_hash);
        if (swarm == swarms_.end()) return false;
        const bool was_there = swarm->second.peers.erase(peer) > 0;
        if (swarm->second.peers.empty()) swarms_.erase(swarm);
        return was_there;
    }
    SwarmCounts counts(const InfoHash& info_hash, TimePoint now) {
        expire(now);
        const auto swarm = swarms_.find(info_hash);
        if (swarm == swarms_.end()) return {};
        SwarmCounts counts{0, 0, swarm->second.downloaded};
        for (const auto& entry : swarm->second.peers) ++(entry.second.is_seed ? counts.complete : counts.incomplete);
        return counts;
    }
    std::set<Endpoint> others(const InfoHash& info_hash, const Endpoint& asker, bool only_leechers, TimePoint now) {
        expire(now);
        std::set<Endpoint> out;
        const auto swarm = swarms_.find(info_hash);
        if (swarm == swarms_.end()) return out;
        for (const auto& [endpoint, entry] : swarm->second.peers) {
            if (endpoint != asker && !(only_leechers && entry.is_seed)) out.insert(endpoint);
        }
        return out;
    }
    void expire(TimePoint now) {
        for (auto swarm = swarms_.begin(); swarm != swarms_.end();) {
            std::erase_if(swarm->second.peers, [&](const auto& e) { return now - e.second.seen >= timeout_; });
            swarm = swarm->second.peers.empty() ? swarms_.erase(swarm) : std::next(swarm);
        }
    }
    std::size_t swarm_count() const { return swarms_.size(); }

  private:
    struct Entry {
        bool is_seed = false, counted = false;
        TimePoint seen;
    };
    struct Swarm {
        std::map<Endpoint, Entry> peers;
        std::uint64_t downloaded = 0;
    };
    Duration timeout_;
    std::map<InfoHash, Swarm> swarms_;
};

TEST_CASE("the registry answers as the plain model does over random calls") {
    for (std::uint64_t rng_seed = 1; rng_seed <= 8; ++rng_seed) {
        Rng rng(rng_seed);
        Registry registry(timeout_of(seconds(60)), rng.fork(1));
        Model model(seconds(60));
        TimePoint now;
        for (int step = 0; step < 3000; ++step) {
            now += kTick * static_cast<std::int64_t>(rng.below(15));
            const InfoHash info_hash = hash_of(static_cast<Byte>(rng.below(4)));
            const auto last = static_cast<Byte>(rng.below(40));
            const KnownPeer peer = rng.chance(1, 4) ? peer_v6(last) : peer_v4(last);
            switch (rng.below(6)) {
                case 0:
                    REQUIRE(registry.remove(info_hash, peer.endpoint, now) ==
                            model.remove(info_hash, peer.endpoint, now));
                    break;
                case 1: {
                    const bool only_leechers = rng.chance(1, 2);
                    const auto want = static_cast<std::uint32_t>(rng.below(50));
                    std::vector<KnownPeer> got;
                    registry.sample(info_hash, peer.endpoint, only_leechers, want, now, got);
                    const auto allowed = model.others(info_hash, peer.endpoint, only_leechers, now);
                    const auto named = endpoints(got);
                    REQUIRE(got.size() == std::min<std::size_t>(want, allowed.size()));
                    REQUIRE(named.size() == got.size());
                    REQUIRE(std::includes(allowed.begin(), allowed.end(), named.begin(), named.end()));
                    break;
                }
                case 2:
                    registry.expire(now, 100);
                    model.expire(now);
                    REQUIRE(registry.torrent_count() == model.swarm_count());
                    break;
                default: {
                    const bool is_seed = rng.chance(1, 3);
                    const bool completed = rng.chance(1, 5);
                    REQUIRE(registry.announce(info_hash, peer, is_seed, completed, now));
                    model.announce(info_hash, peer, is_seed, completed, now);
                }
            }
            REQUIRE(registry.counts(info_hash, now) == model.counts(info_hash, now));
            registry.check_invariants();
        }
    }
}

TEST_CASE("a peer is known until just before its timeout and gone at it") {
    Registry registry(timeout_of(seconds(60)), Rng(1));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), false, false, at(10)));
    CHECK(registry.counts(hash_of(1), at(69.9)).incomplete == 1);
    CHECK(registry.counts(hash_of(1), at(70)).incomplete == 0);
}

TEST_CASE("an announce off the tick never makes a peer expire early, and late by less than two ticks") {
    Registry registry(timeout_of(seconds(60)), Rng(1));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), false, false, at(10.001)));
    CHECK(registry.counts(hash_of(1), at(70.0005)).incomplete == 1);
    CHECK(registry.counts(hash_of(1), at(70.2)).incomplete == 0);
}

TEST_CASE("announcing again postpones the expiry of that peer only") {
    Registry registry(timeout_of(seconds(60)), Rng(1));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), false, false, at(0)));
    REQUIRE(registry.announce(hash_of(1), peer_v4(2), true, false, at(1)));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), false, false, at(50)));
    CHECK(registry.counts(hash_of(1), at(61)) == SwarmCounts{0, 1, 0});
    CHECK(registry.counts(hash_of(1), at(110)) == SwarmCounts{0, 0, 0});
}

TEST_CASE("expired peers are not drawn even if nobody has swept") {
    Registry registry(timeout_of(seconds(60)), Rng(1));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), false, false, at(0)));
    REQUIRE(registry.announce(hash_of(1), peer_v4(2), false, false, at(30)));
    std::vector<KnownPeer> got;
    registry.sample(hash_of(1), peer_v4(9).endpoint, false, 50, at(60), got);
    CHECK(endpoints(got) == std::set<Endpoint>{peer_v4(2).endpoint});
}

TEST_CASE("the sweep stops behind its budget, comes round to all, and says when it has") {
    Registry registry(timeout_of(seconds(60)), Rng(1));
    for (Byte i = 0; i < 10; ++i) REQUIRE(registry.announce(hash_of(i), peer_v4(i), false, false, at(0)));
    // A swarm and the peer that expires in it are two.
    const auto first = registry.expire(at(60), 8);
    CHECK(first.expired == 4);
    CHECK_FALSE(first.is_round_over);
    CHECK(registry.torrent_count() == 6);
    CHECK(registry.expire(at(60), 8).expired == 4);
    const auto last = registry.expire(at(60), 8);
    CHECK(last.expired == 2);
    CHECK(last.is_round_over);
    CHECK(registry.torrent_count() == 0);
    CHECK(registry.peer_count() == 0);
    CHECK(registry.expire(at(60), 8).is_round_over);
}

TEST_CASE("one round of the sweep forgets both families of every swarm, few peers or many") {
    Registry registry(timeout_of(seconds(60)), Rng(1));
    for (std::uint16_t i = 0; i < 3000; ++i) {
        REQUIRE(registry.announce(hash_of(1), peer_v4(1, i), false, false, at(0)));
        REQUIRE(registry.announce(hash_of(2), peer_v6(1, i), false, false, at(0)));
        REQUIRE(registry.announce(hash_of(1), peer_v6(1, i % 10), false, false, at(0)));
        REQUIRE(registry.announce(hash_of(2), peer_v4(1, i % 10), false, false, at(0)));
        REQUIRE(registry.announce(hash_of(static_cast<Byte>(3 + i % 90)), peer_v4(1, i), false, false, at(0)));
        REQUIRE(registry.announce(hash_of(static_cast<Byte>(3 + i % 80)), peer_v6(1, i), false, false, at(0)));
    }
    const std::uint64_t peers = registry.peer_count();
    const auto sweep = registry.expire(at(60), UINT32_MAX);
    CHECK(sweep.is_round_over);
    CHECK(sweep.expired == peers);
    CHECK(registry.torrent_count() == 0);
}

TEST_CASE("a pinned swarm stays with its downloads when the last peer goes, another is forgotten") {
    Registry registry(timeout_of(seconds(60)), Rng(1));
    registry.pin(hash_of(1));
    for (const Byte number : {Byte{1}, Byte{2}}) {
        REQUIRE(registry.announce(hash_of(number), peer_v4(1), true, true, at(0)));
        CHECK(registry.remove(hash_of(number), peer_v4(1).endpoint, at(1)));
    }
    CHECK(registry.torrent_count() == 1);
    CHECK(registry.counts(hash_of(1), at(2)).downloaded == 1);
    CHECK(registry.counts(hash_of(2), at(2)).downloaded == 0);
}

TEST_CASE("the same address with another port is another peer") {
    Registry registry(timeout_of(seconds(60)), Rng(1));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1, 1000), false, false, at(0)));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1, 1001), false, false, at(0)));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1, 1001), false, false, at(1)));
    CHECK(registry.counts(hash_of(1), at(1)).incomplete == 2);
}

TEST_CASE("a peer that says completed twice counts once as a download") {
    Registry registry(timeout_of(seconds(60)), Rng(1));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), false, false, at(0)));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), true, true, at(1)));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), true, true, at(2)));
    CHECK(registry.counts(hash_of(1), at(2)) == SwarmCounts{1, 0, 1});
}

TEST_CASE("at max_peers a new peer is refused and a known one still refreshed") {
    RegistrySettings settings = timeout_of(seconds(60));
    settings.max_peers = 2;
    Registry registry(settings, Rng(1));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), false, false, at(0)));
    REQUIRE(registry.announce(hash_of(1), peer_v6(1), false, false, at(0)));
    const Status refused = registry.announce(hash_of(2), peer_v4(3), false, false, at(1));
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == ErrorCode::LimitReached);
    CHECK(registry.announce(hash_of(1), peer_v6(1), true, false, at(1)));
    CHECK(registry.remove(hash_of(1), peer_v4(1).endpoint, at(1)));
    CHECK(registry.announce(hash_of(2), peer_v4(3), false, false, at(1)));
    registry.check_invariants();
}

TEST_CASE("at max_torrents a new torrent is refused and a known one still served") {
    RegistrySettings settings = timeout_of(seconds(60));
    settings.max_torrents = 1;
    Registry registry(settings, Rng(1));
    REQUIRE(registry.announce(hash_of(1), peer_v4(1), false, false, at(0)));
    CHECK_FALSE(registry.announce(hash_of(2), peer_v4(1), false, false, at(0)));
    CHECK(registry.announce(hash_of(1), peer_v4(2), false, false, at(0)));
}

TEST_CASE("each other peer is drawn about equally often") {
    Registry registry(timeout_of(seconds(60)), Rng(7));
    constexpr Byte kPeers = 30;
    for (Byte i = 0; i < kPeers; ++i) REQUIRE(registry.announce(hash_of(1), peer_v4(i), i % 3 == 0, false, at(0)));
    std::map<Endpoint, int> drawn;
    constexpr int kRounds = 6000;
    for (int i = 0; i < kRounds; ++i) {
        std::vector<KnownPeer> got;
        registry.sample(hash_of(1), peer_v4(5).endpoint, false, 7, at(1), got);
        for (const KnownPeer& peer : got) ++drawn[peer.endpoint];
    }
    CHECK(drawn.size() == kPeers - 1);
    CHECK(drawn.count(peer_v4(5).endpoint) == 0);
    const double expected = kRounds * 7.0 / (kPeers - 1);  // 1448, standard deviation 33
    for (const auto& [endpoint, count] : drawn) CHECK(std::abs(count - expected) < 200);
}

TEST_CASE("peers of the asker's family come first, the other family fills up") {
    Registry registry(timeout_of(seconds(60)), Rng(7));
    for (Byte i = 0; i < 5; ++i) {
        REQUIRE(registry.announce(hash_of(1), peer_v4(i), false, false, at(0)));
        REQUIRE(registry.announce(hash_of(1), peer_v6(i), false, false, at(0)));
    }
    std::vector<KnownPeer> got;
    registry.sample(hash_of(1), peer_v6(0).endpoint, false, 6, at(0), got);
    REQUIRE(got.size() == 6);
    CHECK(std::count_if(got.begin(), got.end(), [](const KnownPeer& p) { return p.endpoint.address.is_v4(); }) == 2);
}

// 10.x.y.z, one after the other.
KnownPeer numbered(std::uint32_t number) {
    return {
        {Address::v4({10, static_cast<Byte>(number >> 16), static_cast<Byte>(number >> 8), static_cast<Byte>(number)}),
         6881},
        {}};
}

TEST_CASE("a swarm that is split into parts and joined again answers as the plain model does") {
    for (std::uint64_t rng_seed = 1; rng_seed <= 3; ++rng_seed) {
        Rng rng(rng_seed);
        Registry registry(timeout_of(seconds(60)), rng.fork(1));
        Model model(seconds(60));
        TimePoint now;
        std::uint32_t most = 0;
        for (int step = 0; step < 9000; ++step) {
            // Up to three times what one table takes, then down to nobody.
            if (rng.chance(1, step < 6000 ? 20 : 3)) now += kTick;
            const KnownPeer peer = numbered(static_cast<std::uint32_t>(rng.below(6000)));
            if (rng.chance(1, 10) || step >= 6000) {
                registry.expire(now, UINT32_MAX);  // the sweep has come: now the counts are exact
                REQUIRE(registry.counts(hash_of(1), now) == model.counts(hash_of(1), now));
            }
            if (rng.chance(1, 20)) {
                REQUIRE(registry.remove(hash_of(1), peer.endpoint, now) ==
                        model.remove(hash_of(1), peer.endpoint, now));
            } else if (step < 6000 || rng.chance(1, 100)) {
                const bool is_seed = rng.chance(1, 3);
                const bool completed = is_seed && rng.chance(1, 3);
                REQUIRE(registry.announce(hash_of(1), peer, is_seed, completed, now));
                model.announce(hash_of(1), peer, is_seed, completed, now);
            }
            if (step % 50 == 0) {
                std::vector<KnownPeer> got;
                const bool only_leechers = rng.chance(1, 2);
                registry.sample(hash_of(1), peer.endpoint, only_leechers, 40, now, got);
                const auto allowed = model.others(hash_of(1), peer.endpoint, only_leechers, now);
                const auto named = endpoints(got);
                REQUIRE(named.size() == got.size());
                REQUIRE(std::includes(allowed.begin(), allowed.end(), named.begin(), named.end()));
                registry.check_invariants();
            }
            most = std::max(most, static_cast<std::uint32_t>(registry.peer_count()));
        }
        CHECK(most > kMostWhole);
        registry.expire(now + seconds(61), UINT32_MAX);
        CHECK(registry.peer_count() == 0);
        CHECK(registry.torrent_count() == 0);
    }
}

TEST_CASE("peers of a split swarm that are too old are never named, even before the sweep has come") {
    Registry registry(timeout_of(seconds(60)), Rng(3));
    for (std::uint32_t i = 0; i < 5000; ++i) {
        REQUIRE(registry.announce(hash_of(1), numbered(i), false, false, at(i % 2 == 0 ? 0 : 30)));
    }
    std::vector<KnownPeer> got;
    registry.sample(hash_of(1), numbered(9999).endpoint, false, 200, at(60), got);
    CHECK(got.size() > 50);
    for (const KnownPeer& peer : got) CHECK(peer.endpoint.address.bytes()[3] % 2 == 1);
}

TEST_CASE("each peer of a split swarm is drawn about equally often") {
    Registry registry(timeout_of(seconds(60)), Rng(5));
    constexpr std::uint32_t kPeers = 3000;
    for (std::uint32_t i = 0; i < kPeers; ++i) REQUIRE(registry.announce(hash_of(1), numbered(i), false, false, at(0)));
    std::map<Endpoint, int> drawn;
    for (int i = 0; i < 6000; ++i) {
        std::vector<KnownPeer> got;
        registry.sample(hash_of(1), numbered(7).endpoint, false, 50, at(1), got);
        REQUIRE(got.size() == 50);
        for (const KnownPeer& peer : got) ++drawn[peer.endpoint];
    }
    CHECK(drawn.size() == kPeers - 1);
    for (const auto& [endpoint, count] : drawn) CHECK(std::abs(count - 100) < 60);  // standard deviation 10
}

TEST_CASE("the sweep of a large swarm stays near its budget, however many expire") {
    Registry registry(timeout_of(seconds(60)), Rng(5));
    constexpr std::uint32_t kPeers = 20'000;
    for (std::uint32_t i = 0; i < kPeers; ++i) REQUIRE(registry.announce(hash_of(1), numbered(i), false, false, at(0)));
    int pieces = 0;
    for (bool over = false; !over; ++pieces) {
        const auto sweep = registry.expire(at(60), 500);
        CHECK(sweep.expired < 1200);  // the budget and a part
        over = sweep.is_round_over;
        registry.check_invariants();
    }
    CHECK(pieces > 20);
    CHECK(registry.peer_count() == 0);
}

TEST_CASE("a compact sample names those whom the other one names, by family, and nobody of a family left out") {
    Registry registry(timeout_of(seconds(60)), Rng(7));
    for (Byte i = 0; i < 5; ++i) {
        REQUIRE(registry.announce(hash_of(1), peer_v4(i), i == 0, false, at(0)));
        REQUIRE(registry.announce(hash_of(1), peer_v6(i), i == 0, false, at(0)));
    }
    for (const KnownPeer& asker : {peer_v4(1), peer_v6(1), peer_v4(99)}) {
        for (const bool only_leechers : {false, true}) {
            Registry::Visit visit(registry, hash_of(1), at(1));
            std::vector<KnownPeer> all;
            visit.sample(asker.endpoint, only_leechers, 50, all);
            ByteBuffer v4{1, 2, 3};
            ByteBuffer v6;
            CHECK(visit.sample_compact(asker.endpoint, only_leechers, 50, &v4, &v6) == all.size());
            std::set<Endpoint> named;
            for (std::size_t i = 3; i < v4.size(); i += 6) named.insert(Endpoint::from_compact_v4(&v4[i]));
            for (std::size_t i = 0; i < v6.size(); i += 18) named.insert(Endpoint::from_compact_v6(&v6[i]));
            CHECK(named == endpoints(all));
            v4.clear();
            const std::uint32_t count = visit.sample_compact(asker.endpoint, only_leechers, 50, &v4, nullptr);
            CHECK(count * 6 == v4.size());
            v6.clear();
            CHECK(visit.sample_compact(asker.endpoint, only_leechers, 7, &v4, &v6) == 7);
        }
    }
}

TEST_CASE("peer ids are told where they are kept and zeros where they are not") {
    for (const bool keep : {true, false}) {
        RegistrySettings settings = timeout_of(seconds(60));
        settings.keep_peer_ids = keep;
        Registry registry(settings, Rng(7));
        for (std::uint32_t i = 0; i < 3000; ++i) {
            KnownPeer peer = numbered(i);
            peer.peer_id[3] = static_cast<Byte>(i);
            REQUIRE(registry.announce(hash_of(1), peer, false, false, at(0)));
        }
        std::vector<KnownPeer> got;
        registry.sample(hash_of(1), peer_v4(1).endpoint, false, 3000, at(1), got);
        REQUIRE(got.size() == 3000);
        for (const KnownPeer& peer : got) REQUIRE(peer.peer_id[3] == (keep ? peer.endpoint.address.bytes()[3] : 0));
    }
}

TEST_CASE("several threads may ask a shared registry at once, and nobody is lost or counted twice") {
    RegistrySettings settings = timeout_of(seconds(60));
    settings.is_shared = true;
    Registry registry(settings, Rng(7));
    constexpr std::uint32_t kEach = 4'000;
    std::vector<std::thread> threads;
    for (std::uint32_t number = 0; number < 4; ++number) {
        threads.emplace_back([&registry, number] {
            for (std::uint32_t i = 0; i < kEach; ++i) {
                const InfoHash info_hash = hash_of(static_cast<Byte>(i % 7));
                const KnownPeer peer = numbered(number * kEach + i);
                Registry::Visit visit(registry, info_hash, at(0));
                (void)visit.announce(peer, i % 2 == 0, false);
                ByteBuffer v4;
                visit.sample_compact(peer.endpoint, false, 20, &v4, nullptr);
                if (i % 4 == 3) visit.remove(peer.endpoint);
            }
            // The sweep is one thread's.
            for (int i = 0; number == 0 && i < 20; ++i) (void)registry.expire(at(1), 100);
        });
        if (number == 0)
            threads.emplace_back([&registry] {
                for (int i = 0; i < 2'000; ++i) (void)registry.counts(hash_of(static_cast<Byte>(i % 7)), at(0));
            });
    }
    for (std::thread& thread : threads) thread.join();
    registry.check_invariants();
    CHECK(registry.peer_count() == 4 * kEach * 3 / 4);
}

std::size_t bytes_a_peer(bool keep_peer_ids, std::uint32_t torrents, std::uint32_t peers) {
    RegistrySettings settings = timeout_of(seconds(60));
    settings.keep_peer_ids = keep_peer_ids;
    Registry registry(settings, Rng(7));
    const std::size_t before = registry.memory_bytes();
    for (std::uint32_t i = 0; i < peers; ++i) {
        InfoHash info_hash{};
        info_hash[0] = static_cast<Byte>(i % torrents);
        info_hash[1] = static_cast<Byte>(i % torrents >> 8);
        REQUIRE(registry.announce(info_hash, numbered(i), i % 2 == 0, false, at(0)));
    }
    registry.check_invariants();
    const std::size_t bytes = registry.memory_bytes();
    while (!registry.expire(at(60), 1000).is_round_over) {
    }
    CHECK(registry.peer_count() == 0);
    CHECK(registry.memory_bytes() < before + 40'000);
    return (bytes - before) / peers;
}

TEST_CASE("an IPv4 peer takes at most 24 bytes in small swarms and in a large one, 44 with its peer id") {
    CHECK(bytes_a_peer(false, 2000, 20'000) <= 24);
    CHECK(bytes_a_peer(true, 2000, 20'000) <= 44);
    CHECK(bytes_a_peer(false, 1, 60'000) <= 24);
    CHECK(bytes_a_peer(true, 1, 60'000) <= 44);
}

}  // namespace
}  // namespace bt::tracker
