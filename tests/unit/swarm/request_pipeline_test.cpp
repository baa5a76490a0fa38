#include "common/swarm/request_pipeline.h"

#include "tests/support/catch.h"
#include "tests/support/times.h"

using namespace bt;
using swarm::PipelineSettings;
using swarm::RequestPipeline;

namespace {

using bt::test_time::at;

BlockRequest numbered_block(std::uint32_t number) {
    return {PieceIndex(number / 64), number % 64 * kBlockSize, kBlockSize};
}

// A peer that is kept at full depth and delivers `blocks_per_s`, evenly, in order.
struct Transfer {
    explicit Transfer(PipelineSettings settings = {}) : pipeline(settings) {}

    void run(double from, double to, int blocks_per_s) {
        const int blocks = static_cast<int>((to - from) * blocks_per_s);
        for (int i = 0; i < blocks; ++i) {
            const TimePoint now = at(from + static_cast<double>(i) / blocks_per_s);
            fill(now);
            REQUIRE(pipeline.on_block(numbered_block(answered++), now));
            pipeline.check_invariants();
        }
        fill(at(to));
    }
    void fill(TimePoint now) {
        for (auto room = pipeline.room(now); room > 0; --room) pipeline.on_requested(numbered_block(asked++), now);
    }

    RequestPipeline pipeline;
    std::uint32_t asked = 0;
    std::uint32_t answered = 0;
};

}  // namespace

TEST_CASE("a pipeline starts with four requests and one more for each block that comes") {
    Transfer t;
    CHECK(t.pipeline.depth(at(0)) == 4);
    t.fill(at(0));
    CHECK(t.pipeline.outstanding() == 4);
    CHECK(t.pipeline.room(at(0)) == 0);
    REQUIRE(t.pipeline.on_block(numbered_block(0), at(0.1)));
    CHECK(t.pipeline.depth(at(0.1)) == 5);
    CHECK(t.pipeline.room(at(0.1)) == 2);
}

TEST_CASE("slow start ends when a second brings hardly more than the one before") {
    Transfer t;
    t.run(0, 1.5, 20);
    CHECK(t.pipeline.is_slow_start());
    t.run(1.5, 3.2, 20);
    CHECK_FALSE(t.pipeline.is_slow_start());
}

TEST_CASE("slow start goes on while each second brings clearly more") {
    Transfer t;
    t.run(0, 1, 20);
    t.run(1, 2, 30);
    t.run(2, 3, 45);
    t.run(3, 4, 70);
    CHECK(t.pipeline.is_slow_start());
}

TEST_CASE("after slow start as much is requested as the peer sends in queue_time") {
    Transfer t;
    t.run(0, 10, 20);
    CHECK(t.pipeline.depth(at(10)) >= 57);  // 20 blocks a second for 3 s
    CHECK(t.pipeline.depth(at(10)) <= 63);
}

TEST_CASE("depth stays between min_depth and max_depth") {
    Transfer slow;
    slow.run(0, 3, 4);
    slow.run(3, 30, 1);
    CHECK_FALSE(slow.pipeline.is_slow_start());
    CHECK(slow.pipeline.depth(at(50)) == 2);  // nothing for 20 s, not snubbed yet

    Transfer fast;
    fast.run(0, 0.5, 2000);
    CHECK(fast.pipeline.depth(at(0.5)) == 500);
    fast.run(0.5, 4, 2000);
    CHECK_FALSE(fast.pipeline.is_slow_start());
    CHECK(fast.pipeline.depth(at(4)) == 500);
}

TEST_CASE("the peer's reqq replaces max_depth, from 1 to 2000") {
    Transfer t;
    t.run(0, 4, 2000);
    t.pipeline.set_peer_limit(101);
    CHECK(t.pipeline.depth(at(4)) == 100);
    t.pipeline.set_peer_limit(0);
    CHECK(t.pipeline.depth(at(4)) == 1);
    t.pipeline.set_peer_limit(2);
    CHECK(t.pipeline.depth(at(4)) == 1);
    t.pipeline.set_peer_limit(1'000'000);
    t.run(4, 6, 2000);
    CHECK(t.pipeline.depth(at(6)) == 2000);
}

TEST_CASE("a block that is not outstanding is answered with false and changes nothing") {
    Transfer t;
    t.fill(at(0));
    CHECK_FALSE(t.pipeline.on_block(numbered_block(100), at(1)));
    REQUIRE(t.pipeline.on_block(numbered_block(0), at(1)));
    CHECK_FALSE(t.pipeline.on_block(numbered_block(0), at(1)));
    CHECK(t.pipeline.outstanding() == 3);
    CHECK(t.pipeline.depth(at(1)) == 5);
}

TEST_CASE("blocks may come in any order") {
    Transfer t;
    t.run(0, 1, 40);
    const std::uint32_t outstanding = t.pipeline.outstanding();
    for (std::uint32_t number = t.asked; number-- > t.answered;) {
        REQUIRE(t.pipeline.on_block(numbered_block(number), at(1.1)));
        t.pipeline.check_invariants();
    }
    CHECK(outstanding == t.asked - t.answered);
    CHECK(t.pipeline.outstanding() == 0);
}

TEST_CASE("one request that stays unanswered does not make the memory grow with each block") {
    RequestPipeline pipeline({});
    pipeline.on_requested(numbered_block(0), at(0));
    for (std::uint32_t number = 1; number < 10'000; ++number) {
        pipeline.on_requested(numbered_block(number), at(0));
        REQUIRE(pipeline.on_block(numbered_block(number), at(0)));
        pipeline.check_invariants();
    }
    CHECK(pipeline.take_expired(at(25)) == std::vector{numbered_block(0)});
}

TEST_CASE("a dropped request makes room") {
    Transfer t;
    t.fill(at(0));
    CHECK(t.pipeline.on_dropped(numbered_block(2)));
    CHECK_FALSE(t.pipeline.on_dropped(numbered_block(2)));
    CHECK(t.pipeline.room(at(0)) == 1);
}

TEST_CASE("take_all gives back everything and starts over") {
    Transfer t;
    t.run(0, 5, 20);
    const std::uint32_t outstanding = t.pipeline.outstanding();
    const auto taken = t.pipeline.take_all();
    CHECK(taken.size() == outstanding);
    CHECK(taken.front() == numbered_block(t.answered));
    CHECK(t.pipeline.outstanding() == 0);
    CHECK(t.pipeline.depth(at(5)) == 4);
    CHECK(t.pipeline.next_deadline() == kNever);
}

TEST_CASE("requests expire after request_timeout in which nothing came") {
    Transfer t;
    t.fill(at(0));
    CHECK(t.pipeline.next_deadline() == at(25));
    CHECK(t.pipeline.take_expired(at(24.9)).empty());
    REQUIRE(t.pipeline.on_block(numbered_block(0), at(20)));
    CHECK(t.pipeline.take_expired(at(25)).empty());
    CHECK(t.pipeline.next_deadline() == at(45));
    CHECK(t.pipeline.take_expired(at(45)) == std::vector{numbered_block(1), numbered_block(2), numbered_block(3)});
    CHECK(t.pipeline.outstanding() == 0);
}

TEST_CASE("a request that was overtaken expires although others are answered") {
    Transfer t;
    t.fill(at(0));
    REQUIRE(t.pipeline.on_block(numbered_block(1), at(24)));
    CHECK(t.pipeline.take_expired(at(24.9)).empty());
    CHECK(t.pipeline.take_expired(at(25)) == std::vector{numbered_block(0)});
    CHECK(t.pipeline.outstanding() == 2);  // 2 and 3 are merely late
}

TEST_CASE("a peer that sends nothing for a minute is snubbed: one request until a block comes") {
    Transfer t;
    t.fill(at(0));
    CHECK(t.pipeline.take_expired(at(25)).size() == 4);
    t.fill(at(25));  // expiry does not stop the clock
    CHECK(t.pipeline.take_expired(at(50)).size() == 4);
    t.fill(at(50));
    CHECK(t.pipeline.next_deadline() == at(60));
    CHECK_FALSE(t.pipeline.is_snubbed(at(59.9)));
    CHECK(t.pipeline.is_snubbed(at(60)));
    CHECK(t.pipeline.depth(at(60)) == 1);
    CHECK(t.pipeline.take_expired(at(60)).empty());
    CHECK(t.pipeline.next_deadline() == at(75));  // the snub is not due again

    REQUIRE(t.pipeline.on_block(numbered_block(8), at(61)));
    CHECK_FALSE(t.pipeline.is_snubbed(at(61)));
    CHECK_FALSE(t.pipeline.is_slow_start());
}

TEST_CASE("a peer that owes nothing is not snubbed") {
    Transfer t;
    t.fill(at(0));
    CHECK(t.pipeline.take_all().size() == 4);
    CHECK_FALSE(t.pipeline.is_snubbed(at(100)));

    t.fill(at(100));
    for (std::uint32_t number = 4; number < 8; ++number) CHECK(t.pipeline.on_dropped(numbered_block(number)));
    CHECK_FALSE(t.pipeline.is_snubbed(at(300)));
    CHECK(t.pipeline.next_deadline() == kNever);
}

TEST_CASE("surplus is what lies behind a second's worth and a send buffer") {
    PipelineSettings settings;
    settings.initial_depth = 64;
    Transfer few(settings);
    few.fill(at(0));
    CHECK(few.pipeline.outstanding() == 64);
    CHECK(few.pipeline.surplus(at(0)) == 0);
    settings.initial_depth = 65;
    Transfer more(settings);
    more.fill(at(0));
    CHECK(more.pipeline.surplus(at(0)) == 1);

    Transfer fast;  // 100 blocks in a second, 300 outstanding
    fast.run(0, 30, 100);
    CHECK(fast.pipeline.outstanding() >= 300);
    CHECK(fast.pipeline.surplus(at(30)) >= 199);
    CHECK(fast.pipeline.surplus(at(30)) <= 205);
}

TEST_CASE("the youngest requests are found first, and only among the last ones") {
    Transfer t;
    t.fill(at(0));  // 0 to 3
    const auto all = [](const BlockRequest&) { return true; };
    const auto even = [](const BlockRequest& request) { return request.begin / kBlockSize % 2 == 0; };
    CHECK(t.pipeline.youngest(10, 10, all) == std::vector{numbered_block(3), numbered_block(2), numbered_block(1), numbered_block(0)});
    CHECK(t.pipeline.youngest(3, 2, all) == std::vector{numbered_block(3), numbered_block(2)});
    CHECK(t.pipeline.youngest(3, 10, even) == std::vector{numbered_block(2)});
    CHECK(t.pipeline.on_dropped(numbered_block(2)));
    CHECK(t.pipeline.youngest(3, 10, even) == std::vector{numbered_block(0)});
    CHECK(t.pipeline.youngest(0, 10, all).empty());
}

TEST_CASE("the short depth is half a second and ten of the least times in which a block came, at most the depth") {
    Transfer t;
    t.fill(at(0));
    CHECK(t.pipeline.short_depth(at(0)) == 4);  // no block has come yet
    // The first block after 10 ms; then 100 a second, so a depth of 300.
    REQUIRE(t.pipeline.on_block(numbered_block(t.answered++), at(0.01)));
    t.run(0.02, 30, 100);
    CHECK(t.pipeline.depth(at(30)) >= 300);
    CHECK(t.pipeline.short_depth(at(30)) == t.pipeline.depth(at(30)) / 5);  // 0.6 s of 3 s

    Transfer far;
    far.fill(at(0));
    REQUIRE(far.pipeline.on_block(numbered_block(far.answered++), at(0.25)));
    CHECK(far.pipeline.short_depth(at(0.25)) == far.pipeline.depth(at(0.25)));
}
