#include "common/crypto/hash.h"

#include <openssl/evp.h>

#include "common/base/check.h"
#include "common/crypto/sha1_shani.h"

namespace bt::crypto {
namespace {

struct FreeDigestContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using DigestContext = std::unique_ptr<EVP_MD_CTX, FreeDigestContext>;

// Fetched once: looking the algorithm up costs more than hashing a short message.
const EVP_MD* sha1_algorithm() {
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA1", nullptr);
    BT_CHECK(algorithm != nullptr);
    return algorithm;
}

DigestContext make_context() {
    DigestContext context(EVP_MD_CTX_new());
    BT_CHECK(context != nullptr);
    return context;
}

void begin(EVP_MD_CTX* context) { BT_CHECK(EVP_DigestInit_ex2(context, sha1_algorithm(), nullptr) == 1); }

void add(EVP_MD_CTX* context, ByteView bytes) { BT_CHECK(EVP_DigestUpdate(context, bytes.data(), bytes.size()) == 1); }

Sha1Digest end(EVP_MD_CTX* context) {
    Sha1Digest digest{};
    unsigned length = 0;
    BT_CHECK(EVP_DigestFinal_ex(context, digest.data(), &length) == 1 && length == digest.size());
    return digest;
}

}  // namespace

Sha1Digest sha1(ByteView message) {
    // One context a thread, used again: its state never outlives the call.
    thread_local const DigestContext context = make_context();
    begin(context.get());
    add(context.get(), message);
    return end(context.get());
}

bool sha1_pair_is_interleaved() {
    static const bool supported = shani::is_supported();
    return supported;
}

void sha1_pair(ByteView first, ByteView second, Sha1Digest& first_digest, Sha1Digest& second_digest) {
    if (sha1_pair_is_interleaved()) {
        shani::sha1_pair(first, second, first_digest, second_digest);
        return;
    }
    first_digest = sha1(first);
    second_digest = sha1(second);
}

struct Sha1::State {
    DigestContext context = make_context();
};

Sha1::Sha1() : state_(std::make_unique<State>()) { begin(state_->context.get()); }
Sha1::~Sha1() = default;
Sha1::Sha1(Sha1&&) noexcept = default;
Sha1& Sha1::operator=(Sha1&&) noexcept = default;

void Sha1::update(ByteView bytes) { add(state_->context.get(), bytes); }

Sha1Digest Sha1::finish() {
    const Sha1Digest digest = end(state_->context.get());
    begin(state_->context.get());
    return digest;
}

}  // namespace bt::crypto
