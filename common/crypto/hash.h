#pragma once

// SHA-1. One-shot, streaming, and two messages at once (two pieces share the latency of the SHA instructions: about
// 1.7 times the throughput of one where the CPU has them; falls back to one after the other elsewhere).

#include <cstdint>
#include <memory>

#include "common/base/bytes.h"
#include "common/base/types.h"

namespace bt::crypto {

[[nodiscard]] Sha1Digest sha1(ByteView message);

// Digests of two messages of any lengths, computed side by side as far as the shorter one goes.
void sha1_pair(ByteView first, ByteView second, Sha1Digest& first_digest, Sha1Digest& second_digest);
// Whether this CPU lets sha1_pair interleave; else it hashes one after the other.
[[nodiscard]] bool sha1_pair_is_interleaved();

class Sha1 {
  public:
    Sha1();
    ~Sha1();
    Sha1(Sha1&&) noexcept;
    Sha1& operator=(Sha1&&) noexcept;

    void update(ByteView bytes);
    // The digest; the object then starts again from nothing.
    [[nodiscard]] Sha1Digest finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace bt::crypto
