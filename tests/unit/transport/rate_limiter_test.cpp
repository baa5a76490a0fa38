#include "common/transport/rate_limiter.h"

#include <list>
#include <memory>
#include <numeric>

#include "tests/support/catch.h"

using namespace bt;
using transport::RateLimiter;

namespace {

// Members that take all they are given, until told otherwise, and a clock that goes from deadline to deadline.
struct Swarm {
    struct Peer {
        Peer(Swarm& of_swarm, RateLimiter::Group& group) : swarm(&of_swarm), member(group, [this] { on_change(); }) {}
        void on_change() {
            ++calls;
            if (keeps) return;
            use(member.allowance());
        }
        void use(std::uint64_t bytes) {
            if (bytes == UINT64_MAX) return;
            moved += bytes;
            member.spend(bytes);
            member.wait(swarm->now);
        }
        Swarm* swarm;
        RateLimiter::Member member;
        std::uint64_t moved = 0;
        std::uint32_t calls = 0;
        bool keeps = false;  // what it is given
    };

    Peer& add(RateLimiter::Group& group) {
        peers.emplace_back(*this, group);
        return peers.back();
    }
    void run_for(Duration duration) {
        const TimePoint end = now + duration;
        while (limiter.next_deadline() <= end) {
            now = std::max(now, limiter.next_deadline());
            limiter.on_deadline(now);
            limiter.check_invariants();
            ++wakeups;
        }
        now = end;
    }
    [[nodiscard]] std::uint64_t moved() const {
        return std::accumulate(peers.begin(), peers.end(), std::uint64_t{0},
                               [](std::uint64_t sum, const Peer& peer) { return sum + peer.moved; });
    }

    TimePoint now{};
    std::uint32_t needs = 0;
    std::uint32_t wakeups = 0;
    RateLimiter limiter{[this] { ++needs; }};
    RateLimiter::Group one{limiter};
    RateLimiter::Group two{limiter};
    std::list<Peer> peers;
};

constexpr std::uint64_t kRate = 100'000;

}  // namespace

TEST_CASE("without a limit a member may move everything, never waits and is never called") {
    Swarm swarm;
    auto& peer = swarm.add(swarm.one);
    CHECK(peer.member.allowance() == UINT64_MAX);
    peer.member.spend(1u << 30);
    peer.member.wait(swarm.now);
    CHECK(swarm.limiter.next_deadline() == kNever);
    CHECK(swarm.needs == 0);
    CHECK(peer.calls == 0);
}

TEST_CASE("members together move exactly what the total allows") {
    Swarm swarm;
    for (int i = 0; i < 7; ++i) swarm.add(swarm.one);
    swarm.limiter.set_rate(kRate, swarm.now);
    swarm.run_for(seconds(20));
    CHECK(swarm.moved() == Approx(20.0 * kRate).epsilon(0.01));
    CHECK(swarm.moved() <= 20 * kRate);
}

TEST_CASE("members of a group get equal shares") {
    Swarm swarm;
    for (int i = 0; i < 9; ++i) swarm.add(swarm.one);
    swarm.one.set_rate(kRate, swarm.now);
    swarm.run_for(seconds(20));
    for (const auto& peer : swarm.peers) CHECK(peer.moved == Approx(20.0 * kRate / 9).epsilon(0.02));
}

TEST_CASE("groups get equal shares of the total, however many members each has") {
    Swarm swarm;
    auto& lonely = swarm.add(swarm.one);
    for (int i = 0; i < 9; ++i) swarm.add(swarm.two);
    swarm.limiter.set_rate(kRate, swarm.now);
    swarm.run_for(seconds(20));
    CHECK(lonely.moved == Approx(10.0 * kRate).epsilon(0.02));
    CHECK(swarm.moved() == Approx(20.0 * kRate).epsilon(0.01));
}

TEST_CASE("what a group may not take because of its own limit goes to the others") {
    Swarm swarm;
    auto& slow = swarm.add(swarm.one);
    auto& fast = swarm.add(swarm.two);
    swarm.limiter.set_rate(kRate, swarm.now);
    swarm.one.set_rate(kRate / 5, swarm.now);
    swarm.run_for(seconds(20));
    CHECK(slow.moved == Approx(20.0 * kRate / 5).epsilon(0.02));
    CHECK(fast.moved == Approx(20.0 * kRate * 4 / 5).epsilon(0.02));
}

TEST_CASE("what a member does not use goes to the others") {
    Swarm swarm;
    auto& idle = swarm.add(swarm.one);
    auto& busy = swarm.add(swarm.one);
    idle.keeps = true;
    swarm.limiter.set_rate(kRate, swarm.now);
    idle.member.wait(swarm.now);
    swarm.run_for(seconds(20));
    CHECK(busy.moved >= 19 * kRate);
    CHECK(idle.member.allowance() <= kRate / 4 + 1024);  // one share, not one a round
}

TEST_CASE("a group without a limit is not held up by the limit of another") {
    Swarm swarm;
    swarm.add(swarm.one);
    auto& free = swarm.add(swarm.two);
    swarm.one.set_rate(kRate, swarm.now);
    swarm.run_for(seconds(1));
    CHECK(free.member.allowance() == UINT64_MAX);
    CHECK(free.calls == 0);
}

TEST_CASE("wake-ups are bounded whatever the limit and the number of members") {
    for (const std::uint64_t rate : {std::uint64_t{1}, std::uint64_t{100}, std::uint64_t{1'000'000'000}}) {
        Swarm swarm;
        for (int i = 0; i < 200; ++i) swarm.add(swarm.one);
        swarm.limiter.set_rate(rate, swarm.now);
        swarm.run_for(seconds(10));
        CHECK(swarm.wakeups <= 202);  // 20 a second, and the change
    }
}

TEST_CASE("under a limit far below a share each, all get their turn one after the other") {
    Swarm swarm;
    for (int i = 0; i < 50; ++i) swarm.add(swarm.one);
    swarm.limiter.set_rate(100, swarm.now);
    swarm.run_for(seconds(500));
    for (const auto& peer : swarm.peers) CHECK(peer.moved == Approx(1000).margin(101));
    CHECK(swarm.moved() >= 49'800);
}

TEST_CASE("under a low total the groups take turns too") {
    Swarm swarm;
    auto& a = swarm.add(swarm.one);
    auto& b = swarm.add(swarm.two);
    swarm.limiter.set_rate(100, swarm.now);
    swarm.run_for(seconds(100));
    CHECK(a.moved == Approx(5000).margin(101));
    CHECK(b.moved == Approx(5000).margin(101));
}

TEST_CASE("a group with a low limit of its own does not keep the others from their rounds") {
    Swarm swarm;
    auto& slow = swarm.add(swarm.one);
    auto& fast = swarm.add(swarm.two);
    swarm.one.set_rate(10, swarm.now);
    swarm.two.set_rate(kRate, swarm.now);
    swarm.run_for(seconds(20));
    CHECK(slow.moved >= 190);
    CHECK(slow.moved <= 200);
    CHECK(fast.moved == Approx(20.0 * kRate).epsilon(0.02));
}

TEST_CASE("a changed limit takes allowances back, calls each member once, and holds from then on") {
    Swarm swarm;
    auto& peer = swarm.add(swarm.one);
    peer.keeps = true;
    swarm.limiter.set_rate(10 * kRate, swarm.now);
    peer.member.wait(swarm.now);
    swarm.run_for(seconds(2));
    REQUIRE(peer.member.allowance() > 0);
    const std::uint32_t calls = peer.calls;
    swarm.limiter.set_rate(kRate / 10, swarm.now);
    CHECK(peer.member.allowance() == 0);
    CHECK(swarm.limiter.next_deadline() == swarm.now);
    peer.keeps = false;
    const std::uint64_t before = peer.moved;
    swarm.run_for(seconds(10));
    CHECK(peer.calls > calls);
    CHECK(peer.moved - before == Approx(kRate).epsilon(0.03));

    swarm.limiter.set_rate(0, swarm.now);
    const std::uint32_t called = peer.calls;
    swarm.run_for(seconds(1));
    CHECK(peer.calls == called + 1);
    CHECK(peer.member.allowance() == UINT64_MAX);
    CHECK(swarm.limiter.next_deadline() == kNever);
}

TEST_CASE("setting the limit that holds already changes nothing") {
    Swarm swarm;
    auto& peer = swarm.add(swarm.one);
    swarm.limiter.set_rate(kRate, swarm.now);
    swarm.run_for(seconds(1));
    const std::uint32_t calls = peer.calls;
    swarm.limiter.set_rate(kRate, swarm.now);
    swarm.one.set_rate(0, swarm.now);
    CHECK(peer.calls == calls);
    CHECK(swarm.limiter.next_deadline() > swarm.now);
}

TEST_CASE("a member that leaves gives back what it was granted") {
    Swarm swarm;
    auto& leaver = swarm.add(swarm.one);
    leaver.keeps = true;
    swarm.limiter.set_rate(kRate, swarm.now);
    leaver.member.wait(swarm.now);
    swarm.run_for(milliseconds(200));
    const std::uint64_t held = leaver.member.allowance();
    REQUIRE(held > 0);
    swarm.peers.pop_front();
    auto& heir = swarm.add(swarm.one);
    heir.member.wait(swarm.now);
    swarm.run_for(milliseconds(0));
    CHECK(heir.moved >= held);
}

TEST_CASE("a member may be destroyed in the callback of another") {
    Swarm swarm;
    auto second = std::make_unique<RateLimiter::Member>(swarm.one, [] { FAIL("called after its end"); });
    RateLimiter::Member first(swarm.two, [&] { second.reset(); });
    swarm.two.set_rate(kRate, swarm.now);  // called first
    swarm.one.set_rate(kRate, swarm.now);
    swarm.run_for(milliseconds(1));
    CHECK(second == nullptr);
}

TEST_CASE("what was read beyond the allowance is paid by all before anybody gets more") {
    Swarm swarm;
    auto& greedy = swarm.add(swarm.one);
    auto& other = swarm.add(swarm.one);
    swarm.limiter.set_rate(kRate, swarm.now);
    swarm.run_for(seconds(1));
    greedy.member.spend(3 * kRate);
    const std::uint64_t before = other.moved;
    swarm.run_for(milliseconds(2900));
    CHECK(other.moved == before);
    swarm.run_for(milliseconds(300));
    CHECK(other.moved > before);
}
