#include "common/wire/extension.h"

#include "tests/support/catch.h"

namespace bt::wire {
namespace {

Result<ExtensionHandshake> parse(std::string_view text) { return ExtensionHandshake::parse(as_bytes(text)); }

}  // namespace

TEST_CASE("an extension handshake survives the way through bencode") {
    ExtensionHandshake handshake;
    handshake.ids = {{"ut_metadata", 3}, {"ut_pex", 1}, {"off", 0}};
    handshake.client_version = "Swarmlab 0.1";
    handshake.listen_port = 65535;
    handshake.request_queue = 500;
    handshake.metadata_size = 123'456;
    handshake.your_ip = Address::parse("127.0.0.9");
    handshake.upload_only = true;
    const auto parsed = ExtensionHandshake::parse(handshake.encode());
    REQUIRE(parsed.has_value());
    CHECK(parsed->ids == handshake.ids);
    CHECK(parsed->client_version == handshake.client_version);
    CHECK(parsed->listen_port == handshake.listen_port);
    CHECK(parsed->request_queue == handshake.request_queue);
    CHECK(parsed->metadata_size == handshake.metadata_size);
    CHECK(parsed->your_ip == handshake.your_ip);
    CHECK(parsed->upload_only == true);

    handshake.your_ip = Address::parse("2001:db8::1");
    CHECK(ExtensionHandshake::parse(handshake.encode())->your_ip == handshake.your_ip);
}

TEST_CASE("the smallest extension handshake is an empty m") {
    CHECK(to_string(ExtensionHandshake{}.encode()) == "d1:mdee");
    const auto parsed = parse("de");
    REQUIRE(parsed.has_value());
    CHECK(parsed->ids.empty());
    CHECK_FALSE(parsed->listen_port.has_value());
    CHECK_FALSE(parsed->upload_only.has_value());
}

TEST_CASE("keys of an odd type, out of range or unknown are ignored") {
    const auto parsed = parse(
        "d1:ei0e1:md1:ai1e1:bi-1e1:ci256e1:d3:foo1:ei255ee13:metadata_sizei-5e1:pi65536e4:reqql1:xe1:vi7e6:yourip3:"
        "abce");
    REQUIRE(parsed.has_value());
    CHECK(parsed->ids == std::map<std::string, std::uint8_t>{{"a", 1}, {"e", 255}});
    CHECK_FALSE(parsed->metadata_size.has_value());
    CHECK_FALSE(parsed->listen_port.has_value());
    CHECK_FALSE(parsed->request_queue.has_value());
    CHECK(parsed->client_version.empty());
    CHECK_FALSE(parsed->your_ip.has_value());
    CHECK(parse("d1:mi5ee")->ids.empty());
    CHECK(parse("d1:mle1:pi1ee")->listen_port == 1);
}

TEST_CASE("a port or a metadata size of 0 counts as absent") {
    const auto parsed = parse("d13:metadata_sizei0e1:pi0ee");
    REQUIRE(parsed.has_value());
    CHECK_FALSE(parsed->metadata_size.has_value());
    CHECK_FALSE(parsed->listen_port.has_value());
}

TEST_CASE("unsorted keys are taken") {
    const auto parsed = parse("d1:v1:x1:md6:ut_pexi1e11:ut_metadatai2eee");
    REQUIRE(parsed.has_value());
    CHECK(parsed->ids.size() == 2);
    CHECK(parsed->client_version == "x");
}

TEST_CASE("what is no dictionary is refused as the peer's breach") {
    for (const std::string_view text : {"", "le", "i5e", "4:spam", "d", "d1:m", "garbage", "d1:mi", "d1:md99999999:"}) {
        const auto parsed = parse(text);
        REQUIRE_FALSE(parsed.has_value());
        CHECK(parsed.error().code == ErrorCode::ProtocolViolation);
        CHECK(parsed.error().fault == Fault::Remote);
        CHECK(parsed.error().offset.has_value());
    }
}

TEST_CASE("at most 100 extensions are kept, with names of at most 100 bytes") {
    for (const int count : {100, 101}) {
        std::string text = "d1:md";
        for (int i = 1000; i < 1000 + count; ++i) text += "4:" + std::to_string(i) + "i1e";
        CHECK(parse(text + "ee")->ids.size() == 100);
    }
    for (const std::size_t size : {100u, 101u}) {
        const auto parsed = parse("d1:md" + std::to_string(size) + ":" + std::string(size, 'x') + "i1eee");
        REQUIRE(parsed.has_value());
        CHECK(parsed->ids.size() == (size == 100 ? 1 : 0));
    }
}

TEST_CASE("a client version is kept up to 100 bytes") {
    CHECK(parse("d1:v100:" + std::string(100, 'x') + "e")->client_version.size() == 100);
    CHECK(parse("d1:v101:" + std::string(101, 'x') + "e")->client_version.size() == 100);
}

}  // namespace bt::wire
