#include "common/swarm/choker.h"

#include <algorithm>
#include <map>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/times.h"

using namespace bt;
using swarm::ChokeCandidate;
using swarm::ChokeDecision;
using swarm::Choker;
using swarm::ChokeReason;
using swarm::ChokerSettings;

namespace {

using bt::test_time::at;

// Connections and a choker whose decisions are carried out.
struct ChokerBench {
    explicit ChokerBench(ChokerSettings settings = {}, std::uint64_t rng_seed = 1) : choker(settings, Rng(rng_seed)) {}

    ChokeCandidate& peer(std::uint32_t id) {
        for (auto& known : peers) {
            if (known.id == ConnectionId(id)) return known;
        }
        ChokeCandidate& added = peers.emplace_back();
        added.id = ConnectionId(id);
        added.peer_interested = true;
        return added;
    }
    void peers_with_rates(std::initializer_list<std::uint64_t> down_rates) {
        std::uint32_t id = 0;
        for (const std::uint64_t rate : down_rates) peer(++id).download_rate_bytes_per_s = rate;
    }
    void round(int s, bool seeding = false) { carry_out(choker.on_round(at(s), peers, seeding), s); }
    void change(int s, bool seeding = false) { carry_out(choker.on_change(at(s), peers, seeding), s); }
    void carry_out(const std::vector<ChokeDecision>& changes, int s) {
        decisions = changes;
        for (const ChokeDecision& decision : changes) {
            ChokeCandidate& changed = peer(decision.id.value());
            CHECK(changed.am_choking != decision.choke);  // only changes are answered
            changed.am_choking = decision.choke;
            if (!decision.choke) changed.unchoked_at = at(s);
        }
    }
    void leave(std::uint32_t id) {
        std::erase_if(peers, [id](const ChokeCandidate& p) { return p.id == ConnectionId(id); });
        choker.on_peer_gone(ConnectionId(id));
    }
    [[nodiscard]] std::set<std::uint32_t> unchoked() const {
        std::set<std::uint32_t> ids;
        for (const auto& known : peers) {
            if (!known.am_choking) ids.insert(known.id.value());
        }
        return ids;
    }
    [[nodiscard]] std::set<std::uint32_t> regular() const {
        auto ids = unchoked();
        if (choker.optimistic_peer()) ids.erase(choker.optimistic_peer()->value());
        return ids;
    }
    [[nodiscard]] ChokeReason reason(std::uint32_t id) const {
        for (const auto& decision : decisions) {
            if (decision.id == ConnectionId(id)) return decision.reason;
        }
        FAIL("no decision about " << id);
        return {};
    }

    Choker choker;
    std::vector<ChokeCandidate> peers;
    std::vector<ChokeDecision> decisions;
};

}  // namespace

TEST_CASE("the four best senders and one optimistic peer are unchoked") {
    ChokerBench f;
    f.peers_with_rates({10, 60, 20, 50, 30, 40});
    f.round(0);
    CHECK(f.regular() == std::set<std::uint32_t>{2, 4, 5, 6});
    CHECK(f.unchoked().size() == 5);
    CHECK(f.reason(2) == ChokeReason::RegularSlot);
    CHECK(f.reason(f.choker.optimistic_peer()->value()) == ChokeReason::Optimistic);
    CHECK(f.choker.next_deadline() == at(10));
}

TEST_CASE("a peer that sends faster takes the slot of the slowest at the next round") {
    ChokerSettings settings;
    settings.optimistic_round = minutes(10);
    ChokerBench f(settings);
    f.peers_with_rates({60, 50, 40, 30, 20, 10});
    f.round(0);
    const std::uint32_t waiting = f.choker.optimistic_peer() == ConnectionId(5) ? 6 : 5;
    f.peer(waiting).download_rate_bytes_per_s = 100;
    f.round(10);
    CHECK(f.regular() == std::set<std::uint32_t>{1, 2, 3, waiting});
    CHECK(f.reason(4) == ChokeReason::Outranked);
}

TEST_CASE("with equal rates nobody loses a slot") {
    ChokerBench f;
    f.peers_with_rates({5, 5, 5, 5, 5});
    f.peer(3).peer_interested = false;
    f.round(0);
    f.peer(3).peer_interested = true;
    const auto regular = f.regular();
    f.round(10);
    CHECK(f.regular() == regular);
}

TEST_CASE("uninterested peers are choked, at a round and between rounds") {
    ChokerBench f;
    f.peers_with_rates({50, 40});
    f.round(0);
    CHECK(f.unchoked().size() == 2);
    f.peer(1).peer_interested = false;
    f.change(1);
    CHECK(f.unchoked() == std::set<std::uint32_t>{2});
    CHECK(f.reason(1) == ChokeReason::NotInterested);
    f.peer(2).peer_interested = false;
    f.round(10);
    CHECK(f.unchoked().empty());
}

TEST_CASE("a snubbed peer loses its regular slot and comes back only by the optimistic one") {
    ChokerBench f;
    f.peers_with_rates({50, 40, 30});
    f.round(0);
    f.peer(1).snubbed = true;
    f.peer(2).snubbed = true;
    f.round(10);
    CHECK(f.regular() == std::set<std::uint32_t>{3});
    REQUIRE(f.choker.optimistic_peer());
    const std::uint32_t out = f.choker.optimistic_peer() == ConnectionId(1) ? 2 : 1;
    CHECK(f.peer(out).am_choking);
    CHECK(f.reason(out) == ChokeReason::Snubbed);
    f.change(11);
    CHECK(f.peer(out).am_choking);
}

TEST_CASE("a newly interested peer gets a free slot at once, and none when there is no room") {
    ChokerBench f;
    f.peers_with_rates({50});
    f.round(0);
    for (std::uint32_t id = 2; id <= 5; ++id) {
        f.peer(id);
        f.change(1);
        CHECK_FALSE(f.peer(id).am_choking);
    }
    CHECK(f.reason(5) == ChokeReason::Optimistic);  // the fifth, after four regular slots
    f.peer(6).download_rate_bytes_per_s = 1000;
    f.change(2);
    CHECK(f.decisions.empty());
}

TEST_CASE("the slot of a peer that left is given away at once") {
    ChokerBench f;
    f.peers_with_rates({60, 50, 40, 30, 20, 10});
    f.round(0);
    f.leave(1);
    f.change(1);
    CHECK(f.unchoked().size() == 5);
    const auto holder = *f.choker.optimistic_peer();
    f.leave(holder.value());
    CHECK_FALSE(f.choker.optimistic_peer());
}

TEST_CASE("the optimistic slot rotates every optimistic_round, not before") {
    ChokerBench f;
    f.peers_with_rates({90, 80, 70, 60, 0, 0, 0});
    f.round(0);
    const auto first = f.choker.optimistic_peer();
    f.round(10);
    f.round(20);
    CHECK(f.choker.optimistic_peer() == first);
    f.round(30);
    CHECK(f.choker.optimistic_peer() != first);
    CHECK(f.peer(first->value()).am_choking);
    CHECK(f.unchoked().size() == 5);
}

TEST_CASE("an optimistic peer that earns a regular slot makes room for the next") {
    ChokerBench f;
    f.peers_with_rates({90, 80, 70, 60, 0, 0});
    f.round(0);
    const std::uint32_t holder = f.choker.optimistic_peer()->value();
    f.peer(holder).download_rate_bytes_per_s = 100;
    f.round(10);
    CHECK(f.regular() == std::set<std::uint32_t>{1, 2, 3, holder});
    REQUIRE(f.choker.optimistic_peer());
    CHECK(f.choker.optimistic_peer() != ConnectionId(holder));
    CHECK(f.unchoked().size() == 5);
}

TEST_CASE("newcomers are three times as likely to be the optimistic peer") {
    std::map<std::uint32_t, int> drawn;
    for (std::uint64_t rng_seed = 0; rng_seed < 4000; ++rng_seed) {
        ChokerBench f({}, rng_seed);
        f.peers_with_rates({90, 80, 70, 60, 0, 0});
        f.peer(6).connected_at = at(941);  // 59 s ago; all others 1000 s
        f.round(1000);
        ++drawn[f.choker.optimistic_peer()->value()];
    }
    CHECK(drawn[5] + drawn[6] == 4000);
    CHECK(drawn[6] > 2900);
    CHECK(drawn[6] < 3100);
}

TEST_CASE("after newcomer_age a peer is no newcomer any more") {
    int drawn = 0;
    for (std::uint64_t rng_seed = 0; rng_seed < 4000; ++rng_seed) {
        ChokerBench f({}, rng_seed);
        f.peers_with_rates({90, 80, 70, 60, 0, 0});
        f.peer(6).connected_at = at(940);
        f.round(1000);
        drawn += f.choker.optimistic_peer() == ConnectionId(6) ? 1 : 0;
    }
    CHECK(drawn > 1900);
    CHECK(drawn < 2100);
}

TEST_CASE("decisions do not depend on the order of the candidates") {
    ChokerBench a({}, 5);
    ChokerBench b({}, 5);
    a.peers_with_rates({1, 2, 3, 4, 5, 6, 7});
    b.peers_with_rates({1, 2, 3, 4, 5, 6, 7});
    std::reverse(b.peers.begin(), b.peers.end());
    for (const int s : {0, 10, 20, 30, 40}) {
        a.round(s);
        b.round(s);
        REQUIRE(a.decisions.size() == b.decisions.size());
        for (std::size_t i = 0; i < a.decisions.size(); ++i) {
            CHECK(a.decisions[i].id == b.decisions[i].id);
            CHECK(a.decisions[i].choke == b.decisions[i].choke);
        }
    }
}

TEST_CASE("a seed fills its slots with those that have waited longest") {
    ChokerBench f;
    for (std::uint32_t id = 1; id <= 7; ++id) f.peer(id).connected_at = at(static_cast<int>(10 - id));
    f.round(100, true);
    CHECK(f.unchoked() == std::set<std::uint32_t>{3, 4, 5, 6, 7});
    CHECK(f.reason(7) == ChokeReason::FreeSlot);
    CHECK(f.choker.optimistic_peer() == ConnectionId(3));
    CHECK(f.reason(3) == ChokeReason::SeedRotation);
}

TEST_CASE("a seed keeps the fastest and gives the slot of the slowest to the one that waits") {
    ChokerBench f;
    for (std::uint32_t id = 1; id <= 6; ++id) f.peer(id).upload_rate_bytes_per_s = 10 * id;
    f.round(0, true);
    CHECK(f.unchoked() == std::set<std::uint32_t>{1, 2, 3, 4, 5});
    f.round(10, true);
    f.round(20, true);
    CHECK(f.decisions.empty());  // the rotation slot's turn is not over
    f.round(30, true);
    CHECK(f.unchoked() == std::set<std::uint32_t>{2, 3, 4, 5, 6});
    CHECK(f.reason(1) == ChokeReason::Outranked);
    CHECK(f.choker.optimistic_peer() == ConnectionId(6));
}

TEST_CASE("a seed does not choke who was unchoked less than a round ago for being slow") {
    ChokerBench f;
    for (std::uint32_t id = 1; id <= 6; ++id) f.peer(id).upload_rate_bytes_per_s = 10 * id;
    f.round(0, true);
    f.leave(4);
    f.peer(7).upload_rate_bytes_per_s = 0;
    f.change(25, true);  // 6 takes the free slot, 7 waits
    f.peer(6).upload_rate_bytes_per_s = 0;
    f.round(30, true);
    CHECK_FALSE(f.peer(6).am_choking);
    CHECK(f.peer(1).am_choking);
}

TEST_CASE("a seed serves everybody in time, however slow") {
    constexpr std::uint32_t kPeers = 20;
    ChokerBench f;
    for (std::uint32_t id = 1; id <= kPeers; ++id) f.peer(id).upload_rate_bytes_per_s = id < 10 ? 0 : 1000 + id;
    std::map<std::uint32_t, int> last_start;
    for (int s = 0; s <= 6000; s += 10) {
        f.round(s, true);
        CHECK(f.unchoked().size() == 5);
        for (const auto& decision : f.decisions) {
            if (!decision.choke) last_start[decision.id.value()] = s;
        }
        for (std::uint32_t id = 1; id <= kPeers; ++id) {
            if (f.peer(id).am_choking) CHECK(s - last_start[id] <= 30 * static_cast<int>(kPeers));
        }
    }
    CHECK(last_start.size() == kPeers);
}

TEST_CASE("a seed with room serves every interested peer and rotates nobody out") {
    ChokerBench f;
    for (std::uint32_t id = 1; id <= 5; ++id) f.peer(id);
    f.change(0, true);
    CHECK(f.unchoked().size() == 5);
    for (int s = 10; s <= 100; s += 10) {
        f.round(s, true);
        CHECK(f.decisions.empty());
    }
}

TEST_CASE("a bound on the upload rate makes room for up to seven regular slots, one for each 128 KiB/s") {
    using swarm::slots_for_rate;
    CHECK(slots_for_rate(4, 0) == 4);
    CHECK(slots_for_rate(4, 10'000) == 4);
    CHECK(slots_for_rate(4, 5 * swarm::kRateOfSlot - 1) == 4);
    CHECK(slots_for_rate(4, 5 * swarm::kRateOfSlot) == 5);
    CHECK(slots_for_rate(4, 7 * swarm::kRateOfSlot) == 7);
    CHECK(slots_for_rate(4, UINT64_MAX) == 7);
    CHECK(slots_for_rate(12, UINT64_MAX) == 12);
    CHECK(slots_for_rate(0, 0) == 0);
}
