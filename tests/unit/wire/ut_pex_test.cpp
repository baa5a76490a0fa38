#include "common/wire/ut_pex.h"

#include "common/wire/lt_donthave.h"
#include "tests/support/catch.h"

using namespace bt;
using wire::PexMessage;

namespace {

Endpoint ep(const char* text) { return Endpoint::parse(text).value(); }

std::string refusal(const std::string& payload) {
    const auto message = PexMessage::parse(as_bytes(payload));
    REQUIRE_FALSE(message.has_value());
    CHECK(message.error().code == ErrorCode::ProtocolViolation);
    CHECK(message.error().fault == Fault::Remote);
    return message.error().detail;
}

std::string list_of(const char* key, std::size_t bytes) {
    return std::to_string(std::string_view(key).size()) + ":" + key + std::to_string(bytes) + ":" +
           std::string(bytes, '\1');
}

}  // namespace

TEST_CASE("a peer exchange message comes back as it was, both families and flags", "[ut_pex]") {
    PexMessage message;
    message.added = {{ep("10.0.0.1:6881"), wire::kPexReachable},
                     {ep("10.0.0.2:1"), wire::kPexUploadOnly},
                     {ep("[2001:db8::1]:6881"), wire::kPexPrefersEncryption}};
    message.dropped = {ep("10.0.0.3:9"), ep("[2001:db8::2]:7")};
    const auto back = PexMessage::parse(message.encode());
    REQUIRE(back.has_value());
    CHECK(*back == message);
}

TEST_CASE("an empty peer exchange message has its IPv4 lists and nothing else", "[ut_pex]") {
    CHECK(to_string(PexMessage{}.encode()) == "d5:added0:7:added.f0:7:dropped0:e");
    CHECK(PexMessage::parse(as_bytes("de")).value().is_empty());
}

TEST_CASE("peers without flags have none, flags without peers are nothing", "[ut_pex]") {
    const auto short_flags = PexMessage::parse(as_bytes("d" + list_of("added", 12) + list_of("added.f", 1) + "e"));
    REQUIRE(short_flags.has_value());
    REQUIRE(short_flags->added.size() == 2);
    CHECK(short_flags->added[0].flags == 1);
    CHECK(short_flags->added[1].flags == 0);
    CHECK(PexMessage::parse(as_bytes("d" + list_of("added.f", 5) + "e")).value().is_empty());
    CHECK(PexMessage::parse(as_bytes("d5:addedi3e7:droppedlee")).value().is_empty());
}

TEST_CASE("bad input: of more than a hundred added and a hundred dropped peers the rest is passed over", "[ut_pex]") {
    const auto at_most = [](std::size_t v4, std::size_t v6) {
        const std::string text = "d" + list_of("added", v4 * 6) + list_of("added6", v6 * 18) +
                                 list_of("dropped", v4 * 6) + list_of("dropped6", v6 * 18) + "e";
        const auto message = PexMessage::parse(as_bytes(text));
        REQUIRE(message.has_value());
        CHECK(message->added.size() == message->dropped.size());
        return message->added.size();
    };
    CHECK(at_most(100, 0) == 100);
    CHECK(at_most(101, 0) == 100);
    CHECK(at_most(60, 40) == 100);
    CHECK(at_most(60, 41) == 100);
    CHECK(at_most(0, 99) == 99);
}

TEST_CASE("bad input: peer exchange that is no dictionary, or has half a peer in it, is refused", "[ut_pex]") {
    CHECK(refusal("") != "");
    CHECK(refusal("le") == "ut_pex: no dictionary");
    CHECK(refusal("d5:added6:123456") != "");
    for (const char* key : {"added", "dropped"}) CHECK(refusal("d" + list_of(key, 7) + "e") != "");
    for (const char* key : {"added6", "dropped6"}) CHECK(refusal("d" + list_of(key, 19) + "e") != "");
}

TEST_CASE("bad input: a peer exchange message over its largest size is refused unread", "[ut_pex]") {
    const auto of_size = [](std::size_t size) {
        std::string text = "d1:x" + std::to_string(size) + ":";
        text.resize(text.size() + size - (text.size() + 1), 'x');
        return text;
    };
    std::string padded = "de";
    padded.resize(wire::kMaxPexMessage, ' ');
    CHECK(PexMessage::parse(as_bytes(padded)).has_value());
    padded.push_back(' ');
    CHECK(refusal(padded) == "ut_pex: message of 65537 bytes");
    CHECK_FALSE(PexMessage::parse(as_bytes(of_size(100))).has_value());
}

TEST_CASE("lt_donthave is one piece in four bytes", "[lt_donthave]") {
    CHECK(wire::parse_donthave(wire::encode_donthave(0x01020304)).value() == 0x01020304);
}

TEST_CASE("bad input: lt_donthave of any other length is refused", "[lt_donthave]") {
    for (const std::size_t size : {0u, 3u, 5u, 1000u}) {
        const auto piece = wire::parse_donthave(ByteBuffer(size, 0));
        REQUIRE_FALSE(piece.has_value());
        CHECK(piece.error().code == ErrorCode::ProtocolViolation);
    }
}
