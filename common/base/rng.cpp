#include "common/base/rng.h"

#include "common/base/check.h"

namespace bt {
namespace {

std::uint64_t splitmix64(std::uint64_t& state) {
    state += 0x9e3779b97f4a7c15u;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

std::uint64_t rotate_left(std::uint64_t value, int bits) { return (value << bits) | (value >> (64 - bits)); }

}  // namespace

Rng::Rng(std::uint64_t rng_seed) {
    for (auto& word : state_) word = splitmix64(rng_seed);
}

std::uint64_t Rng::next() {
    const std::uint64_t result = rotate_left(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = rotate_left(state_[3], 45);
    return result;
}

std::uint64_t Rng::below(std::uint64_t bound) {
    BT_CHECK(bound > 0);
    // Values under 2^64 mod bound would make the low results likelier: draw again (Lemire 2019 describes the rule).
    const std::uint64_t threshold = (0 - bound) % bound;
    for (;;) {
        const std::uint64_t value = next();
        if (value >= threshold) return value % bound;
    }
}

Rng Rng::fork(std::uint64_t salt) { return Rng(next() ^ (salt * 0x9e3779b97f4a7c15u)); }

void Rng::fill(MutableByteView out) {
    std::size_t done = 0;
    while (done < out.size()) {
        std::uint64_t word = next();
        for (int i = 0; i < 8 && done < out.size(); ++i, word >>= 8) out[done++] = static_cast<Byte>(word);
    }
}

}  // namespace bt
