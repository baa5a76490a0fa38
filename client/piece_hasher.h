#pragma once

// Hashes pieces that lie in files, with as many threads as asked for: what `create` and `verify` have in common.
//
//  - Threads take runs of neighbouring pieces in order, two pieces share one pass (crypto::sha1_pair); pieces over
//    kMaxPairedPiece are streamed through a window, so that memory stays at 8 MiB a thread.
//  - Every byte is read once, from the page cache or the device; files are opened when a piece needs them.
//  - A piece with bytes in a file that is missing, too short or no regular file has no digest; that is no error here.
//    What else keeps us from reading is, and the first such error ends the whole.
//  - progress is called on the calling thread, several times a second and once at the end.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/types.h"
#include "common/meta/file_map.h"
#include "common/meta/piece_layout.h"

namespace bt::client {

struct HashJob {
    const meta::FileMap& map;
    const meta::PieceLayout& layout;
    const std::vector<std::string>& paths;  // one for each file of the map
    std::uint32_t threads = 0;              // 0: one for each core
    std::function<void(std::uint64_t bytes_done)> progress;
};

[[nodiscard]] Result<std::vector<std::optional<Sha1Digest>>> hash_pieces(const HashJob& job);

}  // namespace bt::client
