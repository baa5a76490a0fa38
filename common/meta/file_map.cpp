#include "common/meta/file_map.h"

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
    std::vector<FileSpan> result;
    for_each_span(offset, length, [&](const FileSpan& span) { result.push_back(span); });
    return result;
}

}  // namespace bt::meta
