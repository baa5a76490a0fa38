#include "common/swarm/metadata_server.h"

#include "common/wire/message_codec.h"
#include "common/wire/ut_metadata.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::swarm;

namespace {

// A peer that speaks ut_metadata under id 7.
struct Asker {
    Asker() : session(ConnectionId(1), layout, true, {}, now) {
        wire::ExtensionHandshake hello;
        hello.ids.emplace("ut_metadata", std::uint8_t{7});
        const ByteBuffer payload = hello.encode();
        const meta::Bitfield nothing;
        REQUIRE(session.on_message(wire::Extended{0, payload}, nothing, now));
    }
    // The answer: its size for data, -1 for a reject, -2 for none.
    int ask(ByteView info, std::uint32_t block) {
        REQUIRE(answer_metadata_message(info, wire::encode(wire::MetadataRequest{block}), session, quota, now));
        ByteBuffer said;
        while (!session.output().empty()) {
            const auto bytes = std::get<ByteView>(session.output().segment(0));
            append(said, bytes);
            session.output().mark_sent(bytes.size());
        }
        if (said.empty()) return -2;
        wire::MessageCodec codec;
        codec.begin(said);
        const auto message = codec.next().value();
        const auto& extended = std::get<wire::Extended>(message.value());
        CHECK(extended.id == 7);
        const auto parsed = wire::parse_metadata_message(extended.payload).value();
        const auto* data = std::get_if<wire::MetadataData>(&parsed);
        return data != nullptr ? static_cast<int>(data->bytes.size()) : -1;
    }

    TimePoint now = TimePoint(seconds(5));
    meta::PieceLayout layout;
    PeerSession session;
    MetadataQuota quota;
};

}  // namespace

TEST_CASE("metadata that we have is served block by block, and what is not there is rejected") {
    Asker asker;
    const ByteBuffer info(20'000);
    CHECK(asker.ask(info, 0) == 16'384);
    CHECK(asker.ask(info, 1) == 3'616);
    CHECK(asker.ask(info, 2) == -1);
    CHECK(asker.ask(info, 0xffffffff) == -1);
    CHECK(asker.ask({}, 0) == -1);
}

TEST_CASE("a peer is served twice the metadata and 16 blocks a minute, and no more") {
    Asker asker;
    const ByteBuffer info(20'000);
    for (std::uint32_t i = 0; i < 2 * 2 + kSpareMetadataRequests; ++i) REQUIRE(asker.ask(info, i % 2) > 0);
    CHECK(asker.ask(info, 0) == -1);
    asker.now += kMetadataQuotaWindow - milliseconds(1);
    CHECK(asker.ask(info, 0) == -1);
    asker.now += milliseconds(1);
    CHECK(asker.ask(info, 0) == 16'384);
}

TEST_CASE("a peer that does not read is not served more metadata") {
    Asker asker;
    const ByteBuffer unread(kMaxUnreadMetadata + 1);
    asker.session.output().append_bytes(unread);
    MetadataQuota quota;
    const ByteBuffer info(100);
    const std::uint64_t before = asker.session.output().size();
    REQUIRE(answer_metadata_message(info, wire::encode(wire::MetadataRequest{0}), asker.session, quota, asker.now));
    CHECK(asker.session.output().size() < before + 60);
    CHECK(quota.answered == 0);
}
