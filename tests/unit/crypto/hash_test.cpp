#include "common/crypto/hash.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "common/base/encoding.h"
#include "common/base/rng.h"
#include "tests/support/catch.h"

using bt::as_bytes;
using bt::ByteBuffer;
using bt::ByteView;
using bt::Sha1Digest;
using bt::crypto::Sha1;
using bt::crypto::sha1;
using bt::crypto::sha1_pair;

namespace {

const std::string kTwoBlocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";

ByteBuffer random_bytes(std::size_t size, std::uint64_t rng_seed) {
    ByteBuffer bytes(size);
    bt::Rng(rng_seed).fill(bytes);
    return bytes;
}

void check_pair(ByteView first, ByteView second) {
    Sha1Digest a{};
    Sha1Digest b{};
    sha1_pair(first, second, a, b);
    CHECK(a == sha1(first));
    CHECK(b == sha1(second));
}

}  // namespace

TEST_CASE("the examples of FIPS 180") {
    CHECK(bt::to_hex(sha1(as_bytes("abc"))) == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(bt::to_hex(sha1(as_bytes(kTwoBlocks))) == "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    CHECK(bt::to_hex(sha1(as_bytes(std::string(1'000'000, 'a')))) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
    CHECK(bt::to_hex(sha1({})) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
}

TEST_CASE("the examples of FIPS 180, two at once") {
    Sha1Digest a{};
    Sha1Digest b{};
    sha1_pair(as_bytes("abc"), as_bytes(kTwoBlocks), a, b);
    CHECK(bt::to_hex(a) == "a9993e364706816aba3e25717850c26c9cd0d89d");
    CHECK(bt::to_hex(b) == "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
    const std::string million(1'000'000, 'a');
    sha1_pair({}, as_bytes(million), a, b);
    CHECK(bt::to_hex(a) == "da39a3ee5e6b4b0d3255bfef95601890afd80709");
    CHECK(bt::to_hex(b) == "34aa973cd4c4daa4f61eeb2bdbad27316534016f");
}

TEST_CASE("a pair has the digests of its two messages, for all lengths from 0 to 300") {
    const ByteBuffer first = random_bytes(300, 1);
    const ByteBuffer second = random_bytes(300, 2);
    for (std::size_t length = 0; length <= 300; ++length) {
        INFO(length);
        check_pair(ByteView(first).first(length), ByteView(second).first(length));
    }
}

TEST_CASE("a pair has the digests of its two messages when their lengths differ") {
    const ByteBuffer first = random_bytes(70'000, 3);
    const ByteBuffer second = random_bytes(70'000, 4);
    const std::vector<std::size_t> lengths = {0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 1000, 16384, 65535, 70'000};
    for (std::size_t a : lengths) {
        for (std::size_t b : lengths) {
            INFO(a << " and " << b);
            check_pair(ByteView(first).first(a), ByteView(second).first(b));
        }
    }
}

TEST_CASE("a pair may start at any address") {
    const ByteBuffer bytes = random_bytes(1100, 5);
    for (std::size_t offset = 0; offset < 17; ++offset)
        check_pair(ByteView(bytes).subspan(offset, 1000), ByteView(bytes).subspan(2 * offset, 1000));
}

TEST_CASE("a message in parts has the digest of the whole") {
    const ByteBuffer bytes = random_bytes(1000, 6);
    Sha1 streaming;
    for (std::size_t part : {std::size_t{1}, std::size_t{63}, std::size_t{64}, std::size_t{333}, std::size_t{1000}}) {
        for (std::size_t done = 0; done < bytes.size(); done += part)
            streaming.update(ByteView(bytes).subspan(done, std::min(part, bytes.size() - done)));
        CHECK(streaming.finish() == sha1(bytes));
    }
}

TEST_CASE("finish starts again from nothing") {
    Sha1 streaming;
    streaming.update(as_bytes("something else"));
    CHECK(streaming.finish() == sha1(as_bytes("something else")));
    CHECK(streaming.finish() == sha1({}));
    streaming.update(as_bytes("abc"));
    CHECK(streaming.finish() == sha1(as_bytes("abc")));
}

TEST_CASE("a message under way may be moved") {
    Sha1 first;
    first.update(as_bytes("ab"));
    Sha1 second = std::move(first);
    second.update(as_bytes("c"));
    CHECK(second.finish() == sha1(as_bytes("abc")));
}
