#include "common/swarm/metadata_download.h"

#include <algorithm>

#include "common/base/rng.h"
#include "common/crypto/hash.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::swarm;

namespace {

constexpr std::size_t kBlock = wire::kMetadataBlockSize;

Address address(std::uint32_t peer) { return Address::v4({10, 0, 0, static_cast<Byte>(peer)}); }

// A metadata of so many bytes, and a download of it.
struct Story {
    explicit Story(std::size_t size, MetadataDownloadSettings settings = {})
        : info(size), download(hash_of(info), settings) {}

    static InfoHash hash_of(ByteBuffer& bytes) {
        Rng(bytes.size()).fill(bytes);
        return crypto::sha1(bytes);
    }
    Status join(std::uint32_t peer, std::optional<std::uint64_t> size) {
        return download.on_peer(ConnectionId(peer), address(peer), size);
    }
    Status join(std::uint32_t peer) { return join(peer, info.size()); }
    // What is asked for now, as "peer:block".
    std::vector<std::string> asks() {
        std::vector<std::string> words;
        for (const MetadataAsk& ask : download.pick(now)) {
            words.push_back(std::to_string(ask.peer.value()) + ":" + std::to_string(ask.block));
        }
        download.check_invariants();
        return words;
    }
    Status give(std::uint32_t peer, std::uint32_t block, ByteView of) {
        const std::size_t begin = block * kBlock;
        const wire::MetadataData data{block, of.size(),
                                      of.subspan(begin, wire::metadata_block_length(of.size(), block))};
        Status status = download.on_data(ConnectionId(peer), data);
        download.check_invariants();
        return status;
    }
    Status give(std::uint32_t peer, std::uint32_t block) { return give(peer, block, info); }
    ByteBuffer wrong_at(std::uint32_t block) const {
        ByteBuffer bytes = info;
        bytes[block * kBlock] ^= 1;
        return bytes;
    }
    // Answers everything that is asked, each peer from its own copy, until nothing is asked any more.
    void serve(const std::map<std::uint32_t, ByteBuffer>& copies) {
        for (int round = 0; round < 100; ++round) {
            const auto asks = download.pick(now);
            if (asks.empty()) return;
            for (const MetadataAsk& ask : asks) {
                REQUIRE(give(ask.peer.value(), ask.block, copies.at(ask.peer.value())));
                for (const Address& liar : download.take_liars()) liars.push_back(liar);
            }
        }
    }
    void wait(Duration duration) {
        now += duration;
        download.on_deadline(now);
    }

    ByteBuffer info;
    MetadataDownload download;
    TimePoint now = TimePoint(seconds(100));
    std::vector<Address> liars;
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("metadata of one block is asked of one peer and is there with its answer") {
    Story story(1000);
    REQUIRE(story.join(1));
    REQUIRE(story.join(2));
    CHECK(story.asks() == Words{"1:0"});
    CHECK_FALSE(story.download.metadata());
    REQUIRE(story.give(1, 0));
    CHECK(story.download.metadata() == story.info);
    CHECK(story.asks().empty());
    CHECK(story.download.next_deadline() == kNever);
}

TEST_CASE("blocks are shared out among the peers, four at a time each") {
    Story story(9 * kBlock + 5);
    REQUIRE(story.join(1));
    REQUIRE(story.join(2));
    CHECK(story.asks() == Words{"1:0", "1:1", "1:2", "1:3", "2:4", "2:5", "2:6", "2:7"});
    REQUIRE(story.give(2, 5));
    CHECK(story.asks() == Words{"2:8"});
    CHECK(story.download.progress().received == kBlock);
    CHECK(story.download.progress().size == story.info.size());
}

TEST_CASE("a block that does not come within 10 s is asked of somebody else, and taken when it comes late") {
    Story story(1000);
    REQUIRE(story.join(1));
    CHECK(story.asks() == Words{"1:0"});
    REQUIRE(story.join(2));
    CHECK(story.asks().empty());
    CHECK(story.download.next_deadline() == story.now + seconds(10));
    story.wait(seconds(10));
    CHECK(story.asks() == Words{"2:0"});
    REQUIRE(story.give(1, 0));
    CHECK(story.download.metadata());
    REQUIRE(story.give(2, 0));
}

TEST_CASE("a peer that rejects is left alone for 30 s and then asked again") {
    Story story(1000);
    REQUIRE(story.join(1));
    CHECK(story.asks() == Words{"1:0"});
    story.download.on_reject(ConnectionId(1), 0, story.now);
    CHECK(story.asks().empty());
    story.wait(seconds(29));
    CHECK(story.asks().empty());
    story.wait(seconds(1));
    CHECK(story.asks() == Words{"1:0"});
}

TEST_CASE("a peer that names no size is asked for block 0 once in 30 s, and its answer names it") {
    Story story(kBlock + 1);
    REQUIRE(story.join(1, std::nullopt));
    CHECK(story.asks() == Words{"1:0"});
    story.download.on_reject(ConnectionId(1), 0, story.now);
    CHECK(story.asks().empty());
    story.wait(seconds(30));
    CHECK(story.asks() == Words{"1:0"});
    REQUIRE(story.give(1, 0));
    CHECK(story.asks() == Words{"1:1"});
    REQUIRE(story.give(1, 1));
    CHECK(story.download.metadata() == story.info);
}

TEST_CASE("bad input: metadata that does not have the info_hash has its only sender banned, and another is asked") {
    Story story(3 * kBlock);
    REQUIRE(story.join(1));
    story.serve({{1, story.wrong_at(1)}});
    CHECK(story.liars == std::vector{address(1)});
    CHECK(story.download.progress().wrong_copies == 1);
    CHECK_FALSE(story.download.metadata());
    REQUIRE(story.join(2));
    story.serve({{2, story.info}});
    CHECK(story.download.metadata() == story.info);
}

TEST_CASE(
    "bad input: of several senders of wrong metadata the liar is found by asking one alone, and nobody else is "
    "banned") {
    const std::uint32_t liar = GENERATE(1u, 2u, 3u);
    CAPTURE(liar);
    Story story(12 * kBlock);
    std::map<std::uint32_t, ByteBuffer> copies;
    for (std::uint32_t peer = 1; peer <= 3; ++peer) {
        REQUIRE(story.join(peer));
        copies[peer] = story.info;
    }
    for (std::uint32_t block = 0; block < 12; ++block) copies[liar][block * kBlock + 7] ^= 1;
    story.serve(copies);
    CHECK(story.download.metadata() == story.info);
    CHECK(story.liars == std::vector{address(liar)});
}

TEST_CASE("bad input: metadata_size of 2^31 is not believed: nothing is asked for and nothing is held") {
    Story story(1000);
    REQUIRE(story.join(1, std::uint64_t{1} << 31));
    CHECK(story.asks().empty());
    CHECK(story.download.next_deadline() == kNever);
    CHECK(story.download.progress().peers == 0);
    const auto smaller = story.join(1, 1000);
    REQUIRE_FALSE(smaller);
    CHECK(smaller.error().code == ErrorCode::ProtocolViolation);
}

TEST_CASE("metadata of exactly 16 MiB is asked for, one byte more is not") {
    Story story(1000);
    REQUIRE(story.join(1, wire::kMaxMetadataSize));
    REQUIRE(story.join(2, wire::kMaxMetadataSize + 1));
    CHECK(story.asks() == Words{"1:0", "1:1", "1:2", "1:3"});
}

TEST_CASE("bad input: a metadata_size that grows is a breach, in the handshake and in the data") {
    Story story(3 * kBlock);
    REQUIRE(story.join(1));
    REQUIRE(story.join(1));
    const auto handshake = story.join(1, story.info.size() + 1);
    REQUIRE_FALSE(handshake);
    CHECK(handshake.error().code == ErrorCode::ProtocolViolation);
    CHECK(handshake.error().fault == Fault::Remote);
    (void)story.asks();
    const ByteBuffer longer(4 * kBlock);
    const auto data = story.give(1, 0, longer);
    REQUIRE_FALSE(data);
    CHECK(data.error().code == ErrorCode::ProtocolViolation);
}

TEST_CASE("bad input: sizes that disagree are candidates of their own, and the liar's does not disturb the other") {
    Story story(3 * kBlock);
    REQUIRE(story.join(1, 2 * kBlock));
    REQUIRE(story.join(2));
    story.serve({{1, ByteBuffer(2 * kBlock)}, {2, story.info}});
    CHECK(story.download.metadata() == story.info);
    CHECK(story.liars == std::vector{address(1)});
}

TEST_CASE("bad input: a block of metadata that was never asked for is a breach") {
    Story story(3 * kBlock);
    REQUIRE(story.join(1));
    REQUIRE_FALSE(story.give(1, 0));
    REQUIRE_FALSE(story.give(9, 0));
    (void)story.asks();
    CHECK(story.give(1, 0));
}

TEST_CASE("all candidates together hold no more than max_memory, and the one with most peers is kept") {
    Story story(8 * kBlock, {.max_outstanding = 8, .max_memory = 12 * kBlock});
    REQUIRE(story.join(1, 10 * kBlock));
    REQUIRE(story.join(2));
    REQUIRE(story.join(3));
    (void)story.asks();
    const ByteBuffer lie(10 * kBlock);
    for (std::uint32_t block = 0; block < 8; ++block) REQUIRE(story.give(1, block, lie));
    for (std::uint32_t block = 0; block < 8; ++block) REQUIRE(story.give(2, block));
    CHECK(story.download.metadata() == story.info);
}

TEST_CASE("a candidate dies with its last peer, and is begun anew with the next") {
    Story story(2 * kBlock);
    REQUIRE(story.join(1));
    (void)story.asks();
    REQUIRE(story.give(1, 0));
    story.download.on_peer_gone(ConnectionId(1));
    story.download.check_invariants();
    CHECK(story.download.progress().received == 0);
    REQUIRE(story.join(2));
    CHECK(story.asks() == Words{"2:0", "2:1"});
}
