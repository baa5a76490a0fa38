#pragma once

// SHA-1 through the SHA instructions of x86 CPUs, two messages in one instruction stream. A round waits for the one
// before it for several cycles; rounds of another message fit in between. Part of hash.cpp's implementation.

#include "common/base/bytes.h"
#include "common/base/types.h"

namespace bt::crypto::shani {

// Asks the CPU. False where this was built for another architecture.
[[nodiscard]] bool is_supported();

// Only where is_supported().
void sha1_pair(ByteView first, ByteView second, Sha1Digest& first_digest, Sha1Digest& second_digest);

}  // namespace bt::crypto::shani
