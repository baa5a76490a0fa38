#include <algorithm>
#include <thread>

#include "tests/unit/net/support.h"

using namespace bt;
using namespace bt::net;
using namespace bt::net::test;

TEST_CASE("timers fire in the order of their deadlines, equal ones in the order of arming, and never early") {
    UvLoop loop;
    UvEnv env(loop);
    const TimePoint start = env.now();
    std::vector<int> fired;
    bool early = false;
    std::vector<std::unique_ptr<env::Timer>> timers;
    // All within one millisecond but for the last two.
    const std::vector<Duration> deadlines = {std::chrono::microseconds(900),
                                             std::chrono::microseconds(100),
                                             std::chrono::microseconds(500),
                                             std::chrono::microseconds(500),
                                             milliseconds(4),
                                             milliseconds(3)};
    for (int i = 0; i < 6; ++i) {
        const TimePoint deadline = start + deadlines[static_cast<std::size_t>(i)];
        timers.push_back(env.make_timer([&, i, deadline] {
            early = early || env.now() < deadline;
            fired.push_back(i);
        }));
        timers.back()->arm(deadline);
    }
    REQUIRE(run_until(loop, [&] { return fired.size() == 6; }));
    CHECK(fired == std::vector<int>{1, 2, 3, 0, 5, 4});
    CHECK_FALSE(early);
}

TEST_CASE("arming again replaces the deadline, and a cancelled timer is silent") {
    UvLoop loop;
    UvEnv env(loop);
    int replaced = 0;
    int cancelled = 0;
    int last = 0;
    auto first = env.make_timer([&] { ++replaced; });
    auto second = env.make_timer([&] { ++cancelled; });
    auto third = env.make_timer([&] { ++last; });
    const TimePoint now = env.now();
    first->arm(now + seconds(1000));
    first->arm(now + milliseconds(1));
    second->arm(now + milliseconds(1));
    second->cancel();
    second->arm(kNever);
    third->arm(now + milliseconds(5));
    REQUIRE(run_until(loop, [&] { return last == 1; }));
    CHECK(replaced == 1);
    CHECK(cancelled == 0);
    first->arm(env.now());
    REQUIRE(run_until(loop, [&] { return replaced == 2; }));
}

TEST_CASE("a stop from the last timer ends the loop, also where that timer was due when the turn began") {
    UvLoop loop;
    UvEnv env(loop);
    bool fired = false;
    auto timer = env.make_timer([&] {
        fired = true;
        loop.stop();
    });
    timer->arm(env.now() + milliseconds(2));
    const TimePoint late = env.now() + milliseconds(10);
    while (env.now() < late) std::this_thread::yield();
    loop.run();
    CHECK(fired);
    loop.stop();  // outside of a turn: the next run is a whole one all the same
    int runs = 0;
    auto next = env.make_timer([&] {
        ++runs;
        loop.stop();
    });
    next->arm(env.now() + milliseconds(2));
    loop.run();
    CHECK(runs == 1);
}

TEST_CASE("a deadline in the past fires at the next turn, not inside arm") {
    UvLoop loop;
    UvEnv env(loop);
    int fired = 0;
    std::unique_ptr<env::Timer> timer = env.make_timer([&] {
        if (++fired < 3) timer->arm(env.now() - seconds(1));
    });
    timer->arm(env.now() - seconds(1));
    CHECK(fired == 0);
    REQUIRE(run_until(loop, [&] { return fired >= 1; }));
    CHECK(fired < 3);  // what a callback arms waits for another turn
    CHECK(run_until(loop, [&] { return fired == 3; }));
}

TEST_CASE("a timer may be destroyed by its own callback and by another's") {
    UvLoop loop;
    UvEnv env(loop);
    int fired = 0;
    std::unique_ptr<env::Timer> own;
    std::unique_ptr<env::Timer> other = env.make_timer([&] { fired += 100; });
    own = env.make_timer([&] {
        ++fired;
        other.reset();
        own.reset();
    });
    const TimePoint deadline = env.now() + milliseconds(1);
    own->arm(deadline);
    other->arm(deadline);
    REQUIRE(run_until(loop, [&] { return fired > 0; }));
    loop.run_ready_turn();
    CHECK(fired == 1);
}

TEST_CASE("what is deferred runs once, in order, at the next turn, and never after its destruction") {
    UvLoop loop;
    std::string order;
    std::unique_ptr<Deferred> victim;
    Deferred again(loop, [&] { order += 'n'; });
    Deferred first(loop, [&] {
        order += 'a';
        victim.reset();
        again.schedule();
    });
    victim = std::make_unique<Deferred>(loop, [&] { order += 'v'; });
    std::unique_ptr<Deferred> suicidal;
    suicidal = std::make_unique<Deferred>(loop, [&] {
        order += 's';
        suicidal.reset();
    });
    Deferred cancelled(loop, [&] { order += 'c'; });
    first.schedule();
    first.schedule();
    victim->schedule();
    suicidal->schedule();
    cancelled.schedule();
    cancelled.cancel();
    CHECK(order.empty());
    loop.run_ready_turn();
    CHECK(order == "as");
    loop.run_ready_turn();
    CHECK(order == "asn");
}

TEST_CASE("stop ends run after the turn in which it was called") {
    UvLoop loop;
    int turns = 0;
    Deferred work(loop, [&] {
        if (++turns < 3) {
            work.schedule();
        } else {
            loop.stop();
        }
    });
    work.schedule();
    loop.run();
    CHECK(turns == 3);
}

TEST_CASE("another thread wakes the loop") {
    UvLoop loop;
    bool woken = false;
    Wakeup wakeup(loop, [&] { woken = true; });
    std::thread other([&] { wakeup.signal(); });
    CHECK(run_until(loop, [&] { return woken; }));
    other.join();
}

TEST_CASE("addresses as text need no network and are answered later") {
    UvLoop loop;
    UvEnv env(loop);
    std::optional<Result<std::vector<Endpoint>>> v4;
    std::optional<Result<std::vector<Endpoint>>> v6;
    const auto first = env.resolve("127.0.0.3", 80, [&](auto answer) { v4 = std::move(answer); });
    const auto second = env.resolve("::1", 81, [&](auto answer) { v6 = std::move(answer); });
    CHECK_FALSE(v4.has_value());
    REQUIRE(run_until(loop, [&] { return v4 && v6; }));
    REQUIRE(v4->has_value());
    REQUIRE(v6->has_value());
    CHECK(v4->value().size() == 1);
    CHECK(v6->value().size() == 1);
    CHECK(v4->value().at(0) == Endpoint{Address::v4({127, 0, 0, 3}), 80});
    CHECK(v6->value().at(0) == Endpoint{*Address::parse("::1"), 81});
}

TEST_CASE("localhost resolves to loopback addresses, IPv4 first, each once and with the port") {
    UvLoop loop;
    UvEnv env(loop);
    std::optional<Result<std::vector<Endpoint>>> answer;
    const auto lookup = env.resolve("localhost", 6969, [&](auto found) { answer = std::move(found); });
    REQUIRE(run_until(loop, [&] { return answer.has_value(); }));
    REQUIRE(answer->has_value());
    const auto& endpoints = **answer;
    REQUIRE_FALSE(endpoints.empty());
    for (std::size_t i = 0; i < endpoints.size(); ++i) {
        CHECK(endpoints[i].address.is_loopback());
        CHECK(endpoints[i].port == 6969);
        if (i > 0) CHECK(endpoints[i - 1].address.family() <= endpoints[i].address.family());
        CHECK(std::count(endpoints.begin(), endpoints.end(), endpoints[i]) == 1);
    }
}

TEST_CASE("a name that cannot exist is an error of the system") {
    UvLoop loop;
    UvEnv env(loop);
    std::optional<Result<std::vector<Endpoint>>> answer;
    // A label over 63 bytes: refused before any name server is asked.
    const std::string name = std::string(70, 'x') + ".invalid";
    const auto lookup = env.resolve(name, 1, [&](auto found) { answer = std::move(found); });
    REQUIRE(run_until(loop, [&] { return answer.has_value(); }));
    REQUIRE_FALSE(answer->has_value());
    CHECK(answer->error().fault == Fault::System);
    CHECK(answer->error().detail.find(name) != std::string::npos);
}

TEST_CASE("a look-up may be destroyed by its answer, and is silent when destroyed before") {
    UvLoop loop;
    UvEnv env(loop);
    std::unique_ptr<env::Lookup> name;
    std::unique_ptr<env::Lookup> text;
    int answers = 0;
    auto cancelled_name = env.resolve("localhost", 1, [&](auto) { answers += 100; });
    auto cancelled_text = env.resolve("127.0.0.1", 1, [&](auto) { answers += 100; });
    cancelled_name.reset();
    cancelled_text.reset();
    name = env.resolve("localhost", 1, [&](auto) {
        ++answers;
        name.reset();
    });
    text = env.resolve("127.0.0.1", 1, [&](auto) {
        ++answers;
        text.reset();
    });
    REQUIRE(run_until(loop, [&] { return answers == 2; }));
    loop.run_ready_turn();
    CHECK(answers == 2);
}
