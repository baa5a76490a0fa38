// A student's announce to the grader's tracker: whatever is wrong with it, something is said of it.

#include <cstdint>

#include "common/base/check.h"
#include "lab/grade/fake_tracker.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    bt::InfoHash info_hash{};
    for (std::size_t i = 0; i < info_hash.size(); ++i) info_hash[i] = static_cast<bt::Byte>(i * 13);
    const auto fault = bt::grade::fault_in_announce(bt::as_text({data, size}), info_hash, 100);
    BT_CHECK(!fault || (!fault->what.empty() && !fault->hint.empty()));
    return 0;
}
