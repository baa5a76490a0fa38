#pragma once

// The pieces that are coming in: one buffer each, and who sent which block. A block is copied once, to its place.
//
// Memory is bounded by max_bytes, counting the buffers here and those handed out to be hashed and written; only one
// piece may always be begun, however large. Buffers are reused last in, first out, so that they stay in the CPU's cache.

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/time.h"
#include "common/base/types.h"
#include "common/meta/piece_layout.h"
#include "common/storage/piece_buffer.h"

namespace bt::swarm {

// Who sent each block of a piece; kept until the verdict on the piece.
using Contributors = std::vector<Address>;

class PieceAssembly {
  public:
    PieceAssembly(const meta::PieceLayout& layout, std::uint64_t max_bytes);

    // Whether another piece (or several) may be begun without breaking the bound.
    [[nodiscard]] bool has_room(std::uint32_t pieces = 1) const;

    // Makes the buffer of a piece, if it has none yet.
    void begin(PieceIndex piece, TimePoint now);
    void store(PieceIndex piece, BlockIndex block, ByteView bytes, const Address& from, TimePoint now);

    struct Whole {
        storage::PieceBuffer buffer;
        Contributors contributors;
    };
    // Takes a piece out to be hashed and written; the buffer comes back through recycle.
    [[nodiscard]] Whole take(PieceIndex piece);
    void recycle(storage::PieceBuffer buffer);

    // Throws away what has come of a piece.
    void abandon(PieceIndex piece);
    [[nodiscard]] bool contains(PieceIndex piece) const { return pieces_.contains(piece); }
    [[nodiscard]] std::size_t count() const { return pieces_.size(); }
    // Pieces that have waited for a block at least so long, longest first, then by index.
    [[nodiscard]] std::vector<PieceIndex> idle(TimePoint now, Duration at_least) const;

    [[nodiscard]] std::uint64_t buffered_bytes() const { return in_use_ * layout_->piece_length(); }

  private:
    struct Piece {
        storage::PieceBuffer buffer;
        Contributors contributors;
        TimePoint last_progress;
    };
    const meta::PieceLayout* layout_;
    std::uint64_t max_bytes_;
    std::uint64_t in_use_ = 0;    // buffers in pieces_ and handed out
    std::unordered_map<PieceIndex, Piece> pieces_;
    std::vector<storage::PieceBuffer> free_;
};

}  // namespace bt::swarm
