#include "common/base/rng.h"
#include "tests/model/picker_driver.h"
#include "tests/support/catch.h"

using bt::Rng;
using bt::model::PickerDriver;

TEST_CASE("the piece picker agrees with its naive model over random call sequences") {
    std::uint32_t endgame_picks = 0;
    std::uint32_t completed = 0;
    for (std::uint64_t rng_seed = 1; rng_seed <= 800; ++rng_seed) {
        Rng rng(rng_seed);
        PickerDriver driver([&](std::uint32_t bound) { return static_cast<std::uint32_t>(rng.below(bound)); });
        for (int step = 0; step < 400; ++step) {
            const std::string wrong = driver.step();
            if (!wrong.empty()) {
                CAPTURE(rng_seed, step);
                FAIL(wrong);
            }
        }
        endgame_picks += driver.endgame_picks();
        completed += driver.is_complete() ? 1 : 0;
    }
    // The sequences reach what they are meant to reach.
    CHECK(endgame_picks > 100);
    CHECK(completed > 10);
}
