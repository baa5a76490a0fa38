#pragma once

// How far each file of a torrent is: a file is complete when every piece that touches it is verified. Files of
// length 0 are complete from the start. A piece that straddles files counts for each of them.
// Cost: O(files a piece touches) a call.

#include <cstdint>
#include <vector>

#include "common/base/types.h"
#include "common/meta/bitfield.h"
#include "common/meta/metainfo.h"

namespace bt::storage {

class FileState {
  public:
    FileState(const meta::Metainfo& metainfo, const meta::Bitfield& have);

    // The files that this piece completed, in order. Each piece at most once.
    [[nodiscard]] std::vector<FileIndex> on_piece_verified(PieceIndex piece);

    [[nodiscard]] bool is_complete(FileIndex file) const { return missing_[file.value()] == 0; }
    [[nodiscard]] std::uint32_t missing_pieces(FileIndex file) const { return missing_[file.value()]; }
    [[nodiscard]] std::uint32_t complete_files() const { return complete_; }

  private:
    const meta::Metainfo* metainfo_;
    std::vector<std::uint32_t> missing_;  // pieces not verified, per file
    std::uint32_t complete_ = 0;
};

}  // namespace bt::storage
