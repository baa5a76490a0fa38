#pragma once

// From how much each file is wanted to how much each piece is: a piece is as urgent as the most urgent file that it has
// bytes of, so a piece that straddles a wanted and an unwanted file is wanted, and no wanted file stays incomplete.
// Cost: O(files + pieces).

#include <cstdint>
#include <vector>

#include "common/meta/metainfo.h"

namespace bt::swarm {

// One number (0 … 7) for each piece. `file_priorities` has one for each file, or is empty: everything is normal.
[[nodiscard]] std::vector<std::uint8_t> piece_priorities(const meta::Metainfo& metainfo,
                                                         const std::vector<std::uint8_t>& file_priorities);

}  // namespace bt::swarm
