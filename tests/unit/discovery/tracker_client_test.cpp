#include "common/discovery/tracker_client.h"

#include <set>

#include "tests/support/catch.h"

namespace bt::discovery {
namespace {

using wire::AnnounceEvent;
using Tiers = std::vector<std::vector<std::string>>;

constexpr TimePoint at(std::int64_t s) { return TimePoint(seconds(s)); }

wire::AnnounceReply reply(std::optional<std::uint32_t> interval = 1800,
                          std::optional<std::uint32_t> min_interval = std::nullopt) {
    wire::AnnounceReply value;
    value.interval_s = interval;
    value.min_interval_s = min_interval;
    return value;
}

Error refused() { return {ErrorCode::ConnectFailed, Fault::System, "connection refused", std::nullopt}; }

// A client and the announce it last gave out; invariants are checked at every step.
struct Bench {
    explicit Bench(Tiers tiers, TrackerSettings settings = {}, std::uint64_t rng_seed = 1)
        : client(std::move(tiers), settings, Rng(rng_seed)) {}

    AnnounceCommand expect(TimePoint now) {
        client.check_invariants();
        auto command = client.poll_announce(now);
        client.check_invariants();
        REQUIRE(command.has_value());
        CHECK(client.next_deadline() == kNever);
        return *command;
    }
    AnnounceCommand expect(TimePoint now, AnnounceEvent event) {
        const AnnounceCommand command = expect(now);
        CHECK(command.event == event);
        return command;
    }
    bool quiet(TimePoint now) { return !client.poll_announce(now).has_value(); }
    void ok(TimePoint now, const wire::AnnounceReply& value = reply()) {
        client.on_reply(value, now);
        client.check_invariants();
    }
    void bad(TimePoint now) {
        client.on_failure(refused(), now);
        client.check_invariants();
    }

    TrackerClient client;
};

Bench accepted_at_zero(Tiers tiers = {{"a"}}) {
    Bench bench(std::move(tiers));
    bench.client.start(at(0));
    bench.expect(at(0), AnnounceEvent::Started);
    bench.ok(at(0));
    return bench;
}

}  // namespace

TEST_CASE("nothing is announced before start, and started right at it") {
    Bench bench({{"a"}});
    CHECK(bench.quiet(at(5)));
    CHECK(bench.client.next_deadline() == kNever);
    CHECK(bench.client.status_text(at(5)) == "not started");
    bench.client.start(at(7));
    CHECK(bench.client.next_deadline() == at(7));
    CHECK(bench.expect(at(7), AnnounceEvent::Started).url == "a");
    CHECK(bench.quiet(at(100)));  // one in flight at most
    CHECK(bench.client.status_text(at(8)) == "announcing");
}

TEST_CASE("a torrent without trackers has nothing to say and is finished when it stops") {
    Bench bench({{}, {""}});
    CHECK_FALSE(bench.client.has_trackers());
    bench.client.start(at(0));
    CHECK(bench.client.next_deadline() == kNever);
    CHECK(bench.quiet(at(1000)));
    bench.client.on_completed(at(1));
    bench.client.need_peers(at(1));
    bench.client.stop(at(2));
    CHECK(bench.client.is_finished());
    bench.client.check_invariants();
}

TEST_CASE("tiers are asked in order, the URLs of one tier in a shuffled order") {
    std::set<std::string> first_urls;
    for (std::uint64_t rng_seed = 0; rng_seed < 40; ++rng_seed) {
        Bench bench({{"a", "b", "c"}, {"d"}}, {}, rng_seed);
        bench.client.start(at(0));
        std::set<std::string> tier;
        for (int i = 0; i < 3; ++i) {
            const std::string url = bench.expect(at(0), AnnounceEvent::Started).url;
            if (i == 0) first_urls.insert(url);
            tier.insert(url);
            bench.bad(at(0));
        }
        CHECK(tier == std::set<std::string>{"a", "b", "c"});
        CHECK(bench.expect(at(0)).url == "d");
    }
    CHECK(first_urls == std::set<std::string>{"a", "b", "c"});
}

TEST_CASE("the URL that answers moves to the front of its tier and stays the one to ask") {
    Bench bench({{"a", "b", "c"}});
    bench.client.start(at(0));
    const std::string first = bench.expect(at(0)).url;
    bench.bad(at(0));
    const std::string second = bench.expect(at(0)).url;
    bench.bad(at(0));
    const std::string third = bench.expect(at(0)).url;
    bench.ok(at(0));
    CHECK(bench.expect(at(1800), AnnounceEvent::None).url == third);
    bench.bad(at(1800));
    // Behind it the others keep their order.
    CHECK(bench.expect(at(1800), AnnounceEvent::Started).url == first);
    bench.bad(at(1800));
    CHECK(bench.expect(at(1800), AnnounceEvent::Started).url == second);
}

TEST_CASE("a failing tracker of a later tier gives way to the tiers before it") {
    Bench bench({{"a"}, {"b"}, {"c"}});
    bench.client.start(at(0));
    bench.expect(at(0));
    bench.bad(at(0));
    CHECK(bench.expect(at(0)).url == "b");
    bench.ok(at(0));
    CHECK(bench.expect(at(1800)).url == "b");
    bench.bad(at(1800));
    CHECK(bench.expect(at(1800)).url == "c");
    bench.bad(at(1800));
    CHECK(bench.expect(at(1800)).url == "a");
    bench.bad(at(1800));
    CHECK(bench.quiet(at(1800)));  // a whole round failed
    CHECK(bench.client.failures_in_a_row() == 3);
}

TEST_CASE("a URL that is listed twice is asked once a round") {
    Bench bench({{"a", "a"}, {"a"}});
    bench.client.start(at(0));
    bench.expect(at(0));
    bench.bad(at(0));
    CHECK(bench.quiet(at(0)));
}

TEST_CASE("back-off doubles from 5 s, with jitter up to a quarter, and never exceeds 30 min") {
    std::set<std::int64_t> first_waits;
    for (std::uint64_t rng_seed = 0; rng_seed < 20; ++rng_seed) {
        Bench bench({{"a"}}, {}, rng_seed);
        TimePoint now = at(0);
        bench.client.start(now);
        Duration step = seconds(5);
        for (int round = 0; round < 14; ++round) {
            bench.expect(now, AnnounceEvent::Started);
            bench.bad(now);
            const TimePoint due = bench.client.next_deadline();
            const Duration wait = due - now;
            if (round == 0) first_waits.insert(wait.count());
            const Duration base = std::min<Duration>(step, minutes(24));
            CHECK(wait >= base);
            CHECK(wait <= base + base / 4);
            CHECK(wait <= Duration(minutes(30)));
            CHECK(bench.quiet(due - Duration(1)));
            now = due;
            step *= 2;
        }
    }
    CHECK(first_waits.size() > 10);  // jitter is there
}

TEST_CASE("success ends the back-off") {
    Bench bench({{"a"}});
    bench.client.start(at(0));
    TimePoint now = at(0);
    for (int i = 0; i < 6; ++i) {
        bench.expect(now);
        bench.bad(now);
        now = bench.client.next_deadline();
    }
    CHECK(bench.client.failures_in_a_row() == 6);
    CHECK_FALSE(bench.client.has_ever_succeeded());
    bench.expect(now);
    bench.ok(now);
    CHECK(bench.client.failures_in_a_row() == 0);
    CHECK(bench.client.has_ever_succeeded());
    CHECK(bench.client.status_text(now) == "working");
    now = bench.client.next_deadline();
    bench.expect(now);
    bench.bad(now);
    CHECK(bench.client.next_deadline() - now <= Duration(milliseconds(6250)));
}

TEST_CASE("a failure reason counts as a failure and its text is kept without control bytes") {
    Bench bench({{"a"}});
    bench.client.start(at(0));
    bench.expect(at(0));
    wire::AnnounceReply no;
    no.failure_reason = "not \x1b[31mregistered\n";
    bench.ok(at(0), no);
    CHECK(bench.client.last_error() == "not ?[31mregistered?");
    CHECK_FALSE(bench.client.has_ever_succeeded());
    CHECK(bench.client.next_deadline() >= at(5));
    const std::string text = bench.client.status_text(at(0));
    CHECK(text.starts_with("failed: not ?[31mregistered? (retry in "));

    bench.expect(bench.client.next_deadline());
    no.failure_reason = "";
    bench.ok(at(10), no);
    CHECK_FALSE(bench.client.last_error().empty());
    bench.expect(bench.client.next_deadline());
    no.failure_reason = std::string(100'000, 'x');
    bench.ok(at(20), no);
    CHECK(bench.client.last_error().size() == 200);
}

TEST_CASE("a tracker that says when to retry is left out of the rounds for so long") {
    Bench bench({{"a"}, {"b"}});
    bench.client.start(at(0));
    wire::AnnounceReply busy;
    busy.failure_reason = "busy";
    busy.retry_in = wire::RetryIn{10};
    CHECK(bench.expect(at(0)).url == "a");
    bench.ok(at(0), busy);
    CHECK(bench.expect(at(0)).url == "b");
    bench.bad(at(0));
    TimePoint due = bench.client.next_deadline();
    CHECK(due <= at(7));
    CHECK(bench.expect(due).url == "b");  // a is not asked
    bench.bad(due);
    while (bench.client.next_deadline() < at(600)) {
        due = bench.client.next_deadline();
        CHECK(bench.expect(due).url == "b");
        bench.bad(due);
    }
    CHECK(bench.expect(bench.client.next_deadline()).url == "a");
}

TEST_CASE("when all trackers say when to retry, the first of these times is waited for") {
    Bench bench({{"a"}, {"b"}});
    bench.client.start(at(0));
    wire::AnnounceReply busy;
    busy.failure_reason = "busy";
    for (const std::uint32_t minutes : {30u, 20u}) {
        busy.retry_in = wire::RetryIn{minutes};
        bench.expect(at(0));
        bench.ok(at(0), busy);
    }
    CHECK(bench.client.next_deadline() == at(20 * 60));
    CHECK(bench.expect(at(20 * 60)).url == "b");
}

TEST_CASE("bad input: a tracker that says never is asked no more, a retry in a hundred years is a day") {
    Bench bench({{"a"}});
    bench.client.start(at(0));
    wire::AnnounceReply no;
    no.failure_reason = "banned";
    no.retry_in = GENERATE(wire::RetryIn{}, wire::RetryIn{0xffffffff});
    bench.expect(at(0));
    bench.ok(at(0), no);
    if (no.retry_in->minutes) {
        CHECK(bench.client.next_deadline() == at(24 * 3600));
        return;
    }
    CHECK(bench.client.next_deadline() == kNever);
    CHECK(bench.quiet(at(1'000'000)));
    CHECK(bench.client.status_text(at(1)) == "failed for good: banned");
    bench.client.need_peers(at(1));
    bench.client.on_completed(at(1));
    CHECK(bench.client.next_deadline() == kNever);
    bench.client.stop(at(2));
    CHECK(bench.client.is_finished());
}

TEST_CASE("a warning is kept for the user, without control bytes, until the next reply") {
    Bench bench({{"a"}});
    bench.client.start(at(0));
    wire::AnnounceReply warns = reply(60);
    warns.warning_message = "too\tsoon";
    bench.expect(at(0));
    bench.ok(at(0), warns);
    CHECK(bench.client.last_warning() == "too?soon");
    CHECK(bench.client.status_text(at(0)) == "working (it warns: too?soon)");
    bench.expect(at(60));
    bench.ok(at(60), reply(60));
    CHECK(bench.client.last_warning().empty());
    CHECK(bench.client.status_text(at(60)) == "working");
}

TEST_CASE("regular announces go out at the interval served, not a moment before") {
    Bench bench = accepted_at_zero();
    CHECK(bench.client.next_deadline() == at(1800));
    CHECK(bench.quiet(at(1800) - Duration(1)));
    bench.expect(at(1800), AnnounceEvent::None);
}

TEST_CASE("floor and min interval hold back a shorter interval; a missing one is half an hour; a day is the most") {
    struct Case {
        std::optional<std::uint32_t> interval;
        std::optional<std::uint32_t> min_interval;
        std::int64_t due;
    };
    const Case cases[] = {{59, std::nullopt, 60},
                          {60, std::nullopt, 60},
                          {61, std::nullopt, 61},
                          {0, std::nullopt, 60},
                          {100, 300, 300},
                          {300, 100, 300},
                          {10, 20, 60},
                          {std::nullopt, std::nullopt, 1800},
                          {std::nullopt, 4000, 4000},
                          {86'400, std::nullopt, 86'400},
                          {86'401, std::nullopt, 86'400},
                          {4'294'967'295u, 4'294'967'295u, 86'400}};
    for (const Case& c : cases) {
        Bench bench({{"a"}});
        bench.client.start(at(0));
        bench.expect(at(0));
        bench.ok(at(0), reply(c.interval, c.min_interval));
        CHECK(bench.client.next_deadline() == at(c.due));
    }
}

TEST_CASE("the floor is a setting") {
    TrackerSettings lab;
    lab.interval_floor = seconds(5);
    Bench bench({{"a"}}, lab);
    bench.client.start(at(0));
    bench.expect(at(0));
    bench.ok(at(0), reply(1));
    CHECK(bench.client.next_deadline() == at(5));
}

TEST_CASE("need_peers brings the next announce forward to the min interval, and never delays it") {
    Bench bench({{"a"}});
    bench.client.start(at(0));
    bench.expect(at(0));
    bench.ok(at(0), reply(1800, 300));
    bench.client.need_peers(at(10));
    CHECK(bench.client.next_deadline() == at(300));
    CHECK(bench.quiet(at(299)));
    bench.expect(at(300), AnnounceEvent::None);
    bench.client.need_peers(at(301));  // in flight: nothing to do
    bench.ok(at(302), reply(1800, 300));
    CHECK(bench.client.next_deadline() == at(302 + 1800));
    bench.client.need_peers(at(1000));
    CHECK(bench.client.next_deadline() == at(1000));
    bench.client.need_peers(at(1500));
    CHECK(bench.client.next_deadline() == at(1000));
}

TEST_CASE("need_peers does not shorten the wait behind failures") {
    Bench bench({{"a"}});
    bench.client.start(at(0));
    bench.expect(at(0));
    bench.bad(at(0));
    const TimePoint due = bench.client.next_deadline();
    bench.client.need_peers(at(1));
    CHECK(bench.client.next_deadline() == due);
}

TEST_CASE("completed is announced at once and exactly once") {
    Bench bench = accepted_at_zero();
    bench.client.on_completed(at(3));
    bench.expect(at(3), AnnounceEvent::Completed);
    bench.ok(at(3));
    bench.client.on_completed(at(4));
    CHECK(bench.quiet(at(4)));
    bench.expect(at(3 + 1800), AnnounceEvent::None);
    bench.ok(at(3 + 1800));
    bench.expect(at(3 + 3600), AnnounceEvent::None);
}

TEST_CASE("completed that finds no tracker is sent again until one accepts it") {
    Bench bench = accepted_at_zero();
    bench.client.on_completed(at(3));
    bench.expect(at(3), AnnounceEvent::Completed);
    bench.bad(at(3));
    const TimePoint due = bench.client.next_deadline();
    bench.expect(due, AnnounceEvent::Completed);
    bench.ok(due);
    bench.expect(bench.client.next_deadline(), AnnounceEvent::None);
}

TEST_CASE("completed during a regular announce follows its reply at once") {
    Bench bench = accepted_at_zero();
    bench.expect(at(1800), AnnounceEvent::None);
    bench.client.on_completed(at(1801));
    CHECK(bench.quiet(at(1801)));
    bench.ok(at(1802));
    bench.expect(at(1802), AnnounceEvent::Completed);
}

TEST_CASE("completed while started is in flight follows once started is accepted, and is dropped when it fails") {
    for (const bool accepts : {true, false}) {
        Bench bench({{"a"}});
        bench.client.start(at(0));
        bench.expect(at(0), AnnounceEvent::Started);
        bench.client.on_completed(at(1));
        if (accepts) {
            bench.ok(at(2));
            bench.expect(at(2), AnnounceEvent::Completed);
            continue;
        }
        bench.bad(at(2));
        const TimePoint due = bench.client.next_deadline();
        bench.expect(due, AnnounceEvent::Started);
        bench.ok(due);
        bench.expect(bench.client.next_deadline(), AnnounceEvent::None);
    }
}

TEST_CASE("a tracker that first hears of us as a seed is never told completed") {
    Bench bench({{"a"}});
    bench.client.start(at(0));
    bench.client.on_completed(at(0));
    bench.expect(at(0), AnnounceEvent::Started);
    bench.ok(at(0));
    bench.expect(at(1800), AnnounceEvent::None);

    // The same for the second tracker, when the first one, which knew us, has gone.
    Bench two = accepted_at_zero({{"a"}, {"b"}});
    two.client.on_completed(at(1));
    CHECK(two.expect(at(1), AnnounceEvent::Completed).url == "a");
    two.bad(at(1));
    CHECK(two.expect(at(1), AnnounceEvent::Started).url == "b");
    two.ok(at(1));
    CHECK(two.expect(at(1801), AnnounceEvent::None).url == "b");
    two.bad(at(1801));
    CHECK(two.expect(at(1801), AnnounceEvent::Completed).url == "a");
}

TEST_CASE("stop tells stopped once and finishes on its answer") {
    for (const bool answers : {true, false}) {
        Bench bench = accepted_at_zero();
        bench.client.stop(at(9));
        CHECK(bench.client.next_deadline() == at(9));
        CHECK_FALSE(bench.client.is_finished());
        CHECK(bench.expect(at(9), AnnounceEvent::Stopped).url == "a");
        bench.client.stop(at(9));
        CHECK_FALSE(bench.client.is_finished());
        if (answers) {
            bench.ok(at(10));
        } else {
            bench.bad(at(10));
        }
        CHECK(bench.client.is_finished());
        CHECK(bench.quiet(at(10'000)));
        CHECK(bench.client.next_deadline() == kNever);
    }
}

TEST_CASE("stopped goes only where started was accepted") {
    Bench never({{"a"}});
    never.client.start(at(0));
    never.expect(at(0));
    never.bad(at(0));
    never.client.stop(at(1));
    CHECK(never.client.is_finished());

    Bench idle({{"a"}});
    idle.client.stop(at(1));
    CHECK(idle.client.is_finished());
    idle.client.start(at(2));
    CHECK(idle.quiet(at(2)));

    // Of three trackers the first refused; the two that accepted both hear it, the one in use first.
    Bench bench({{"a"}, {"b"}, {"c"}});
    bench.client.start(at(0));
    bench.expect(at(0));
    bench.bad(at(0));
    CHECK(bench.expect(at(0)).url == "b");
    bench.ok(at(0));
    CHECK(bench.expect(at(1800)).url == "b");
    bench.bad(at(1800));
    CHECK(bench.expect(at(1800)).url == "c");
    bench.ok(at(1800));
    bench.client.stop(at(1900));
    CHECK(bench.expect(at(1900), AnnounceEvent::Stopped).url == "c");
    bench.ok(at(1901));
    CHECK_FALSE(bench.client.is_finished());
    CHECK(bench.expect(at(1901), AnnounceEvent::Stopped).url == "b");
    bench.ok(at(1902));
    CHECK(bench.client.is_finished());
}

TEST_CASE("stop waits for the announce in flight: its outcome decides whether stopped is due") {
    for (const bool accepts : {true, false}) {
        Bench bench({{"a"}, {"b"}});
        bench.client.start(at(0));
        bench.expect(at(0), AnnounceEvent::Started);
        bench.client.stop(at(1));
        CHECK(bench.quiet(at(1)));
        CHECK_FALSE(bench.client.is_finished());
        if (accepts) {
            bench.ok(at(2));
            CHECK(bench.expect(at(2), AnnounceEvent::Stopped).url == "a");
            bench.ok(at(3));
        } else {
            bench.bad(at(2));
        }
        CHECK(bench.client.is_finished());
    }
}

TEST_CASE("a completed that is still owed at stop goes out before the stopped, with one try") {
    for (const bool answers : {true, false}) {
        Bench bench = accepted_at_zero();
        bench.client.on_completed(at(5));
        bench.client.stop(at(5));
        bench.expect(at(5), AnnounceEvent::Completed);
        if (answers) {
            bench.ok(at(6));
        } else {
            bench.bad(at(6));
        }
        bench.expect(at(6), AnnounceEvent::Stopped);
        bench.ok(at(7));
        CHECK(bench.client.is_finished());
    }
}

TEST_CASE("each tracker gets back its own tracker id") {
    Bench bench({{"a"}, {"b"}});
    bench.client.start(at(0));
    CHECK(bench.expect(at(0)).tracker_id.empty());
    wire::AnnounceReply with_id = reply();
    with_id.tracker_id = "ida";
    bench.ok(at(0), with_id);
    CHECK(bench.expect(at(1800)).tracker_id == "ida");
    bench.ok(at(1800));  // a reply without one keeps it
    CHECK(bench.expect(at(3600)).tracker_id == "ida");
    bench.bad(at(3600));
    const AnnounceCommand other = bench.expect(at(3600));
    CHECK(other.url == "b");
    CHECK(other.tracker_id.empty());
}

TEST_CASE("two clients with the same rng_seed behave alike") {
    for (std::uint64_t rng_seed = 0; rng_seed < 5; ++rng_seed) {
        Bench one({{"a", "b", "c"}, {"d", "e"}}, {}, rng_seed);
        Bench two({{"a", "b", "c"}, {"d", "e"}}, {}, rng_seed);
        one.client.start(at(0));
        two.client.start(at(0));
        for (int i = 0; i < 30; ++i) {
            const TimePoint due = one.client.next_deadline();
            REQUIRE(due == two.client.next_deadline());
            CHECK(one.expect(due).url == two.expect(due).url);
            one.bad(due);
            two.bad(due);
        }
    }
}

}  // namespace bt::discovery
