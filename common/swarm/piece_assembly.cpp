#include "common/swarm/piece_assembly.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "common/base/check.h"

namespace bt::swarm {

PieceAssembly::PieceAssembly(const meta::PieceLayout& layout, std::uint64_t max_bytes)
    : layout_(&layout), max_bytes_(max_bytes) {}

bool PieceAssembly::has_room(std::uint32_t pieces) const {
    return in_use_ + pieces == 1 || (in_use_ + pieces) * layout_->piece_length() <= max_bytes_;
}

void PieceAssembly::begin(PieceIndex piece, TimePoint now) {
    if (pieces_.contains(piece)) return;
    Piece entry;
    if (!free_.empty()) {
        entry.buffer = std::move(free_.back());
        free_.pop_back();
    } else {
        entry.buffer = storage::PieceBuffer(layout_->piece_length());
        BT_CHECK(!entry.buffer.is_empty());
    }
    entry.buffer.set_size(layout_->piece_size(piece));
    entry.contributors.resize(layout_->block_count(piece));
    entry.last_progress = now;
    pieces_.emplace(piece, std::move(entry));
    ++in_use_;
}

void PieceAssembly::store(PieceIndex piece, BlockIndex block, ByteView bytes, const Address& from, TimePoint now) {
    Piece& entry = pieces_.at(piece);
    const std::size_t begin = std::size_t{block.value()} * kBlockSize;
    BT_CHECK(begin + bytes.size() <= entry.buffer.size());
    std::memcpy(entry.buffer.bytes().data() + begin, bytes.data(), bytes.size());
    entry.contributors[block.value()] = from;
    entry.last_progress = now;
}

PieceAssembly::Whole PieceAssembly::take(PieceIndex piece) {
    auto node = pieces_.extract(piece);
    BT_CHECK(!node.empty());
    return {std::move(node.mapped().buffer), std::move(node.mapped().contributors)};
}

void PieceAssembly::recycle(storage::PieceBuffer buffer) {
    BT_CHECK(in_use_ > 0);
    --in_use_;
    if (!buffer.is_empty()) free_.push_back(std::move(buffer));
}

void PieceAssembly::abandon(PieceIndex piece) { recycle(take(piece).buffer); }

std::vector<PieceIndex> PieceAssembly::idle(TimePoint now, Duration at_least) const {
    std::vector<std::pair<TimePoint, PieceIndex>> found;
    for (const auto& [piece, entry] : pieces_) {
        if (now - entry.last_progress >= at_least) found.emplace_back(entry.last_progress, piece);
    }
    // The order of a hash map must not decide anything.
    std::ranges::sort(found);
    std::vector<PieceIndex> pieces;
    for (const auto& [since, piece] : found) pieces.push_back(piece);
    return pieces;
}

}  // namespace bt::swarm
