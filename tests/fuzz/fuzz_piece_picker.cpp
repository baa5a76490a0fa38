// Bytes -> calls on the piece picker and on its naive model; any difference is a finding.

#include <cstddef>
#include <cstdint>

#include "common/base/check.h"
#include "tests/model/picker_driver.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::size_t at = 0;
    const auto number = [&](std::uint32_t bound) -> std::uint32_t {
        std::uint32_t value = 0;
        for (std::uint32_t covered = 1; covered < bound && covered < 0x10000; covered *= 256) {
            value = value * 256 + (at < size ? data[at++] : 0u);
        }
        return value % bound;
    };
    bt::model::PickerDriver driver(number);
    for (int step = 0; step < 2000 && at < size; ++step) BT_CHECK(driver.step().empty());
    return 0;
}
