#include "common/crypto/dh768.h"

#include <openssl/bn.h>

#include "common/base/check.h"

namespace bt::crypto {
namespace {

constexpr const char* kPrime =
    "FFFFFFFFFFFFFFFFC90FDAA22168C234C4C6628B80DC1CD129024E088A67CC74"
    "020BBEA63B139B22514A08798E3404DDEF9519B3CD3A431B302B0A6DF25F1437"
    "4FE1356D6D51C245E485B576625E7EC6F44C42E9A63A36210000000000090563";

struct BnFree {
    void operator()(BIGNUM* number) const { BN_clear_free(number); }
};
struct ContextFree {
    void operator()(BN_CTX* context) const { BN_CTX_free(context); }
};
using Number = std::unique_ptr<BIGNUM, BnFree>;
using Context = std::unique_ptr<BN_CTX, ContextFree>;

Number prime() {
    BIGNUM* number = nullptr;
    BT_CHECK(BN_hex2bn(&number, kPrime) > 0);
    return Number(number);
}

Number from_bytes(ByteView bytes) {
    Number number(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
    BT_CHECK(number != nullptr);
    return number;
}

// base ^ exponent mod prime
Dh768Key power(const BIGNUM& base, ByteView exponent_bytes, const BIGNUM& modulus) {
    const Number exponent = from_bytes(exponent_bytes);
    const Number result(BN_new());
    const Context context(BN_CTX_new());
    BT_CHECK(result != nullptr && context != nullptr);
    BT_CHECK(BN_mod_exp(result.get(), &base, exponent.get(), &modulus, context.get()) == 1);
    Dh768Key key{};
    BT_CHECK(BN_bn2binpad(result.get(), key.data(), static_cast<int>(key.size())) == static_cast<int>(key.size()));
    return key;
}

std::array<Byte, kDh768ExponentSize> random_exponent(Rng& rng) {
    std::array<Byte, kDh768ExponentSize> exponent{};
    rng.fill(exponent);
    exponent[0] |= 0x80;  // all of its 160 bits count
    return exponent;
}

}  // namespace

Dh768::Dh768(Rng& rng) : Dh768(random_exponent(rng)) {}

Dh768::Dh768(const std::array<Byte, kDh768ExponentSize>& exponent) : exponent_(exponent) {
    const Number generator = from_bytes(std::array<Byte, 1>{2});
    public_key_ = power(*generator, exponent_, *prime());
}

Result<Dh768Key> Dh768::shared_secret(const Dh768Key& remote_public_key) const {
    const Number modulus = prime();
    const Number remote = from_bytes(remote_public_key);
    const Number last(BN_dup(modulus.get()));
    BT_CHECK(last != nullptr && BN_sub_word(last.get(), 1) == 1);
    if (BN_is_zero(remote.get()) || BN_is_one(remote.get()) || BN_cmp(remote.get(), last.get()) >= 0) {
        return fail(remote_error(ErrorCode::ProtocolViolation, "a degenerate Diffie-Hellman public key"));
    }
    return power(*remote, exponent_, *modulus);
}

}  // namespace bt::crypto
