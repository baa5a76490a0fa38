// BEP 6: the sets, and what a session makes of the messages.

#include "common/swarm/fast_extension.h"

#include "common/swarm/peer_session.h"
#include "common/wire/message_codec.h"
#include "tests/support/catch.h"
#include "tests/support/times.h"

using namespace bt;
using swarm::PeerSession;

namespace {

using bt::test_time::kStart;

// 200 pieces of 32 KiB: 2 blocks each.
const meta::PieceLayout kFastLayout(200 * 32768, 32768);

BlockRequest block_of(std::uint32_t piece, std::uint32_t begin = 0, std::uint32_t length = kBlockSize) {
    return {PieceIndex(piece), begin, length};
}

struct FastBench {
    explicit FastBench(bool fast = true) {
        if (fast) session.enable_fast();
        own.set_all();
    }
    meta::Bitfield own{200};
    PeerSession session{ConnectionId(1), kFastLayout, true, {}, kStart};

    Result<swarm::SessionEvent> receive(const wire::Message& message, TimePoint now = kStart) {
        return session.on_message(message, own, now);
    }
    template <class Event>
    bool brings(const wire::Message& message, TimePoint now = kStart) {
        const auto event = receive(message, now);
        REQUIRE(event.has_value());
        session.check_invariants();
        return std::holds_alternative<Event>(*event);
    }
    bool says_nothing(const wire::Message& message) { return brings<std::monostate>(message); }
    bool refuses(const wire::Message& message) {
        const auto event = receive(message);
        return !event && event.error().code == ErrorCode::ProtocolViolation && event.error().fault == Fault::Remote;
    }
    // Names of what was sent since the last call.
    std::string sent() {
        ByteBuffer bytes;
        while (!session.output().empty()) {
            const auto segment = session.output().segment(0);
            if (const auto* owned = std::get_if<ByteView>(&segment)) {
                append(bytes, *owned);
                session.output().mark_sent(owned->size());
            } else {
                const auto length = std::get<FileRange>(segment).length;
                bytes.resize(bytes.size() + length);
                session.output().mark_sent(length);
            }
        }
        wire::MessageCodec codec;
        codec.begin(bytes);
        std::string names;
        for (auto message = codec.next(); message && *message; message = codec.next()) {
            if (!names.empty()) names += ' ';
            names += wire::message_name(**message);
            if (const auto* reject = std::get_if<wire::RejectRequest>(&**message)) {
                names += ":" + std::to_string(reject->piece);
            }
        }
        return names;
    }
};

std::vector<PieceIndex> indices(std::initializer_list<std::uint32_t> numbers) {
    std::vector<PieceIndex> all;
    for (const std::uint32_t number : numbers) all.emplace_back(number);
    return all;
}

}  // namespace

TEST_CASE("the allowed fast set is the one of BEP 6's example", "[fast]") {
    InfoHash info_hash;
    info_hash.fill(0xaa);
    const Address peer = Address::parse("80.4.4.200").value();
    const auto seven = swarm::allowed_fast_set(info_hash, peer, 1313, 7);
    CHECK(seven == indices({1059, 431, 808, 1217, 287, 376, 1188}));
    const auto nine = swarm::allowed_fast_set(info_hash, peer, 1313, 9);
    CHECK(nine == indices({1059, 431, 808, 1217, 287, 376, 1188, 353, 508}));
    CHECK(swarm::allowed_fast_set(info_hash, Address::parse("80.4.4.1").value(), 1313, 9) == nine);
    CHECK(swarm::allowed_fast_set(info_hash, Address::parse("80.4.5.200").value(), 1313, 9) != nine);
}

TEST_CASE("the allowed fast set of a small torrent is at most all of it, and IPv6 has none", "[fast]") {
    const Address peer = Address::parse("80.4.4.200").value();
    CHECK(swarm::allowed_fast_set({}, peer, 3, 10).size() == 3);
    CHECK(swarm::allowed_fast_set({}, peer, 0, 10).empty());
    CHECK(swarm::allowed_fast_set({}, peer, 100, 0).empty());
    CHECK(swarm::allowed_fast_set({}, Address::parse("2001:db8::1").value(), 100, 10).empty());
}

TEST_CASE("with fast, everything and nothing have messages of their own", "[fast]") {
    FastBench all;
    all.session.send_bitfield(all.own);
    CHECK(all.sent() == "have_all");
    FastBench none;
    none.session.send_bitfield(meta::Bitfield(200));
    CHECK(none.sent() == "have_none");
    FastBench some;
    some.own.clear(PieceIndex(3));
    some.session.send_bitfield(some.own);
    CHECK(some.sent() == "bitfield");
    FastBench old(false);
    old.session.send_bitfield(meta::Bitfield(200));
    CHECK(old.sent() == "");
}

TEST_CASE("have_all is every piece, have_none is none", "[fast]") {
    FastBench f;
    CHECK(f.brings<swarm::PeerHasPieces>(wire::HaveAll{}));
    CHECK(f.session.pieces().is_complete());
    FastBench g;
    CHECK(g.says_nothing(wire::HaveNone{}));
    CHECK(g.session.pieces().is_empty());
    CHECK(g.brings<swarm::PeerHasPiece>(wire::Have{3}));
}

TEST_CASE("bad input: have_all or have_none twice, or behind another word about pieces, is a breach", "[fast]") {
    const ByteBuffer bits(25, 0);
    const std::vector<wire::Message> words = {wire::HaveAll{}, wire::HaveNone{}, wire::Bitfield{bits}, wire::Have{1}};
    for (const wire::Message& first : words) {
        for (const wire::Message& second : {wire::Message(wire::HaveAll{}), wire::Message(wire::HaveNone{})}) {
            CAPTURE(wire::message_name(first), wire::message_name(second));
            FastBench f;
            REQUIRE(f.receive(first).has_value());
            CHECK(f.refuses(second));
        }
    }
    FastBench f;
    REQUIRE(f.receive(wire::HaveAll{}).has_value());
    CHECK(f.refuses(wire::Bitfield{bits}));
}

TEST_CASE("bad input: messages of fast without fast are a breach", "[fast]") {
    const std::vector<wire::Message> messages = {wire::HaveAll{}, wire::HaveNone{}, wire::SuggestPiece{1},
                                                 wire::AllowedFast{1}, wire::RejectRequest{1, 0, kBlockSize}};
    for (const wire::Message& message : messages) {
        CAPTURE(wire::message_name(message));
        FastBench f(false);
        CHECK(f.refuses(message));
    }
}

TEST_CASE("who suggests is followed for ten seconds, and only when it suggests what it has", "[fast]") {
    swarm::FastExtension fast;
    meta::Bitfield pieces(8);
    pieces.set(PieceIndex(3));
    const TimePoint now{seconds(100)};
    fast.on_suggested(PieceIndex(4), pieces, now);
    CHECK_FALSE(fast.is_guided(now));
    fast.on_suggested(PieceIndex(3), pieces, now);
    CHECK(fast.is_guided(now + swarm::kGuidedAfterSuggestion - milliseconds(1)));
    CHECK_FALSE(fast.is_guided(now + swarm::kGuidedAfterSuggestion));
}

TEST_CASE("bad input: suggest and allowed_fast out of range are a breach", "[fast]") {
    CHECK(FastBench().refuses(wire::SuggestPiece{200}));
    CHECK(FastBench().refuses(wire::AllowedFast{200}));
    CHECK(FastBench().refuses(wire::AllowedFast{0xffffffff}));
    CHECK(FastBench().says_nothing(wire::SuggestPiece{199}));
    CHECK(FastBench().brings<swarm::PeerAllowedUs>(wire::AllowedFast{199}));
}

TEST_CASE("a reject gives the block back, and the peer a pause", "[fast]") {
    FastBench f;
    REQUIRE(f.receive(wire::HaveAll{}).has_value());
    REQUIRE(f.receive(wire::Unchoke{}).has_value());
    f.session.request(block_of(7), kStart);
    CHECK(f.session.requestable(kStart) != nullptr);
    CHECK(f.brings<swarm::PeerRejected>(wire::RejectRequest{7, 0, kBlockSize}));
    CHECK(f.session.pipeline().outstanding() == 0);
    CHECK(f.session.requestable(kStart + swarm::kPauseAfterReject - Duration(1)) == nullptr);
    CHECK(f.session.requestable(kStart + swarm::kPauseAfterReject) != nullptr);
}

TEST_CASE("bad input: rejects of what was never asked for are passed over up to a hundred", "[fast]") {
    FastBench f;
    for (std::uint32_t i = 0; i < swarm::kMaxStrayRejects; ++i) {
        CHECK(f.says_nothing(wire::RejectRequest{i, 0, kBlockSize}));
    }
    CHECK(f.refuses(wire::RejectRequest{7, 0, kBlockSize}));
}

TEST_CASE("bad input: a reject out of range is a breach", "[fast]") {
    CHECK(FastBench().refuses(wire::RejectRequest{200, 0, kBlockSize}));
    CHECK(FastBench().refuses(wire::RejectRequest{0, 32768, kBlockSize}));
    CHECK(FastBench().refuses(wire::RejectRequest{0, 0, 0}));
}

TEST_CASE("the reject that answers our cancel is no stray one", "[fast]") {
    FastBench f;
    REQUIRE(f.receive(wire::HaveAll{}).has_value());
    REQUIRE(f.receive(wire::Unchoke{}).has_value());
    for (std::uint32_t i = 0; i < 3 * swarm::kMaxStrayRejects; ++i) {
        const BlockRequest asked = block_of(i % 200);
        f.session.request(asked, kStart);
        f.session.cancel(asked);
        CHECK(f.says_nothing(wire::RejectRequest{asked.piece.value(), 0, kBlockSize}));
    }
}

TEST_CASE("bad input: a peer that unchokes us and rejects a thousand requests in a row has broken the rules",
          "[fast]") {
    FastBench f;
    REQUIRE(f.receive(wire::HaveAll{}).has_value());
    REQUIRE(f.receive(wire::Unchoke{}).has_value());
    const ByteBuffer bytes(kBlockSize, 1);
    for (std::uint32_t i = 1; i < swarm::kMaxRejectsInRow; ++i) {
        f.session.request(block_of(i % 200), kStart);
        CHECK(f.brings<swarm::PeerRejected>(wire::RejectRequest{i % 200, 0, kBlockSize}));
    }
    f.session.request(block_of(0), kStart);
    CHECK(f.brings<swarm::BlockArrived>(wire::Piece{0, 0, bytes}));  // starts the count anew
    for (std::uint32_t i = 1; i < swarm::kMaxRejectsInRow; ++i) {
        f.session.request(block_of(i % 200), kStart);
        CHECK(f.brings<swarm::PeerRejected>(wire::RejectRequest{i % 200, 0, kBlockSize}));
    }
    f.session.request(block_of(0), kStart);
    CHECK(f.refuses(wire::RejectRequest{0, 0, kBlockSize}));
}

TEST_CASE("with fast, a choke leaves our requests standing until each is answered or rejected", "[fast]") {
    FastBench f;
    REQUIRE(f.receive(wire::HaveAll{}).has_value());
    REQUIRE(f.receive(wire::Unchoke{}).has_value());
    f.session.request(block_of(7), kStart);
    f.session.request(block_of(8), kStart);
    const auto choked = f.receive(wire::Choke{});
    REQUIRE(choked.has_value());
    CHECK(std::get<swarm::PeerChokedUs>(*choked).lost.empty());
    CHECK(f.session.pipeline().outstanding() == 2);
    CHECK(f.session.requestable(kStart) == nullptr);
    const ByteBuffer bytes(kBlockSize, 1);
    CHECK(f.brings<swarm::BlockArrived>(wire::Piece{7, 0, bytes}));
    CHECK(f.brings<swarm::PeerRejected>(wire::RejectRequest{8, 0, kBlockSize}));
}

TEST_CASE("a peer that chokes us may be asked for what it allows and has", "[fast]") {
    FastBench f;
    REQUIRE(f.receive(wire::HaveNone{}).has_value());
    CHECK(f.brings<swarm::PeerAllowedUs>(wire::AllowedFast{5}));
    CHECK(f.session.requestable(kStart) == nullptr);
    REQUIRE(f.receive(wire::Have{5}).has_value());
    REQUIRE(f.receive(wire::Have{6}).has_value());
    REQUIRE(f.session.requestable(kStart) != nullptr);
    CHECK(f.session.requestable(kStart)->count() == 1);
    f.session.request(block_of(5), kStart);
    // It rejects it all the same: not asked again while it chokes us, at once or ever.
    CHECK(f.brings<swarm::PeerRejected>(wire::RejectRequest{5, 0, kBlockSize}));
    CHECK(f.session.requestable(kStart) == nullptr);
    CHECK(f.brings<swarm::PeerAllowedUs>(wire::AllowedFast{5}));
    CHECK(f.session.requestable(kStart + minutes(1)) == nullptr);
}

TEST_CASE("what was allowed before the pieces were known counts as soon as they are", "[fast]") {
    FastBench f;
    REQUIRE(f.receive(wire::AllowedFast{5}).has_value());
    REQUIRE(f.receive(wire::HaveAll{}).has_value());
    REQUIRE(f.session.requestable(kStart) != nullptr);
    CHECK(f.session.requestable(kStart)->has(PieceIndex(5)));
}

TEST_CASE("bad input: of allowed pieces beyond a hundred nothing is kept", "[fast]") {
    FastBench f;
    REQUIRE(f.receive(wire::HaveAll{}).has_value());
    for (std::uint32_t i = 0; i < 200; ++i) REQUIRE(f.receive(wire::AllowedFast{i}).has_value());
    CHECK(f.session.requestable(kStart)->count() == swarm::kMaxAllowedFast);
}

TEST_CASE("the last sixteen suggestions are kept, of pieces that it has", "[fast]") {
    FastBench f;
    CHECK(f.says_nothing(wire::SuggestPiece{1}));
    CHECK(f.session.fast().suggested() == nullptr);
    REQUIRE(f.receive(wire::HaveAll{}).has_value());
    for (std::uint32_t i = 0; i < 17; ++i) CHECK(f.says_nothing(wire::SuggestPiece{i}));
    CHECK(f.session.fast().suggested()->count() == swarm::kMaxSuggestions);
    CHECK_FALSE(f.session.fast().suggested()->has(PieceIndex(0)));
    CHECK(f.session.fast().suggested()->has(PieceIndex(16)));
}

TEST_CASE("requests of a choked peer are rejected, but for those of our offer", "[fast]") {
    FastBench f;
    f.session.offer_fast(indices({4, 9}));
    CHECK(f.sent() == "allowed_fast allowed_fast");
    CHECK(f.says_nothing(wire::Request{5, 0, kBlockSize}));
    CHECK(f.sent() == "reject_request:5");
    CHECK(f.brings<swarm::PeerRequested>(wire::Request{9, 0, kBlockSize}));
    CHECK(f.session.queued_requests().size() == 1);
    f.session.send_front_block({{StorageId(1), FileIndex(0), 0, kBlockSize}}, kStart);
    CHECK(f.sent() == "piece");
    FastBench old(false);
    old.session.offer_fast(indices({4}));
    CHECK(old.says_nothing(wire::Request{4, 0, kBlockSize}));
    CHECK(old.sent() == "");
}

TEST_CASE("bad input: a choked peer gets each block of our offer three times in all", "[fast]") {
    FastBench f;
    f.session.offer_fast(indices({4, 9}));
    for (int i = 0; i < 12; ++i) {  // 2 pieces of 2 blocks
        CHECK(f.brings<swarm::PeerRequested>(wire::Request{4, 0, kBlockSize}));
        f.session.send_front_block({}, kStart);
    }
    f.sent();
    CHECK(f.says_nothing(wire::Request{4, 0, kBlockSize}));
    CHECK(f.sent() == "reject_request:4");
    f.session.unchoke(kStart);
    CHECK(f.brings<swarm::PeerRequested>(wire::Request{4, 0, kBlockSize}));
}

TEST_CASE("choking rejects what is queued, but for our offer", "[fast]") {
    FastBench f;
    f.session.offer_fast(indices({9}));
    f.session.unchoke(kStart);
    f.sent();
    for (const std::uint32_t piece : {4u, 9u, 5u}) {
        CHECK(f.brings<swarm::PeerRequested>(wire::Request{piece, 0, kBlockSize}));
    }
    f.session.choke();
    f.session.check_invariants();
    CHECK(f.sent() == "choke reject_request:4 reject_request:5");
    CHECK(f.session.queued_requests().size() == 1);
}

TEST_CASE("requests beyond the queue, and of pieces that we lack, are rejected", "[fast]") {
    FastBench f;
    f.own.clear(PieceIndex(3));
    f.session.unchoke(kStart);
    f.sent();
    CHECK(f.says_nothing(wire::Request{3, 0, kBlockSize}));
    CHECK(f.sent() == "reject_request:3");
    for (std::uint32_t i = 0; i < swarm::kMaxQueuedRequests; ++i) {
        CHECK(f.brings<swarm::PeerRequested>(wire::Request{4, 0, kBlockSize}));
    }
    CHECK(f.says_nothing(wire::Request{5, 0, kBlockSize}));
    CHECK(f.sent() == "reject_request:5");
}

TEST_CASE("a cancel in time is answered with a reject, a late one with nothing", "[fast]") {
    FastBench f;
    f.session.unchoke(kStart);
    f.sent();
    CHECK(f.brings<swarm::PeerRequested>(wire::Request{4, 0, kBlockSize}));
    CHECK(f.brings<swarm::PeerCancelled>(wire::Cancel{4, 0, kBlockSize}));
    CHECK(f.sent() == "reject_request:4");
    CHECK(f.says_nothing(wire::Cancel{4, 0, kBlockSize}));
    CHECK(f.sent() == "");
}

TEST_CASE("a piece that a peer takes back is one it has not", "[fast][donthave]") {
    FastBench f;
    REQUIRE(f.receive(wire::HaveAll{}).has_value());
    REQUIRE(f.receive(wire::AllowedFast{5}).has_value());
    const ByteBuffer payload{0, 0, 0, 5};
    CHECK(f.brings<swarm::PeerLostPiece>(wire::Extended{wire::kLtDonthaveId, payload}));
    CHECK_FALSE(f.session.pieces().has(PieceIndex(5)));
    CHECK(f.session.requestable(kStart) == nullptr);
    CHECK(f.says_nothing(wire::Extended{wire::kLtDonthaveId, payload}));
    CHECK(f.brings<swarm::PeerHasPiece>(wire::Have{5}));
    CHECK(f.session.requestable(kStart) != nullptr);
}

TEST_CASE("bad input: lt_donthave out of range or of a wrong length is a breach", "[donthave]") {
    CHECK(FastBench().refuses(wire::Extended{wire::kLtDonthaveId, ByteBuffer{0, 0, 0, 200}}));
    CHECK(FastBench().says_nothing(wire::Extended{wire::kLtDonthaveId, ByteBuffer{0, 0, 0, 199}}));
    CHECK(FastBench().refuses(wire::Extended{wire::kLtDonthaveId, ByteBuffer{0, 0, 1}}));
}
