#include "lab/loss.h"

#include "tests/support/catch.h"

using namespace bt;
using namespace bt::lab;

TEST_CASE("no loss draws nothing, and all is lost as often as it may be") {
    CHECK(LossDraw(0, Rng(1)).next(1'000'000) == 0);
    CHECK(LossDraw(kLossWhole, Rng(1)).next(1) == LossDraw::kMostTries);
    LossDraw all(kLossWhole, Rng(1));
    CHECK(all.next(0) == 0);  // a segment is drawn with its first byte
    CHECK(all.next(LossDraw::kSegment) == LossDraw::kMostTries);
    CHECK(all.next(0) == 0);
    CHECK(all.next(1) == LossDraw::kMostTries);
    CHECK(all.next(LossDraw::kSegment - 1) == 0);
}

TEST_CASE("a segment is lost or not whichever way the stream's bytes come in") {
    constexpr std::uint32_t kLoss = 100'000;
    LossDraw whole(kLoss, Rng(7)), parts(kLoss, Rng(7));
    int lost_whole = 0, lost_parts = 0;
    for (int i = 0; i < 400; ++i) {
        lost_whole += whole.next(LossDraw::kSegment) > 0 ? 1 : 0;
        int worst = 0;
        for (const std::uint64_t part : {std::uint64_t{1}, std::uint64_t{400}, LossDraw::kSegment - 401}) {
            worst = std::max(worst, parts.next(part));
        }
        lost_parts += worst > 0 ? 1 : 0;
    }
    CHECK(lost_whole == lost_parts);
    CHECK(lost_whole > 20);
    CHECK(lost_whole < 60);  // 40 are expected
}

TEST_CASE("a stall is a retransmission time, doubled each time that the segment is lost again") {
    CHECK(LossDraw::stall(0, milliseconds(50)) == Duration::zero());
    CHECK(LossDraw::stall(1, milliseconds(50)) == milliseconds(200));
    CHECK(LossDraw::stall(1, milliseconds(100)) == milliseconds(200));
    CHECK(LossDraw::stall(1, milliseconds(101)) == milliseconds(202));
    CHECK(LossDraw::stall(2, milliseconds(150)) == milliseconds(900));
    CHECK(LossDraw::stall(3, Duration::zero()) == milliseconds(1400));
}

TEST_CASE("two links in a row lose what either loses") {
    CHECK(LossDraw::together(0, 0) == 0);
    CHECK(LossDraw::together(10'000, 0) == 10'000);
    CHECK(LossDraw::together(500'000, 500'000) == 750'000);
}
