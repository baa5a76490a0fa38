// so= of magnets and selections: never more files than there are, never none, errors of the right kind.

#include <algorithm>
#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/check.h"
#include "common/meta/file_selection.h"

using namespace bt;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::vector<meta::FileEntry> files{{"top/a.srt", 1}, {"top/b.mkv", 2}, {"top/x/a.srt", 3}, {"top/x/,", 4}};
    const std::string_view text = as_text({data, size});
    const auto judge = [&](const Result<std::vector<std::uint8_t>>& result, ErrorCode code, Fault fault) {
        if (!result) {
            BT_CHECK(result.error().code == code && result.error().fault == fault);
            return;
        }
        BT_CHECK(result->size() == files.size());
        BT_CHECK(std::ranges::all_of(*result, [](auto priority) { return priority <= meta::kPriorityHigh; }));
        BT_CHECK(std::ranges::any_of(*result, [](auto priority) { return priority > 0; }));
    };
    judge(meta::file_priorities_of_magnet(files, text), ErrorCode::InvalidMagnet, Fault::Remote);
    const auto selected = meta::file_priorities(files, text, {});
    judge(selected, ErrorCode::InvalidArgument, Fault::Local);
    if (selected) BT_CHECK(meta::check_selection(text).has_value());
    judge(meta::file_priorities(files, "", {std::string(text)}), ErrorCode::InvalidArgument, Fault::Local);
    return 0;
}
