#include "common/crypto/siphash.h"

#include <set>

#include "tests/support/catch.h"

using namespace bt;

namespace {

crypto::SipKey counting_key() {
    crypto::SipKey key{};
    for (std::size_t i = 0; i < key.size(); ++i) key[i] = static_cast<Byte>(i);
    return key;
}

ByteBuffer counting(std::size_t size) {
    ByteBuffer out(size);
    for (std::size_t i = 0; i < size; ++i) out[i] = static_cast<Byte>(i);
    return out;
}

}  // namespace

TEST_CASE("siphash of the paper's example and of the reference vectors") {
    CHECK(crypto::siphash(counting_key(), counting(15)) == 0xa129ca6149be45e5u);  // appendix A of the paper
    CHECK(crypto::siphash(counting_key(), counting(0)) == 0x726fdb47dd0e0e31u);
    CHECK(crypto::siphash(counting_key(), counting(1)) == 0x74f839c593dc67fdu);
    CHECK(crypto::siphash(counting_key(), counting(8)) == 0x93f5f5799a932462u);
}

TEST_CASE("every length and every bit of key and message counts in siphash") {
    std::set<std::uint64_t> seen;
    for (std::size_t size = 0; size < 40; ++size) seen.insert(crypto::siphash(counting_key(), ByteBuffer(size)));
    CHECK(seen.size() == 40);
    seen.clear();
    for (std::size_t bit = 0; bit < 128; ++bit) {
        crypto::SipKey key = counting_key();
        key[bit / 8] = static_cast<Byte>(key[bit / 8] ^ (1u << (bit % 8)));
        ByteBuffer message = counting(16);
        seen.insert(crypto::siphash(key, message));
        message[bit / 8] = static_cast<Byte>(message[bit / 8] ^ (1u << (bit % 8)));
        seen.insert(crypto::siphash(counting_key(), message));
    }
    CHECK(seen.size() == 256);
}
