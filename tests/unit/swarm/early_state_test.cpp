#include "common/swarm/early_state.h"

#include <string>
#include <vector>

#include "common/meta/metainfo.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::swarm;

namespace {

std::vector<std::string> replayed(const EarlyState& state) {
    std::vector<std::string> words;
    const Status status = state.replay([&](const wire::Message& message) -> Status {
        std::string word(wire::message_name(message));
        if (const auto* has = std::get_if<wire::Have>(&message)) word += " " + std::to_string(has->piece);
        words.push_back(word);
        return {};
    });
    REQUIRE(status);
    return words;
}

}  // namespace

TEST_CASE("what a peer told before the layout was known is told again in an order it could have had") {
    EarlyState state;
    const ByteBuffer bits{0x80};
    const std::string hello = "d1:mdee";
    REQUIRE(state.on_message(wire::Unchoke{}));
    REQUIRE(state.on_message(wire::Interested{}));
    REQUIRE(state.on_message(wire::Extended{0, as_bytes(hello)}));
    REQUIRE(state.on_message(wire::Have{9}));
    REQUIRE(state.on_message(wire::Bitfield{bits}));
    REQUIRE(state.on_message(wire::Have{3}));
    CHECK(replayed(state) ==
          std::vector<std::string>{"bitfield", "extended", "have 3", "have 9", "interested", "unchoke"});
}

TEST_CASE("only the state counts: what a peer took back is not told") {
    EarlyState state;
    REQUIRE(state.on_message(wire::Unchoke{}));
    REQUIRE(state.on_message(wire::Choke{}));
    REQUIRE(state.on_message(wire::Interested{}));
    REQUIRE(state.on_message(wire::NotInterested{}));
    REQUIRE(state.on_message(wire::KeepAlive{}));
    REQUIRE(state.on_message(wire::Request{0, 0, 16384}));
    CHECK(replayed(state).empty());
    REQUIRE(state.on_message(wire::HaveAll{}));
    CHECK(replayed(state) == std::vector<std::string>{"have_all"});
}

TEST_CASE("replaying ends at the first message that is refused") {
    EarlyState state;
    REQUIRE(state.on_message(wire::Have{1}));
    REQUIRE(state.on_message(wire::Have{2}));
    int told = 0;
    const Status status = state.replay([&](const wire::Message&) -> Status {
        ++told;
        return fail(remote_error(ErrorCode::ProtocolViolation, "no such piece"));
    });
    CHECK_FALSE(status);
    CHECK(told == 1);
}

TEST_CASE("a have or bitfield fits the largest torrent, and not a piece more") {
    EarlyState state;
    CHECK(state.on_message(wire::Have{meta::kMaxPieceCount - 1}));
    CHECK_FALSE(state.on_message(wire::Have{meta::kMaxPieceCount}));
    const ByteBuffer most(meta::kMaxPieceCount / 8);
    const ByteBuffer more(meta::kMaxPieceCount / 8 + 1);
    CHECK(state.on_message(wire::Bitfield{most}));
    CHECK_FALSE(state.on_message(wire::Bitfield{more}));
    const ByteBuffer hello(kMaxKeptExtension);
    const ByteBuffer long_hello(kMaxKeptExtension + 1);
    CHECK(state.on_message(wire::Extended{0, hello}));
    const Status too_long = state.on_message(wire::Extended{0, long_hello});
    REQUIRE_FALSE(too_long);
    CHECK(too_long.error().code == ErrorCode::LimitReached);
}

TEST_CASE("bad input: a block before anything could be asked for is a breach") {
    EarlyState state;
    const ByteBuffer block(16384);
    CHECK_FALSE(state.on_message(wire::Piece{0, 0, block}));
}
