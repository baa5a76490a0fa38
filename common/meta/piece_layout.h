#pragma once

// All piece, block and byte arithmetic of a torrent, in one value. A PieceIndex from outside becomes valid only by
// asking here; last-piece and last-block rules live nowhere else.

#include <cstdint>
#include <optional>

#include "common/base/check.h"
#include "common/base/types.h"

namespace bt::meta {

class PieceLayout {
  public:
    PieceLayout() = default;
    // piece_length > 0; total_length may be 0 (no pieces).
    PieceLayout(std::uint64_t total_length, std::uint32_t piece_length)
        : total_length_(total_length),
          piece_length_(piece_length),
          piece_count_(static_cast<std::uint32_t>((total_length + piece_length - 1) / piece_length)) {
        BT_CHECK(piece_length > 0);
    }

    [[nodiscard]] std::uint64_t total_length() const { return total_length_; }
    [[nodiscard]] std::uint32_t piece_length() const { return piece_length_; }   // of all but the last
    [[nodiscard]] std::uint32_t piece_count() const { return piece_count_; }

    // The index as a valid piece, or nothing.
    [[nodiscard]] std::optional<PieceIndex> piece(std::uint32_t index) const {
        if (index >= piece_count_) return std::nullopt;
        return PieceIndex(index);
    }

    [[nodiscard]] std::uint64_t piece_offset(PieceIndex piece) const {
        return std::uint64_t{piece.value()} * piece_length_;
    }
    // Length of this very piece; the last may be shorter.
    [[nodiscard]] std::uint32_t piece_size(PieceIndex piece) const {
        BT_CHECK(piece.value() < piece_count_);
        if (piece.value() + 1 < piece_count_) return piece_length_;
        return static_cast<std::uint32_t>(total_length_ - piece_offset(piece));
    }
    [[nodiscard]] std::uint32_t block_count(PieceIndex piece) const {
        return (piece_size(piece) + kBlockSize - 1) / kBlockSize;
    }
    // The request for a block of a piece; block < block_count(piece).
    [[nodiscard]] BlockRequest block(PieceIndex piece, BlockIndex block) const {
        const std::uint32_t begin = block.value() * kBlockSize;
        const std::uint32_t size = piece_size(piece);
        BT_CHECK(begin < size);
        return {piece, begin, size - begin < kBlockSize ? size - begin : kBlockSize};
    }
    // The block that a piece message answers, if its bounds are exactly those of one of our blocks.
    [[nodiscard]] std::optional<BlockIndex> block_of(const BlockRequest& request) const {
        if (request.piece.value() >= piece_count_ || request.begin % kBlockSize != 0) return std::nullopt;
        const std::uint32_t size = piece_size(request.piece);
        if (request.begin >= size) return std::nullopt;
        const std::uint32_t expected = size - request.begin < kBlockSize ? size - request.begin : kBlockSize;
        if (request.length != expected) return std::nullopt;
        return BlockIndex(request.begin / kBlockSize);
    }
    // True when bytes [begin, begin + length) lie inside the piece and length > 0; for requests from peers.
    [[nodiscard]] bool is_inside(const BlockRequest& request) const {
        if (request.piece.value() >= piece_count_ || request.length == 0) return false;
        const std::uint32_t size = piece_size(request.piece);
        return request.begin < size && request.length <= size - request.begin;
    }

  private:
    std::uint64_t total_length_ = 0;
    std::uint32_t piece_length_ = 1;
    std::uint32_t piece_count_ = 0;
};

}  // namespace bt::meta
