#include "common/swarm/peer_session.h"

#include "tests/support/catch.h"
#include "tests/support/times.h"

using namespace bt;
using swarm::PeerSession;

namespace {

using bt::test_time::kStart;

// 10 pieces of 64 KiB, the last of 20,000 bytes: 4 blocks a piece, 2 in the last.
const meta::PieceLayout kLayout(9 * 65536 + 20000, 65536);

struct SessionBench {
    meta::Bitfield own{10};
    PeerSession session{ConnectionId(1), kLayout, true, {}, kStart};

    Result<swarm::SessionEvent> receive(const wire::Message& message, TimePoint now = kStart) {
        return session.on_message(message, own, now);
    }
    bool accepts(const wire::Message& message) { return receive(message).has_value(); }
    std::string refusal(const wire::Message& message) {
        const auto result = receive(message);
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().code == ErrorCode::ProtocolViolation);
        CHECK(result.error().fault == Fault::Remote);
        return result.error().detail;
    }
    std::string sent() {
        std::string text;
        while (!session.output().empty()) {
            const auto segment = session.output().segment(0);
            if (const auto* bytes = std::get_if<ByteView>(&segment)) {
                text += to_string(*bytes);
                session.output().mark_sent(bytes->size());
            } else {
                session.output().mark_sent(std::get<FileRange>(segment).length);
            }
        }
        return text;
    }
};

BlockRequest block(std::uint32_t piece, std::uint32_t begin, std::uint32_t length = kBlockSize) {
    return {PieceIndex(piece), begin, length};
}

const ByteBuffer kBytes(kBlockSize, 7);

}  // namespace

TEST_CASE("a session starts choked and uninterested on both sides", "[peer_session]") {
    SessionBench f;
    CHECK(f.session.am_choking());
    CHECK(f.session.peer_choking());
    CHECK_FALSE(f.session.am_interested());
    CHECK_FALSE(f.session.peer_interested());
    CHECK(f.session.output().empty());
}

TEST_CASE("a bitfield is taken with its exact size and no spare bit, not twice in a row", "[peer_session]") {
    const Byte good[] = {0xff, 0xc0};
    const Byte spare[] = {0xff, 0xe0};
    const Byte longer[] = {0xff, 0xc0, 0};
    SECTION("good, and then again") {
        SessionBench f;
        REQUIRE(f.accepts(wire::Bitfield{good}));
        CHECK(f.session.pieces().is_complete());
        CHECK(f.refusal(wire::Bitfield{good}).find("twice") != std::string::npos);
    }
    SECTION("spare bit") { CHECK_FALSE(SessionBench().accepts(wire::Bitfield{spare})); }
    SECTION("too long") { CHECK_FALSE(SessionBench().accepts(wire::Bitfield{longer})); }
    SECTION("too short") { CHECK_FALSE(SessionBench().accepts(wire::Bitfield{ByteView(good, 1)})); }
    SECTION("twice with a keep-alive between them") {
        SessionBench f;
        REQUIRE(f.accepts(wire::Bitfield{good}));
        REQUIRE(f.accepts(wire::KeepAlive{}));
        CHECK_FALSE(f.accepts(wire::Bitfield{good}));
    }
}

TEST_CASE("a bitfield behind other messages counts as the haves it saves, and may take nothing back",
          "[peer_session]") {
    const Byte first_two[] = {0xc0, 0};
    const Byte first_three[] = {0xe0, 0};
    const Byte without_first[] = {0x60, 0};
    SessionBench f;
    SECTION("behind a have") {
        REQUIRE(f.accepts(wire::Have{1}));
        const auto event = f.receive(wire::Bitfield{first_two});
        REQUIRE(event.has_value());
        CHECK(std::get<swarm::PeerHasMorePieces>(*event).pieces == std::vector{PieceIndex(0)});
        CHECK(f.session.pieces().count() == 2);
    }
    SECTION("again behind another message, with more or the same") {
        REQUIRE(f.accepts(wire::Bitfield{first_two}));
        REQUIRE(f.accepts(wire::Interested{}));
        CHECK(std::get<swarm::PeerHasMorePieces>(f.receive(wire::Bitfield{first_two}).value()).pieces.empty());
        REQUIRE(f.accepts(wire::Have{5}));
        CHECK_FALSE(f.accepts(wire::Bitfield{first_three}));  // without piece 5
    }
    SECTION("with less") {
        REQUIRE(f.accepts(wire::Bitfield{first_two}));
        REQUIRE(f.accepts(wire::Interested{}));
        CHECK(f.refusal(wire::Bitfield{without_first}).find("back") != std::string::npos);
    }
}

TEST_CASE("have is taken for the last piece and refused for the one behind it", "[peer_session]") {
    SessionBench f;
    const auto event = f.receive(wire::Have{9});
    REQUIRE(event.has_value());
    CHECK(std::get<swarm::PeerHasPiece>(*event).piece == PieceIndex(9));
    CHECK(std::holds_alternative<std::monostate>(f.receive(wire::Have{9}).value()));
    CHECK(f.refusal(wire::Have{10}).find("10") != std::string::npos);
}

TEST_CASE("requests inside a piece are queued once the peer is unchoked, those outside break the protocol",
          "[peer_session]") {
    SessionBench f;
    f.own.set_all();
    CHECK(std::holds_alternative<std::monostate>(f.receive(wire::Request{0, 0, kBlockSize}).value()));
    CHECK(f.session.queued_requests().empty());
    f.session.unchoke(kStart);
    REQUIRE(f.accepts(wire::Request{9, 16384, 20000 - 16384}));
    CHECK(f.session.queued_requests().size() == 1);
    CHECK_FALSE(f.accepts(wire::Request{9, 16384, 20000 - 16384 + 1}));
    CHECK_FALSE(f.accepts(wire::Request{10, 0, kBlockSize}));
    CHECK_FALSE(f.accepts(wire::Request{0, 65536, 1}));
    CHECK_FALSE(f.accepts(wire::Request{0, 0xfffffff0u, 0x20}));
    CHECK_FALSE(f.accepts(wire::Request{0, 0, 0}));
    CHECK(f.accepts(wire::Request{0, 0, swarm::kMaxServedLength}));
    CHECK_FALSE(f.accepts(wire::Request{0, 0, swarm::kMaxServedLength + 1}));
}

TEST_CASE("at most the announced number of requests is queued, the rest dropped", "[peer_session]") {
    SessionBench f;
    f.own.set_all();
    f.session.unchoke(kStart);
    for (std::uint32_t i = 0; i < swarm::kMaxQueuedRequests + 5; ++i) {
        REQUIRE(f.accepts(wire::Request{i % 9, 0, 1 + i}));
    }
    CHECK(f.session.queued_requests().size() == swarm::kMaxQueuedRequests);
    f.session.choke();
    CHECK(f.session.queued_requests().empty());
    f.session.check_invariants();
}

TEST_CASE("requests for pieces that we lack are dropped", "[peer_session]") {
    SessionBench f;
    f.own.set(PieceIndex(2));
    f.session.unchoke(kStart);
    REQUIRE(f.accepts(wire::Request{1, 0, kBlockSize}));
    REQUIRE(f.accepts(wire::Request{2, 0, kBlockSize}));
    REQUIRE(f.session.queued_requests().size() == 1);
    CHECK(f.session.queued_requests().front().piece == PieceIndex(2));
}

TEST_CASE("cancel takes a request out of the queue", "[peer_session]") {
    SessionBench f;
    f.own.set_all();
    f.session.unchoke(kStart);
    REQUIRE(f.accepts(wire::Request{1, 0, kBlockSize}));
    REQUIRE(f.accepts(wire::Request{1, 16384, kBlockSize}));
    REQUIRE(f.accepts(wire::Cancel{1, 0, kBlockSize}));
    REQUIRE(f.session.queued_requests().size() == 1);
    CHECK(f.session.queued_requests().front().begin == 16384);
    CHECK(f.accepts(wire::Cancel{1, 0, kBlockSize}));  // already gone: not punished
    CHECK_FALSE(f.accepts(wire::Cancel{10, 0, kBlockSize}));
}

TEST_CASE("a block that was never asked for breaks the protocol", "[peer_session]") {
    SessionBench f;
    CHECK(f.refusal(wire::Piece{0, 0, kBytes}).find("never asked for") != std::string::npos);
    REQUIRE(f.accepts(wire::Unchoke{}));
    f.session.request(block(0, 0), kStart);
    CHECK_FALSE(f.accepts(wire::Piece{0, 16384, kBytes}));
    const auto event = f.receive(wire::Piece{0, 0, kBytes});
    REQUIRE(event.has_value());
    CHECK(std::get<swarm::BlockArrived>(*event).request == block(0, 0));
    CHECK_FALSE(std::get<swarm::BlockArrived>(*event).late);
    CHECK_FALSE(f.accepts(wire::Piece{0, 0, kBytes}));  // and not a second time
}

TEST_CASE("a block whose request was withdrawn is late, once, and not punished", "[peer_session]") {
    SessionBench f;
    REQUIRE(f.accepts(wire::Unchoke{}));
    f.session.request(block(0, 0), kStart);
    f.session.request(block(0, 16384), kStart);
    SECTION("by cancel") {
        f.session.cancel(block(0, 0));
        const auto event = f.receive(wire::Piece{0, 0, kBytes});
        REQUIRE(event.has_value());
        CHECK(std::get<swarm::BlockArrived>(*event).late);
        CHECK_FALSE(f.accepts(wire::Piece{0, 0, kBytes}));
    }
    SECTION("by the peer's choke") {
        const auto choked = f.receive(wire::Choke{});
        REQUIRE(choked.has_value());
        CHECK(std::get<swarm::PeerChokedUs>(*choked).lost.size() == 2);
        CHECK(std::get<swarm::BlockArrived>(f.receive(wire::Piece{0, 16384, kBytes}).value()).late);
        f.session.check_invariants();
    }
    SECTION("by time") {
        const TimePoint later = kStart + seconds(26);
        CHECK(f.session.take_expired_requests(kStart + seconds(20)).empty());
        CHECK(f.session.take_expired_requests(later).size() == 2);
        CHECK(std::get<swarm::BlockArrived>(f.receive(wire::Piece{0, 0, kBytes}, later).value()).late);
    }
}

TEST_CASE("a request that crosses the peer's choke and unchoke may be answered, and its repetition as well",
          "[peer_session]") {
    SessionBench f;
    REQUIRE(f.accepts(wire::Unchoke{}));
    const int crossings = GENERATE(1, 2);
    f.session.request(block(0, 0), kStart);
    for (int i = 0; i < crossings; ++i) {
        REQUIRE(f.accepts(wire::Choke{}));  // said before the request was there
        REQUIRE(f.accepts(wire::Unchoke{}));
        f.session.request(block(0, 0), kStart);
    }
    CHECK_FALSE(std::get<swarm::BlockArrived>(f.receive(wire::Piece{0, 0, kBytes}).value()).late);
    for (int i = 0; i < crossings; ++i) {
        CHECK(std::get<swarm::BlockArrived>(f.receive(wire::Piece{0, 0, kBytes}).value()).late);
    }
    CHECK_FALSE(f.accepts(wire::Piece{0, 0, kBytes}));
}

TEST_CASE("withdrawn requests are remembered for longer than a whole queue of newer ones", "[peer_session]") {
    const meta::PieceLayout layout(std::uint64_t{10'000} * kBlockSize, kBlockSize);
    meta::Bitfield own(10'000);
    PeerSession session(ConnectionId(1), layout, false, {}, kStart);
    REQUIRE(session.on_message(wire::Unchoke{}, own, kStart));
    const auto withdraw = [&](std::uint32_t first, std::uint32_t count) {
        for (std::uint32_t i = first; i < first + count; ++i) {
            session.request(block(i, 0), kStart);
            session.cancel(block(i, 0));
        }
    };
    const std::uint32_t generation = 4 * swarm::kMaxQueuedRequests;
    withdraw(0, 1);
    withdraw(1, 2 * generation - 1);  // two generations are full
    CHECK(session.on_message(wire::Piece{0, 0, kBytes}, own, kStart));
    withdraw(2 * generation, 1);  // the first of a third: the oldest one is forgotten
    CHECK_FALSE(session.on_message(wire::Piece{1, 0, kBytes}, own, kStart));
    CHECK(session.on_message(wire::Piece{generation, 0, kBytes}, own, kStart));
}

TEST_CASE("messages of the fast extension are refused without it", "[peer_session]") {
    CHECK(SessionBench().refusal(wire::HaveAll{}).find("fast") != std::string::npos);
    CHECK_FALSE(SessionBench().accepts(wire::HaveNone{}));
    CHECK_FALSE(SessionBench().accepts(wire::SuggestPiece{0}));
    CHECK_FALSE(SessionBench().accepts(wire::RejectRequest{0, 0, kBlockSize}));
    CHECK_FALSE(SessionBench().accepts(wire::AllowedFast{0}));
}

TEST_CASE("extended messages are for peers that negotiated them", "[peer_session]") {
    const ByteBuffer payload = to_buffer(as_bytes("d1:md6:ut_pexi1ee4:reqqi3e1:v4:teste"));
    SessionBench with;
    const auto event = with.receive(wire::Extended{0, payload});
    REQUIRE(event.has_value());
    CHECK(std::holds_alternative<swarm::PeerExtensionsKnown>(*event));
    CHECK(with.session.extensions()->client_version == "test");
    REQUIRE(with.accepts(wire::Unchoke{}));
    CHECK(with.session.pipeline().room(kStart) <= 3);  // its reqq binds us
    SessionBench without;
    PeerSession plain(ConnectionId(2), kLayout, false, {}, kStart);
    CHECK_FALSE(plain.on_message(wire::Extended{0, payload}, without.own, kStart).has_value());
}

TEST_CASE("commands say each change once", "[peer_session]") {
    SessionBench f;
    f.session.set_interested(true);
    f.session.set_interested(true);
    f.session.unchoke(kStart);
    f.session.unchoke(kStart);
    f.session.choke();
    f.session.choke();
    f.session.set_interested(false);
    const char expected[] =
        "\0\0\0\1\2"
        "\0\0\0\1\1"
        "\0\0\0\1\0"
        "\0\0\0\1\3";
    CHECK(f.sent() == std::string(expected, sizeof expected - 1));
}

TEST_CASE("a block is answered by its header and its file ranges", "[peer_session]") {
    SessionBench f;
    f.own.set_all();
    f.session.unchoke(kStart);
    REQUIRE(f.accepts(wire::Request{1, 16384, kBlockSize}));
    f.sent();
    f.session.send_front_block({{StorageId(0), FileIndex(0), 81920, 6384}, {StorageId(0), FileIndex(1), 0, 10000}},
                               kStart);
    REQUIRE(f.session.output().segment_count() == 3);
    CHECK(f.session.output().size() == 13 + kBlockSize);
    const auto header = std::get<ByteView>(f.session.output().segment(0));
    const Byte expected[] = {0, 0, 0x40, 9, 7, 0, 0, 0, 1, 0, 0, 0x40, 0};
    CHECK(equal_bytes(header, expected));
    CHECK(std::get<FileRange>(f.session.output().segment(2)).file == FileIndex(1));
    CHECK(f.session.uploaded_bytes() == kBlockSize);
}
