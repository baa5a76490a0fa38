#pragma once

// Loss as a stall: what a lost packet does to a TCP stream that is seen from its ends. Nothing is missing there; bytes
// come late, and all that follow wait for them. Pure.
//
// A stream is cut into segments of kSegment bytes by its offset. Which of them are lost follows from the generator
// alone, not from how the bytes come in: one run loses what the next one does. A segment may be lost again when it is
// sent again; each time the wait doubles (RFC 6298), up to kMostTries times. Segments that come together wait together:
// the longest wait counts. The wait is that of a retransmission timer, max(200 ms, twice the round trip); a sender that
// learns of the loss sooner, by duplicate acknowledgements, would be faster.
// Cost: a random number for each segment.

#include <algorithm>
#include <cstdint>

#include "common/base/rng.h"
#include "common/base/time.h"

namespace bt::lab {

inline constexpr std::uint32_t kLossWhole = 1'000'000;  // losses are parts of this
inline constexpr std::uint32_t kMostLoss = 500'000;

class LossDraw {
  public:
    static constexpr std::uint64_t kSegment = 1448;
    static constexpr int kMostTries = 6;
    static constexpr Duration kLeastWait = milliseconds(200);

    LossDraw(std::uint32_t loss, Rng rng) : loss_(loss), rng_(rng) {}

    // The stream's next so many bytes: how often the unluckiest of the segments that begin in them was lost.
    [[nodiscard]] int next(std::uint64_t bytes) {
        if (loss_ == 0) return 0;
        int worst = 0;
        for (; next_segment_ < offset_ + bytes; next_segment_ += kSegment) {
            int tries = 0;
            while (tries < kMostTries && rng_.chance(loss_, kLossWhole)) ++tries;
            worst = std::max(worst, tries);
        }
        offset_ += bytes;
        return worst;
    }

    [[nodiscard]] static Duration stall(int times_lost, Duration round_trip) {
        return std::max(kLeastWait, 2 * round_trip) * ((1 << times_lost) - 1);
    }
    // Of two links in a row.
    [[nodiscard]] static std::uint32_t together(std::uint32_t a, std::uint32_t b) {
        return static_cast<std::uint32_t>(kLossWhole - std::uint64_t{kLossWhole - a} * (kLossWhole - b) / kLossWhole);
    }

  private:
    std::uint32_t loss_;
    Rng rng_;
    std::uint64_t offset_ = 0, next_segment_ = 0;
};

}  // namespace bt::lab
