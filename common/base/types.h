#pragma once

// The values that every layer speaks of. Words as in docs/architecture.md.

#include <array>
#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/strong_type.h"

namespace bt {

// Hash-checked unit of a torrent, 0-based.
using PieceIndex = StrongIndex<struct PieceTag>;
// 16 KiB request unit within one piece, 0-based.
using BlockIndex = StrongIndex<struct BlockTag>;
// File of a torrent in the order of its metainfo, 0-based.
using FileIndex = StrongIndex<struct FileTag>;
// One live connection of a node; never used again within a run.
using ConnectionId = StrongIndex<struct ConnectionTag>;
// One opened content (a torrent's files) at a node's disk.
using StorageId = StrongIndex<struct StorageTag>;

inline constexpr std::uint32_t kBlockSize = 16 * 1024;

using Sha1Digest = std::array<Byte, 20>;
// SHA-1 over the raw bytes of a metainfo's `info` (BEP 3).
using InfoHash = Sha1Digest;
using PeerId = std::array<Byte, 20>;

// A block as the wire names it (BEP 3 request/piece/cancel): bytes [begin, begin + length) of a piece.
struct BlockRequest {
    PieceIndex piece;
    std::uint32_t begin = 0;
    std::uint32_t length = 0;

    friend constexpr auto operator<=>(const BlockRequest&, const BlockRequest&) = default;
};

// A run of bytes of one file of an opened content; what a driver can send without copying it through user space.
struct FileRange {
    StorageId storage;
    FileIndex file;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;

    friend constexpr auto operator<=>(const FileRange&, const FileRange&) = default;
};

}  // namespace bt
