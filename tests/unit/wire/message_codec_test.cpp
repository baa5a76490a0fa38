#include "common/wire/message_codec.h"

#include <string>
#include <vector>

#include "common/base/byte_cursor.h"
#include "tests/support/catch.h"

namespace bt::wire {
namespace {

ByteBuffer filled(std::size_t size) {
    ByteBuffer bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<Byte>(i * 31 + 7);
    return bytes;
}

ByteBuffer encoded(const Message& message) {
    ByteBuffer out;
    encode(message, out);
    return out;
}

// Everything the codec answers for a stream that arrives cut at `cuts`: messages encoded again, the error if any.
struct Run {
    std::vector<ByteBuffer> messages;
    std::string error;
    std::optional<std::uint64_t> offset;

    friend bool operator==(const Run&, const Run&) = default;
};

Run run(ByteView stream, const std::vector<std::size_t>& cuts) {
    Run result;
    MessageCodec codec;
    std::size_t start = 0;
    for (std::size_t i = 0; i <= cuts.size(); ++i) {
        const std::size_t end = i < cuts.size() ? cuts[i] : stream.size();
        // An own allocation for each part, so that a sanitizer sees a view that outlives it.
        const ByteBuffer part = to_buffer(stream.subspan(start, end - start));
        start = end;
        codec.begin(part);
        for (;;) {
            auto message = codec.next();
            if (!message) {
                result.error = message.error().detail;
                result.offset = message.error().offset;
                break;
            }
            if (!message->has_value()) break;
            result.messages.push_back(encoded(**message));
        }
    }
    return result;
}

const ByteBuffer kBits = filled(37);
const ByteBuffer kBlock = filled(300);

std::vector<Message> one_of_each() {
    return {KeepAlive{},
            Choke{},
            Unchoke{},
            Interested{},
            NotInterested{},
            Have{0xfffffffe},
            Bitfield{kBits},
            Request{1, 2, 16384},
            Piece{3, 0x10000, kBlock},
            Cancel{4, 5, 6},
            Port{6881},
            SuggestPiece{7},
            HaveAll{},
            HaveNone{},
            RejectRequest{8, 9, 10},
            AllowedFast{11},
            Extended{0, kBits}};
}

// length, id and as many payload bytes as the length says
ByteBuffer raw(std::uint32_t length, Byte id) {
    ByteBuffer out;
    append_u32(out, length);
    out.push_back(id);
    out.resize(4 + length);
    return out;
}

bool accepts(ByteView stream) { return run(stream, {}).error.empty(); }

}  // namespace

TEST_CASE("the bytes of each message are those of its BEP") {
    const auto text = [](const Message& message) {
        std::string hex;
        for (const Byte b : encoded(message)) {
            constexpr char kDigits[] = "0123456789abcdef";
            hex += kDigits[b >> 4];
            hex += kDigits[b & 15];
        }
        return hex;
    };
    const ByteBuffer two = {0xca, 0xfe};
    CHECK(text(KeepAlive{}) == "00000000");
    CHECK(text(Choke{}) == "0000000100");
    CHECK(text(Unchoke{}) == "0000000101");
    CHECK(text(Interested{}) == "0000000102");
    CHECK(text(NotInterested{}) == "0000000103");
    CHECK(text(Have{1}) == "000000050400000001");
    CHECK(text(Bitfield{two}) == "0000000305cafe");
    CHECK(text(Request{1, 2, 3}) == "0000000d06000000010000000200000003");
    CHECK(text(Piece{1, 2, two}) == "0000000b070000000100000002cafe");
    CHECK(text(Cancel{1, 2, 3}) == "0000000d08000000010000000200000003");
    CHECK(text(Port{6881}) == "00000003091ae1");
    CHECK(text(SuggestPiece{1}) == "000000050d00000001");
    CHECK(text(HaveAll{}) == "000000010e");
    CHECK(text(HaveNone{}) == "000000010f");
    CHECK(text(RejectRequest{1, 2, 3}) == "0000000d10000000010000000200000003");
    CHECK(text(AllowedFast{1}) == "000000051100000001");
    CHECK(text(Extended{3, two}) == "000000041403cafe");
}

TEST_CASE("each message survives the way through the codec") {
    for (const Message& message : one_of_each()) {
        const ByteBuffer bytes = encoded(message);
        MessageCodec codec;
        codec.begin(bytes);
        const auto decoded = codec.next();
        REQUIRE(decoded.has_value());
        REQUIRE(decoded->has_value());
        CHECK(message_name(**decoded) == message_name(message));
        CHECK((*decoded)->index() == message.index());
        CHECK(encoded(**decoded) == bytes);
        CHECK(codec.position() == bytes.size());
        const auto end = codec.next();
        REQUIRE(end.has_value());
        CHECK_FALSE(end->has_value());
    }
}

TEST_CASE("the header in front of a block is that of the whole message") {
    ByteBuffer header;
    encode_piece_header(3, 0x10000, static_cast<std::uint32_t>(kBlock.size()), header);
    CHECK(header.size() == 13);
    append(header, kBlock);
    CHECK(header == encoded(Piece{3, 0x10000, kBlock}));
}

TEST_CASE("encode appends behind what is there") {
    ByteBuffer out = {1, 2, 3};
    encode(Have{9}, out);
    encode(Choke{}, out);
    CHECK(out == ByteBuffer{1, 2, 3, 0, 0, 0, 5, 4, 0, 0, 0, 9, 0, 0, 0, 1, 0});
}

TEST_CASE("a message that is whole in the input is decoded in place") {
    const ByteBuffer bytes = encoded(Piece{1, 2, kBlock});
    MessageCodec codec;
    codec.begin(bytes);
    const auto message = codec.next();
    REQUIRE((message && *message));
    const auto& piece = std::get<Piece>(**message);
    CHECK(piece.block.data() == bytes.data() + 13);
    CHECK(codec.buffered() == 0);
}

TEST_CASE("a stream of all messages is read the same whatever its one cut") {
    ByteBuffer stream;
    for (const Message& message : one_of_each()) encode(message, stream);
    const Run whole = run(stream, {});
    REQUIRE(whole.messages.size() == one_of_each().size());
    REQUIRE(whole.error.empty());
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        if (run(stream, {cut}) != whole) FAIL("differs when cut at " << cut);
    }
}

TEST_CASE("a stream of all messages is read the same in parts of every size") {
    ByteBuffer stream;
    for (const Message& message : one_of_each()) encode(message, stream);
    const Run whole = run(stream, {});
    for (std::size_t size = 1; size < 60; ++size) {
        std::vector<std::size_t> cuts;
        for (std::size_t at = size; at < stream.size(); at += size) cuts.push_back(at);
        if (run(stream, cuts) != whole) FAIL("differs in parts of " << size);
    }
}

TEST_CASE("two cuts within one message make no difference") {
    ByteBuffer stream;
    encode(Request{1, 2, 3}, stream);
    encode(KeepAlive{}, stream);
    encode(Extended{1, kBits}, stream);
    encode(Have{1}, stream);
    const Run whole = run(stream, {});
    REQUIRE(whole.messages.size() == 4);
    for (std::size_t first = 0; first <= stream.size(); ++first) {
        for (std::size_t second = first; second <= stream.size(); ++second) {
            if (run(stream, {first, second}) != whole) FAIL("differs when cut at " << first << " and " << second);
        }
    }
}

TEST_CASE("ids with an exact length refuse one byte less and one byte more") {
    struct Rule {
        Byte id;
        std::uint32_t length;
    };
    for (const Rule rule : {Rule{0, 1}, Rule{1, 1}, Rule{2, 1}, Rule{3, 1}, Rule{4, 5}, Rule{6, 13}, Rule{8, 13},
                            Rule{9, 3}, Rule{13, 5}, Rule{14, 1}, Rule{15, 1}, Rule{16, 13}, Rule{17, 5}}) {
        CHECK(accepts(raw(rule.length, rule.id)));
        CHECK_FALSE(accepts(raw(rule.length + 1, rule.id)));
        if (rule.length > 1) CHECK_FALSE(accepts(raw(rule.length - 1, rule.id)));
    }
}

TEST_CASE("a piece message carries 1 byte to 32 KiB") {
    CHECK_FALSE(accepts(raw(9, 7)));
    CHECK(accepts(raw(9 + 1, 7)));
    CHECK(accepts(raw(9 + 32 * 1024, 7)));
    CHECK_FALSE(accepts(raw(9 + 32 * 1024 + 1, 7)));
}

TEST_CASE("bitfield and extended go up to the largest message") {
    CHECK(accepts(raw(1, 5)));
    CHECK(accepts(raw(kMaxMessageLength, 5)));
    CHECK_FALSE(accepts(raw(kMaxMessageLength + 1, 5)));
    CHECK_FALSE(accepts(raw(1, 20)));
    CHECK(accepts(raw(2, 20)));
    CHECK(accepts(raw(kMaxMessageLength, 20)));
    CHECK_FALSE(accepts(raw(kMaxMessageLength + 1, 20)));
}

TEST_CASE("unknown ids are refused at the id") {
    for (const int id : {10, 11, 12, 18, 19, 21, 22, 23, 84, 255}) {
        const Run result = run(raw(1, static_cast<Byte>(id)), {});
        CHECK(result.messages.empty());
        CHECK(result.error == "unknown message id " + std::to_string(id));
        CHECK(result.offset == 4);
    }
}

TEST_CASE("4 GiB are refused on the fifth byte at the latest, without buffering") {
    for (std::size_t cut = 0; cut <= 5; ++cut) {
        const ByteBuffer bytes = {0xff, 0xff, 0xff, 0xff, 7};
        MessageCodec codec;
        codec.begin(ByteView(bytes).first(cut));
        auto result = codec.next();
        if (result) {
            CHECK_FALSE(result->has_value());
            codec.begin(ByteView(bytes).subspan(cut));
            result = codec.next();
        }
        REQUIRE_FALSE(result.has_value());
        CHECK(result.error().code == ErrorCode::ProtocolViolation);
        CHECK(result.error().fault == Fault::Remote);
        CHECK(result.error().offset == 0);
        CHECK(codec.buffered() == 0);
    }
}

TEST_CASE("length and id are judged before the payload arrives") {
    const ByteBuffer too_long_request = {0, 0, 0, 14, 6};
    const ByteBuffer long_piece = {0, 0, 0x80, 10, 7};  // 32 KiB + 1
    for (const ByteBuffer& bytes : {too_long_request, long_piece}) {
        MessageCodec codec;
        codec.begin(bytes);
        CHECK_FALSE(codec.next().has_value());
    }
}

TEST_CASE("the offset of an error counts all bytes since the handshake, whatever the cuts") {
    ByteBuffer stream;
    encode(Have{1}, stream);
    encode(Piece{0, 0, kBlock}, stream);
    const std::uint64_t bad_at = stream.size();
    append(stream, raw(7, 4));
    const Run whole = run(stream, {});
    CHECK(whole.messages.size() == 2);
    CHECK(whole.offset == bad_at);
    for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
        if (run(stream, {cut}) != whole) FAIL("differs when cut at " << cut);
    }
}

TEST_CASE("after an error the codec stays in error") {
    MessageCodec codec;
    const ByteBuffer bad = raw(1, 99);
    codec.begin(bad);
    CHECK_FALSE(codec.next().has_value());
    CHECK_FALSE(codec.next().has_value());
    const ByteBuffer good = encoded(Choke{});
    codec.begin(good);
    const auto again = codec.next();
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().detail == "unknown message id 99");
}

TEST_CASE("what is kept of a cut message is what has arrived, not what was announced") {
    MessageCodec codec;
    ByteBuffer start = raw(kMaxMessageLength, 5);
    start.resize(100);
    codec.begin(start);
    REQUIRE(codec.next().has_value());
    CHECK(codec.buffered() == 100);
    codec.begin(start);
    REQUIRE(codec.next().has_value());
    CHECK(codec.buffered() == 200);
}

TEST_CASE("names are those of the events") {
    CHECK(message_name(KeepAlive{}) == "keep_alive");
    CHECK(message_name(NotInterested{}) == "not_interested");
    CHECK(message_name(Piece{}) == "piece");
    CHECK(message_name(RejectRequest{}) == "reject_request");
    CHECK(message_name(Extended{}) == "extended");
}

}  // namespace bt::wire
