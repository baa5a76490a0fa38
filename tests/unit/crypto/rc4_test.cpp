#include "common/crypto/rc4.h"

#include "common/base/encoding.h"
#include "common/base/rng.h"
#include "tests/support/catch.h"

using namespace bt;
using bt::crypto::Rc4;

namespace {

ByteBuffer key_stream(Rc4& cipher, std::size_t size) {
    ByteBuffer bytes(size);
    cipher.apply(bytes);
    return bytes;
}

}  // namespace

TEST_CASE("RC4 gives the key streams of RFC 6229") {
    struct Vector {
        ByteBuffer key;
        const char* at_0;
        const char* at_1024;
        const char* at_4096;
    };
    ByteBuffer counting(32);
    for (std::size_t i = 0; i < counting.size(); ++i) counting[i] = static_cast<Byte>(i + 1);
    const Vector vectors[] = {
        {{1, 2, 3, 4, 5},
         "b2396305f03dc027ccc3524a0a1118a8",
         "30abbcc7c20b01609f23ee2d5f6bb7df",
         "ff25b58995996707e51fbdf08b34d875"},
        {counting, "eaa6bd25880bf93d3f5d1e4ca2611d91", "7fec5bfd9f9b89ce6548309092d7e958",
         "f3e4c0a2e02d1d01f7f0a74618af2b48"},
    };
    for (const Vector& vector : vectors) {
        Rc4 cipher(vector.key);
        CHECK(to_hex(key_stream(cipher, 16)) == vector.at_0);
        cipher.discard(1024 - 16);
        CHECK(to_hex(key_stream(cipher, 16)) == vector.at_1024);
        cipher.discard(4096 - 1040);
        CHECK(to_hex(key_stream(cipher, 16)) == vector.at_4096);
    }
}

TEST_CASE("RC4 takes its bytes in any cuts, and twice is not at all") {
    ByteBuffer plain(5000);
    Rng rng(1);
    rng.fill(plain);
    const ByteBuffer key = {'k', 'e', 'y'};
    ByteBuffer whole = plain;
    Rc4(key).apply(whole);
    CHECK(whole != plain);
    ByteBuffer cut = plain;
    Rc4 cipher(key);
    for (std::size_t at = 0; at < cut.size();) {
        const std::size_t step = std::min<std::size_t>(rng.below(300), cut.size() - at);
        cipher.apply(MutableByteView(cut).subspan(at, step));
        at += step;
    }
    CHECK(cut == whole);
    Rc4(key).apply(whole);
    CHECK(whole == plain);
}
