#include "common/meta/file_map.h"

#include <algorithm>

#include "common/base/check.h"

namespace bt::meta {

FileMap::FileMap(const std::vector<std::uint64_t>& lengths) {
    starts_.reserve(lengths.size() + 1);
    for (std::uint64_t length : lengths) {
        BT_CHECK(length <= ~std::uint64_t{0} - starts_.back());
        starts_.push_back(starts_.back() + length);
    }
}

std::vector<FileSpan> FileMap::spans(std::uint64_t offset, std::uint64_t length) const {
    BT_CHECK(offset <= total_length() && length <= total_length() - offset);
    std::vector<FileSpan> result;
    if (length == 0) return result;
    // The last file that starts at or before the offset is the one that owns the byte: empty files before it start at
    // the same place.
    const auto behind = std::upper_bound(starts_.begin(), starts_.end(), offset);
    auto file = static_cast<std::uint32_t>(behind - starts_.begin()) - 1;
    while (length > 0) {
        const std::uint64_t step = std::min(length, starts_[file + 1] - offset);
        if (step > 0) result.push_back({FileIndex(file), offset - starts_[file], step});
        offset += step;
        length -= step;
        ++file;
    }
    return result;
}

}  // namespace bt::meta
