#include <set>

#include "common/base/encoding.h"
#include "common/crypto/hash.h"
#include "lab/grade/fake_tracker.h"
#include "lab/grade/grade.h"
#include "lab/grade/samples.h"
#include "tests/support/catch.h"

using namespace bt;
using namespace bt::grade;

namespace {

InfoHash some_hash() {
    InfoHash hash{};
    for (std::size_t i = 0; i < hash.size(); ++i) hash[i] = static_cast<Byte>(0x20 + i * 11);
    return hash;
}

std::string query(const std::string& hash, const std::string& rest = "&port=6881&uploaded=0&downloaded=0&left=9") {
    return "info_hash=" + hash + "&peer_id=abcdefghijklmnopqrst" + rest + "&compact=1";
}

std::string hint_of(const std::string& text) {
    const auto fault = fault_in_announce(text, some_hash(), 10);
    return fault ? fault->hint : "";
}

}  // namespace

TEST_CASE("a right announce has no fault, with a blank written as %20 or as +") {
    const std::string hash = percent_encode(some_hash());
    CHECK(hint_of(query(hash)).empty());
    REQUIRE(hash.starts_with("%20"));
    CHECK(hint_of(query("+" + hash.substr(3))).empty());
    CHECK(hint_of(query(hash) + "&event=started").empty());
}

TEST_CASE("bad input: each way to get an announce wrong has a hint of its own") {
    const std::string hash = percent_encode(some_hash());
    CHECK(hint_of("").find("needs info_hash") != std::string::npos);
    CHECK(hint_of(query(to_hex(some_hash()))).find("40 hex digits") != std::string::npos);
    CHECK(hint_of(query(percent_encode(as_bytes(hash)))).find("twice") != std::string::npos);
    CHECK(hint_of(query("%zz")).find("two hex digits") != std::string::npos);
    CHECK(hint_of(query("abc")).find("3 bytes came instead of 20") != std::string::npos);
    CHECK(hint_of(query("%00" + hash.substr(3))).find("another torrent") != std::string::npos);
    CHECK(hint_of(query(hash) + "&left=9").find("left (once)") != std::string::npos);
    const auto with = [&hash](const char* port, const char* left) {
        return query(hash, std::string("&port=") + port + "&uploaded=0&downloaded=0&left=" + left);
    };
    CHECK(hint_of(with("65535", "10")).empty());
    CHECK(hint_of(with("65536", "10")).find("port") != std::string::npos);
    CHECK(hint_of(with("0", "10")).find("port") != std::string::npos);
    CHECK(hint_of(with("1", "1")).empty());
    CHECK(hint_of(with("1", "11")).find("left") != std::string::npos);
    CHECK(hint_of(with("1", "0")).find("left") != std::string::npos);
}

TEST_CASE("a sample follows from its seed, is short at its end, and its info_hash needs escaping") {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        Rng first(seed), second(seed);
        SampleShape shape;
        shape.odd_keys = seed % 2 == 0;
        shape.leading_zero = true;
        shape.files = seed % 3 == 0 ? 3 : 0;
        const Sample sample = make_sample(first, shape, "http://127.0.0.1:1/announce");
        CHECK(sample.torrent == make_sample(second, shape, "http://127.0.0.1:1/announce").torrent);
        const auto& layout = sample.metainfo->layout();
        CHECK(layout.piece_count() == shape.pieces);
        CHECK(layout.total_length() == sample.content.size());
        CHECK(sample.piece(shape.pieces - 1).size() < shape.piece_length);
        CHECK(sample.piece(shape.pieces - 1).size() % kBlockSize != 0);
        for (std::uint32_t i = 0; i < shape.pieces; ++i) {
            CHECK(crypto::sha1(sample.piece(i)) == sample.metainfo->piece_hash(PieceIndex(i)));
        }
        CHECK(percent_encode(sample.metainfo->info_hash()).size() > 25);
    }
}

TEST_CASE("stages have names of their own, and a hundred points together") {
    std::set<std::string_view> ids;
    int points = 0;
    for (const Stage& stage : stages()) {
        ids.insert(stage.id);
        points += stage.points;
    }
    CHECK(ids.size() == stages().size());
    CHECK(points == 100);
}

TEST_CASE("stages are chosen by name, in their own order") {
    const auto chosen = select_stages({"peers.list", "decode.dict"});
    REQUIRE(chosen);
    REQUIRE(chosen->size() == 2);
    CHECK(chosen->front()->id == "decode.dict");
    CHECK(select_stages({})->size() == stages().size());
}

TEST_CASE("bad input: an unknown stage is refused with the nearest") {
    const auto chosen = select_stages({"peers.lists"});
    REQUIRE_FALSE(chosen);
    CHECK(chosen.error().message().find("did you mean peers.list?") != std::string::npos);
}
