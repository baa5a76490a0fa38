#include "common/crypto/dh768.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "tests/support/catch.h"

using namespace bt;
using bt::crypto::Dh768;
using bt::crypto::Dh768Key;

namespace {

using Exponent = std::array<Byte, crypto::kDh768ExponentSize>;

constexpr Exponent kA = {0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07, 0x08, 0x09, 0x0a,
                         0x0b, 0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12, 0x13, 0x14};
constexpr Exponent kB = {0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10, 0x01, 0x23,
                         0x45, 0x67, 0x89, 0xab, 0xcd, 0xef, 0x00, 0x11, 0x22, 0x33};

Dh768Key key_of(const std::string& hex) {
    const auto bytes = from_hex(hex);
    REQUIRE(bytes);
    REQUIRE(bytes->size() == crypto::kDh768KeySize);
    Dh768Key key{};
    std::copy(bytes->begin(), bytes->end(), key.begin());
    return key;
}

Dh768Key prime_plus(int difference) {
    Dh768Key prime = key_of(
        "ffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74"
        "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437"
        "4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563");
    prime.back() = static_cast<Byte>(prime.back() + difference);
    return prime;
}

}  // namespace

TEST_CASE("Diffie-Hellman over 768 bits gives the numbers that another program computed") {
    const Dh768 a(kA);
    const Dh768 b(kB);
    CHECK(to_hex(a.public_key()) ==
          "96e112dab29e8c5272accb9b17b26887ce54a144a4e3b697c7d159b7a817e556b0918db2b4c658e02a87f7e5fb14b18a"
          "553e084cbf3dad2d30f16596ccb982d406258c61b30c5c1dae2ddc60bdbd48d79896312aad63238c39e1a633821eb693");
    CHECK(to_hex(b.public_key()) ==
          "8ccb52c3ddd96eb7dc682cebf05ed119dfec5eef6cb88e4bfa94f4315bf7962beb72cf5f5da6e796b64bd349fb968e37"
          "606a6eeb8daa69ff173887dbac9fcd94d3f237895dbe95ffa87a5c31e1bc9ba8956dfc6b988d4fb5fae45703ac3fcf92");
    const std::string secret =
        "10035f12758cca3491ca417f797a4d5b90ed4b4018dbb141644953d119856be09211b6311cbb9d415d86543892184090"
        "3ef421aec2d91e6043506d82d27dd7bb7437c87b36378243ebb51860bba2ffd3899abf3bb21b88d9c1599733e4d3b857";
    CHECK(to_hex(a.shared_secret(b.public_key()).value()) == secret);
    CHECK(to_hex(b.shared_secret(a.public_key()).value()) == secret);
}

TEST_CASE("keys from the same rng_seed are the same, and from another are others") {
    Rng first(7);
    Rng second(7);
    Rng third(8);
    const Dh768 a(first);
    CHECK(a.public_key() == Dh768(second).public_key());
    CHECK(a.public_key() != Dh768(third).public_key());
    CHECK(a.public_key() != Dh768(first).public_key());
}

TEST_CASE("bad input: public keys 0, 1, p-1 and p or more are refused, their neighbours are not") {
    const Dh768 dh(kA);
    Dh768Key number{};
    const auto small = [](Byte value) {
        Dh768Key key{};
        key.back() = value;
        return key;
    };
    for (const Dh768Key& degenerate : {small(0), small(1), prime_plus(-1), prime_plus(0), prime_plus(1)}) {
        const auto secret = dh.shared_secret(degenerate);
        REQUIRE_FALSE(secret.has_value());
        CHECK(secret.error().code == ErrorCode::ProtocolViolation);
        CHECK(secret.error().fault == Fault::Remote);
    }
    number.fill(0xff);
    CHECK_FALSE(dh.shared_secret(number).has_value());
    CHECK(dh.shared_secret(small(2)).value() == dh.public_key());
    CHECK(dh.shared_secret(prime_plus(-2)).has_value());
}
