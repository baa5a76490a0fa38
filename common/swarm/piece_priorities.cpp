#include "common/swarm/piece_priorities.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/swarm/rarity_order.h"

namespace bt::swarm {

std::vector<std::uint8_t> piece_priorities(const meta::Metainfo& metainfo,
                                           const std::vector<std::uint8_t>& file_priorities) {
    const auto& map = metainfo.file_map();
    const std::uint32_t piece_length = metainfo.layout().piece_length();
    if (file_priorities.empty()) return std::vector<std::uint8_t>(metainfo.layout().piece_count(), kNormalPriority);
    BT_CHECK(file_priorities.size() == map.file_count());
    std::vector<std::uint8_t> pieces(metainfo.layout().piece_count(), 0);
    for (std::uint32_t i = 0; i < map.file_count(); ++i) {
        const FileIndex file(i);
        const std::uint64_t length = map.file_length(file);
        if (length == 0) continue;
        const auto first = static_cast<std::size_t>(map.file_start(file) / piece_length);
        const auto last = static_cast<std::size_t>((map.file_start(file) + length - 1) / piece_length);
        for (std::size_t piece = first; piece <= last; ++piece)
            pieces[piece] = std::max(pieces[piece], file_priorities[i]);
    }
    return pieces;
}

}  // namespace bt::swarm
