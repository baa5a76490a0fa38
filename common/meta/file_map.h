#pragma once

// Where the bytes of a torrent lie in its files, and back. Files are laid one behind the other in metainfo order;
// a piece may straddle any number of them, and files of length 0 own no byte.

#include <algorithm>
#include <cstdint>
#include <vector>

#include "common/base/check.h"
#include "common/base/types.h"

namespace bt::meta {

// Bytes [offset, offset + length) of one file; length > 0.
struct FileSpan {
    FileIndex file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    friend bool operator==(const FileSpan&, const FileSpan&) = default;
};

class FileMap {
  public:
    FileMap() = default;
    // Lengths in metainfo order; their sum must not overflow (the metainfo parser sees to it).
    explicit FileMap(const std::vector<std::uint64_t>& lengths);

    [[nodiscard]] std::uint32_t file_count() const { return static_cast<std::uint32_t>(starts_.size()) - 1; }
    [[nodiscard]] std::uint64_t total_length() const { return starts_.back(); }
    [[nodiscard]] std::uint64_t file_length(FileIndex file) const {
        return starts_[file.value() + 1] - starts_[file.value()];
    }
    // First byte of the file within the torrent.
    [[nodiscard]] std::uint64_t file_start(FileIndex file) const { return starts_[file.value()]; }

    // The parts of files that make up torrent bytes [offset, offset + length), in order; the range lies inside.
    // Cost: O(log files + spans + empty files among them).
    [[nodiscard]] std::vector<FileSpan> spans(std::uint64_t offset, std::uint64_t length) const;
    // The same parts, each given to visit(FileSpan), without a list: for what is done once a block.
    template <class Visit>
    void for_each_span(std::uint64_t offset, std::uint64_t length, Visit visit) const {
        BT_CHECK(offset <= total_length() && length <= total_length() - offset);
        if (length == 0) return;
        // The last file that starts at or before the offset is the one that owns the byte: empty files before it start
        // at the same place.
        const auto behind = std::upper_bound(starts_.begin(), starts_.end(), offset);
        auto file = static_cast<std::uint32_t>(behind - starts_.begin()) - 1;
        while (length > 0) {
            const std::uint64_t step = std::min(length, starts_[file + 1] - offset);
            if (step > 0) visit(FileSpan{FileIndex(file), offset - starts_[file], step});
            offset += step;
            length -= step;
            ++file;
        }
    }

  private:
    std::vector<std::uint64_t> starts_{0};  // file_count + 1 entries
};

}  // namespace bt::meta
