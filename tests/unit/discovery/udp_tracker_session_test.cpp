#include "common/discovery/udp_tracker_session.h"

#include "common/base/byte_cursor.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::discovery;

namespace {

TimePoint at_s(std::int64_t s) { return TimePoint(seconds(s)); }

wire::UdpAnnounceRequest an_announce() {
    wire::UdpAnnounceRequest request;
    request.announce.port = 6881;
    request.announce.left = 1;
    return request;
}

// A session and the tracker's side of it, by hand.
struct Talk {
    explicit Talk(UdpSessionSettings settings = {}) : session(Address::Family::V4, settings, Rng(3)) {}

    [[nodiscard]] std::vector<wire::UdpRequest> sent() {
        session.check_invariants();
        std::vector<wire::UdpRequest> requests;
        while (const auto packet = session.poll_output()) requests.push_back(*wire::parse_udp_request(*packet));
        return requests;
    }
    [[nodiscard]] wire::UdpRequest one() {
        const auto requests = sent();
        REQUIRE(requests.size() == 1);
        return requests[0];
    }
    void reply(const wire::UdpReply& reply, TimePoint now) {
        session.receive(wire::encode_udp_reply(reply, Address::Family::V4), now);
        session.check_invariants();
    }
    void accept(const wire::UdpRequest& request, std::uint64_t id, TimePoint now) {
        REQUIRE(std::holds_alternative<wire::UdpConnectRequest>(request.body));
        reply({request.transaction_id, wire::UdpConnectReply{id}}, now);
    }
    void answer(const wire::UdpRequest& request, TimePoint now) {
        reply({request.transaction_id, wire::UdpAnnounceReply{60, 1, 2, {}}}, now);
    }
    // Time goes on to the next deadline.
    TimePoint wait() {
        const TimePoint due = session.next_deadline();
        session.on_deadline(due);
        return due;
    }
    [[nodiscard]] std::optional<UdpAnswer> answered() { return session.poll_answer(); }

    UdpTrackerSession session;
};

bool is_connect(const wire::UdpRequest& request) {
    return std::holds_alternative<wire::UdpConnectRequest>(request.body);
}
bool is_announce(const wire::UdpRequest& request) {
    return std::holds_alternative<wire::UdpAnnounceRequest>(request.body);
}

}  // namespace

TEST_CASE("a question is asked behind a connect, with the connection id, and its answer is given once") {
    Talk talk;
    const auto question = talk.session.ask(an_announce(), at_s(0));
    const auto connect = talk.one();
    CHECK(is_connect(connect));
    CHECK(connect.connection_id == wire::kUdpProtocolId);
    CHECK(talk.session.next_deadline() == at_s(3));
    talk.accept(connect, 99, at_s(1));
    const auto announce = talk.one();
    CHECK(is_announce(announce));
    CHECK(announce.connection_id == 99);
    CHECK(announce.transaction_id != connect.transaction_id);
    CHECK_FALSE(talk.answered());
    talk.answer(announce, at_s(2));
    const auto answered = talk.answered();
    REQUIRE(answered);
    CHECK(answered->question == question);
    CHECK(std::get<wire::UdpAnnounceReply>(*answered->reply).interval_s == 60u);
    CHECK_FALSE(talk.answered());
    CHECK(talk.session.next_deadline() == kNever);
    talk.answer(announce, at_s(2));
    CHECK_FALSE(talk.answered());
}

TEST_CASE("with the BEP's first wait the packets go out at the times of the BEP's own example") {
    Talk talk({.first_wait = seconds(15)});
    (void)talk.session.ask(an_announce(), at_s(0));
    auto connect = talk.one();
    talk.accept(connect, 7, at_s(1));
    CHECK(is_announce(talk.one()));
    std::vector<std::pair<TimePoint, bool>> seen;
    for (int i = 0; i < 4; ++i) {
        const TimePoint due = talk.wait();
        seen.emplace_back(due, is_connect(talk.one()));
    }
    // Announce sent at 1, again at 16 and 46; by 106 the id is too old.
    CHECK(seen == std::vector<std::pair<TimePoint, bool>>{
                      {at_s(16), false}, {at_s(46), false}, {at_s(106), true}, {at_s(226), true}});
}

TEST_CASE("silence: nine packets, each wait twice the one before, then the questions fail") {
    Talk talk({.first_wait = seconds(15)});
    (void)talk.session.ask(an_announce(), at_s(0));
    std::int64_t expected = 0;
    const auto first = talk.one();
    for (int n = 0; n < 8; ++n) {
        expected += 15 << n;
        CHECK(talk.wait() == at_s(expected));
        const auto again = talk.one();
        CHECK(is_connect(again));
        CHECK(again.transaction_id == first.transaction_id);
        CHECK_FALSE(talk.answered());
    }
    CHECK(talk.wait() == at_s(expected + 3840));
    CHECK(talk.sent().empty());
    const auto answered = talk.answered();
    REQUIRE(answered);
    CHECK(answered->reply.error().code == ErrorCode::TimedOut);
    CHECK(talk.session.next_deadline() == kNever);
}

TEST_CASE("our own waits ask three times within one announce's 15 s") {
    Talk talk;
    (void)talk.session.ask(an_announce(), at_s(0));
    std::vector<TimePoint> times{at_s(0)};
    while (talk.session.next_deadline() < at_s(15)) times.push_back(talk.wait());
    CHECK(times == std::vector<TimePoint>{at_s(0), at_s(3), at_s(9)});
}

TEST_CASE("a connection id serves questions for 60 s after it came, and no longer") {
    Talk talk;
    (void)talk.session.ask(an_announce(), at_s(0));
    talk.accept(talk.one(), 5, at_s(1));
    talk.answer(talk.one(), at_s(1));
    (void)talk.session.ask(an_announce(), TimePoint(milliseconds(60'999)));
    const auto second = talk.one();
    CHECK(is_announce(second));
    CHECK(second.connection_id == 5);
    talk.answer(second, at_s(61));
    (void)talk.session.ask(an_announce(), at_s(61));
    CHECK(is_connect(talk.one()));
}

TEST_CASE("questions that wait for one connect are all asked, and answered each by its own id in any order") {
    Talk talk;
    const auto a = talk.session.ask(an_announce(), at_s(0));
    const auto b = talk.session.ask(wire::UdpScrapeRequest{{InfoHash{}}}, at_s(0));
    talk.accept(talk.one(), 5, at_s(1));
    const auto requests = talk.sent();
    REQUIRE(requests.size() == 2);
    CHECK(requests[0].transaction_id != requests[1].transaction_id);
    talk.reply({requests[1].transaction_id, wire::UdpScrapeReply{{{1, 2, 3}}}}, at_s(1));
    talk.answer(requests[0], at_s(1));
    auto answered = talk.answered();
    CHECK(answered->question == b);
    CHECK(std::holds_alternative<wire::UdpScrapeReply>(*answered->reply));
    answered = talk.answered();
    CHECK(answered->question == a);
}

TEST_CASE("bad input: wrong transaction ids and answers of the wrong action change nothing") {
    Talk talk;
    (void)talk.session.ask(an_announce(), at_s(0));
    const auto connect = talk.one();
    talk.reply({connect.transaction_id + 1, wire::UdpConnectReply{1}}, at_s(1));
    talk.reply({connect.transaction_id + 1, wire::UdpErrorReply{"no"}}, at_s(1));
    talk.reply({connect.transaction_id, wire::UdpAnnounceReply{}}, at_s(1));
    talk.session.receive(ByteBuffer{0, 0, 0}, at_s(1));
    CHECK(talk.sent().empty());
    talk.accept(connect, 5, at_s(1));
    const auto announce = talk.one();
    talk.reply({announce.transaction_id ^ 1, wire::UdpAnnounceReply{}}, at_s(1));
    talk.reply({announce.transaction_id, wire::UdpScrapeReply{}}, at_s(1));
    talk.reply({announce.transaction_id, wire::UdpConnectReply{66}}, at_s(1));
    talk.reply({connect.transaction_id, wire::UdpConnectReply{66}}, at_s(1));
    CHECK(talk.sent().empty());
    CHECK_FALSE(talk.answered());
    CHECK(talk.session.next_deadline() == at_s(4));
    talk.answer(announce, at_s(2));
    CHECK(talk.answered()->reply.has_value());
}

TEST_CASE("bad input: a reply that is cut short fails its question at once") {
    Talk talk;
    (void)talk.session.ask(an_announce(), at_s(0));
    talk.accept(talk.one(), 5, at_s(1));
    ByteBuffer cut{0, 0, 0, 1, 0, 0, 0, 0};
    store_u32(cut.data() + 4, talk.one().transaction_id);
    talk.session.receive(cut, at_s(1));
    CHECK(talk.answered()->reply.error().code == ErrorCode::InvalidTracker);
}

TEST_CASE("an error packet answers; to the connect it answers everything") {
    Talk talk;
    (void)talk.session.ask(an_announce(), at_s(0));
    (void)talk.session.ask(an_announce(), at_s(0));
    talk.reply({talk.one().transaction_id, wire::UdpErrorReply{"closed"}}, at_s(1));
    CHECK(std::get<wire::UdpErrorReply>(*talk.answered()->reply).message == "closed");
    CHECK(talk.answered().has_value());
    CHECK_FALSE(talk.session.has_questions());
    (void)talk.session.ask(an_announce(), at_s(2));
    talk.accept(talk.one(), 5, at_s(2));
    talk.reply({talk.one().transaction_id, wire::UdpErrorReply{"unlisted"}}, at_s(2));
    CHECK(std::get<wire::UdpErrorReply>(*talk.answered()->reply).message == "unlisted");
}

TEST_CASE("an id that the tracker has forgotten is replaced before the question is given up, once") {
    Talk talk;
    (void)talk.session.ask(an_announce(), at_s(0));
    talk.accept(talk.one(), 5, at_s(0));
    talk.answer(talk.one(), at_s(0));
    (void)talk.answered();
    (void)talk.session.ask(an_announce(), at_s(10));
    const auto refused = talk.one();
    CHECK(refused.connection_id == 5);
    const bool says_so = GENERATE(true, false);
    if (says_so) {
        talk.reply({refused.transaction_id, wire::UdpErrorReply{"connection id"}}, at_s(10));
    } else {
        CHECK(talk.wait() == at_s(13));
    }
    CHECK_FALSE(talk.answered());
    const auto connect = talk.one();
    talk.reply({refused.transaction_id, wire::UdpErrorReply{"the old id, late"}}, at_s(13));
    CHECK_FALSE(talk.answered());
    talk.accept(connect, 6, at_s(14));
    const auto again = talk.one();
    CHECK(again.connection_id == 6);
    talk.reply({again.transaction_id, wire::UdpErrorReply{"still no"}}, at_s(14));
    REQUIRE(talk.answered());
}

TEST_CASE("a late answer counts also while a new id is being asked for") {
    Talk talk;
    (void)talk.session.ask(an_announce(), at_s(0));
    talk.accept(talk.one(), 5, at_s(0));
    talk.answer(talk.one(), at_s(0));
    (void)talk.answered();
    (void)talk.session.ask(an_announce(), at_s(10));
    const auto slow = talk.one();
    talk.wait();
    CHECK(is_connect(talk.one()));
    talk.answer(slow, at_s(14));
    CHECK(talk.answered()->reply.has_value());
    CHECK(talk.session.next_deadline() == kNever);
}

TEST_CASE("unreachable fails all questions, a cancelled one is never answered") {
    Talk talk;
    const auto cancelled = talk.session.ask(an_announce(), at_s(0));
    (void)talk.session.ask(an_announce(), at_s(0));
    talk.session.cancel(cancelled);
    talk.session.on_unreachable(remote_error(ErrorCode::ConnectFailed, "refused"));
    talk.session.check_invariants();
    const auto answered = talk.answered();
    REQUIRE(answered);
    CHECK(answered->question == cancelled + 1);
    CHECK(answered->reply.error().code == ErrorCode::ConnectFailed);
    CHECK_FALSE(talk.answered());
    const auto last = talk.session.ask(an_announce(), at_s(5));
    talk.session.cancel(last);
    talk.session.check_invariants();
    CHECK(talk.session.next_deadline() == kNever);
}
