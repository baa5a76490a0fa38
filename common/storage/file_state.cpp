#include "common/storage/file_state.h"

#include "common/base/check.h"

namespace bt::storage {

FileState::FileState(const meta::Metainfo& metainfo, const meta::Bitfield& have)
    : metainfo_(&metainfo), missing_(metainfo.files().size(), 0) {
    const auto& map = metainfo.file_map();
    const std::uint32_t piece_length = metainfo.layout().piece_length();
    for (std::uint32_t i = 0; i < map.file_count(); ++i) {
        const FileIndex file(i);
        const std::uint64_t length = map.file_length(file);
        if (length > 0) {
            const std::uint64_t first = map.file_start(file) / piece_length;
            const std::uint64_t last = (map.file_start(file) + length - 1) / piece_length;
            for (std::uint64_t piece = first; piece <= last; ++piece) {
                if (!have.has(PieceIndex(static_cast<std::uint32_t>(piece)))) ++missing_[i];
            }
        }
        if (missing_[i] == 0) ++complete_;
    }
}

std::vector<FileIndex> FileState::on_piece_verified(PieceIndex piece) {
    const auto& layout = metainfo_->layout();
    std::vector<FileIndex> completed;
    for (const auto& span : metainfo_->file_map().spans(layout.piece_offset(piece), layout.piece_size(piece))) {
        std::uint32_t& missing = missing_[span.file.value()];
        BT_CHECK(missing > 0);
        if (--missing == 0) {
            ++complete_;
            completed.push_back(span.file);
        }
    }
    return completed;
}

}  // namespace bt::storage
