#pragma once

// Seeded pseudo-random numbers (xoshiro256**, Blackman and Vigna 2018, seeded by splitmix64), with our own bounded
// integers and shuffle: the standard library's differ between implementations for the same seed, and a run must be
// replayed anywhere from its rng_seed. No floating point. Not for secrets.

#include <cstddef>
#include <cstdint>
#include <limits>
#include <span>
#include <utility>

#include "common/base/bytes.h"

namespace bt {

class Rng {
  public:
    explicit Rng(std::uint64_t rng_seed);

    [[nodiscard]] std::uint64_t next();

    // Uniform in [0, bound), without bias; bound > 0.
    [[nodiscard]] std::uint64_t below(std::uint64_t bound);

    // True with probability numerator / denominator.
    [[nodiscard]] bool chance(std::uint64_t numerator, std::uint64_t denominator) {
        return below(denominator) < numerator;
    }

    // An independent generator whose stream depends on this one's state and on `salt`.
    [[nodiscard]] Rng fork(std::uint64_t salt);

    void fill(MutableByteView out);

    // Fisher-Yates.
    template <class T>
    void shuffle(std::span<T> items) {
        for (std::size_t i = items.size(); i > 1; --i) {
            using std::swap;
            swap(items[i - 1], items[static_cast<std::size_t>(below(i))]);
        }
    }

  private:
    std::uint64_t state_[4];
};

}  // namespace bt
