#pragma once

// Which pieces somebody has: bits in wire order (BEP 3: high bit of the first byte is piece 0), typed by PieceIndex,
// with the count of set bits kept. Spare bits of the last byte are always zero.

#include <cstdint>
#include <optional>

#include "common/base/bytes.h"
#include "common/base/types.h"

namespace bt::meta {

class Bitfield {
  public:
    Bitfield() = default;
    explicit Bitfield(std::uint32_t piece_count);

    // From a `bitfield` message: nullopt unless it has exactly the right number of bytes and no spare bit set.
    [[nodiscard]] static std::optional<Bitfield> from_wire(ByteView bytes, std::uint32_t piece_count);
    [[nodiscard]] ByteView wire() const { return bytes_; }

    [[nodiscard]] std::uint32_t piece_count() const { return piece_count_; }
    [[nodiscard]] std::uint32_t count() const { return count_; }  // pieces that are set
    [[nodiscard]] bool is_empty() const { return count_ == 0; }
    [[nodiscard]] bool is_complete() const { return count_ == piece_count_; }
    [[nodiscard]] bool has(PieceIndex piece) const {
        return (bytes_[piece.value() / 8] >> (7 - piece.value() % 8) & 1) != 0;
    }

    // Both answer whether the bit changed.
    bool set(PieceIndex piece);
    bool clear(PieceIndex piece);
    void set_all();

    // First set (or clear) piece at or after `from`, if any; whole bytes are skipped.
    [[nodiscard]] std::optional<PieceIndex> next_set(PieceIndex from) const;
    [[nodiscard]] std::optional<PieceIndex> next_clear(PieceIndex from) const;

    friend bool operator==(const Bitfield& a, const Bitfield& b) {
        return a.piece_count_ == b.piece_count_ && a.bytes_ == b.bytes_;
    }

    void check_invariants() const;

  private:
    ByteBuffer bytes_;
    std::uint32_t piece_count_ = 0;
    std::uint32_t count_ = 0;
};

}  // namespace bt::meta
