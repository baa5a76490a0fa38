#include "common/wire/handshake.h"

#include <numeric>

#include "tests/support/catch.h"

namespace bt::wire {
namespace {

Handshake sample() {
    Handshake handshake;
    std::iota(handshake.info_hash.begin(), handshake.info_hash.end(), Byte{100});
    std::iota(handshake.peer_id.begin(), handshake.peer_id.end(), Byte{1});
    handshake.set_extensions();
    handshake.set_fast();
    return handshake;
}

}  // namespace

TEST_CASE("a handshake has the layout of BEP 3") {
    const auto bytes = sample().encode();
    CHECK(bytes.size() == 68);
    CHECK(bytes[0] == 19);
    CHECK(as_text(ByteView(bytes).subspan(1, 19)) == "BitTorrent protocol");
    CHECK(bytes[25] == 0x10);
    CHECK(bytes[27] == 0x04);
    CHECK(bytes[28] == 100);
    CHECK(bytes[48] == 1);
}

TEST_CASE("the reserved bits are told apart") {
    Handshake handshake;
    CHECK_FALSE(handshake.has_extensions());
    CHECK_FALSE(handshake.has_fast());
    handshake.set_fast();
    CHECK_FALSE(handshake.has_extensions());
    CHECK(handshake.has_fast());
    handshake.set_extensions();
    CHECK(handshake.has_extensions());
}

TEST_CASE("a handshake is read whatever its two cuts, and the info_hash is known at 48 bytes") {
    const auto bytes = sample().encode();
    for (std::size_t first = 0; first <= bytes.size(); ++first) {
        for (std::size_t second = first; second <= bytes.size(); second += 7) {
            HandshakeReader reader;
            const ByteView all(bytes);
            REQUIRE(reader.receive(all.first(first)) == first);
            CHECK(reader.info_hash().has_value() == (first >= 48));
            CHECK(reader.handshake().has_value() == (first == 68));
            REQUIRE(reader.receive(all.subspan(first, second - first)) == second - first);
            REQUIRE(reader.receive(all.subspan(second)) == 68 - second);
            REQUIRE(reader.handshake().has_value());
            CHECK(reader.info_hash() == sample().info_hash);
            CHECK(reader.handshake()->info_hash == sample().info_hash);
            CHECK(reader.handshake()->peer_id == sample().peer_id);
            CHECK(reader.handshake()->reserved == sample().reserved);
        }
    }
}

TEST_CASE("bytes behind the handshake are left to the caller") {
    const auto bytes = sample().encode();
    ByteBuffer longer(bytes.begin(), bytes.end());
    longer.insert(longer.end(), 10, Byte{7});
    HandshakeReader reader;
    CHECK(reader.receive(longer) == 68);
    CHECK(reader.receive(longer) == 0);
    CHECK(reader.handshake().has_value());
}

TEST_CASE("a wrong byte of the protocol name is refused on arrival with its offset, in every cut") {
    for (std::size_t wrong = 0; wrong < 20; ++wrong) {
        for (std::size_t cut = 0; cut <= wrong; ++cut) {
            auto bytes = sample().encode();
            bytes[wrong] ^= 0x20;
            HandshakeReader reader;
            REQUIRE(reader.receive(ByteView(bytes).first(cut)) == cut);
            const auto result = reader.receive(ByteView(bytes).subspan(cut, wrong - cut + 1));
            REQUIRE_FALSE(result.has_value());
            CHECK(result.error().code == ErrorCode::HandshakeRefused);
            CHECK(result.error().fault == Fault::Remote);
            CHECK(result.error().offset == wrong);
            // Even the right bytes do not heal it.
            CHECK_FALSE(reader.receive(ByteView(sample().encode()).subspan(wrong)).has_value());
            CHECK_FALSE(reader.handshake().has_value());
        }
    }
}

TEST_CASE("every value of reserved bytes, info_hash and peer_id is taken") {
    Handshake handshake;
    handshake.reserved.fill(0xff);
    handshake.info_hash.fill(0xff);
    handshake.peer_id.fill(0);
    HandshakeReader reader;
    REQUIRE(reader.receive(handshake.encode()) == 68);
    CHECK(reader.handshake()->reserved == handshake.reserved);
}

}  // namespace bt::wire
