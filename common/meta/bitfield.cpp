#include "common/meta/bitfield.h"

#include <bit>

#include "common/base/check.h"

namespace bt::meta {
namespace {

std::size_t byte_count(std::uint32_t piece_count) { return (std::size_t{piece_count} + 7) / 8; }

Byte mask_of(PieceIndex piece) { return static_cast<Byte>(0x80u >> (piece.value() % 8)); }

// Bits of the last byte that stand for no piece.
Byte spare_mask(std::uint32_t piece_count) {
    const std::uint32_t used = piece_count % 8;
    return used == 0 ? Byte{0} : static_cast<Byte>(0xFFu >> used);
}

std::uint32_t count_bits(ByteView bytes) {
    std::uint32_t count = 0;
    for (Byte b : bytes) count += static_cast<std::uint32_t>(std::popcount(b));
    return count;
}

// First piece at or after `from` whose bit is one in the bytes after each was xor-ed with `flip`.
std::optional<PieceIndex> next_one(ByteView bytes, std::uint32_t piece_count, PieceIndex from, Byte flip) {
    if (from.value() >= piece_count) return std::nullopt;
    std::size_t i = from.value() / 8;
    auto current = static_cast<Byte>((bytes[i] ^ flip) & (0xFFu >> (from.value() % 8)));
    while (current == 0) {
        if (++i == bytes.size()) return std::nullopt;
        current = static_cast<Byte>(bytes[i] ^ flip);
    }
    const auto piece = static_cast<std::uint32_t>(i * 8) + static_cast<std::uint32_t>(std::countl_zero(current));
    if (piece >= piece_count) return std::nullopt;
    return PieceIndex(piece);
}

}  // namespace

Bitfield::Bitfield(std::uint32_t piece_count) : bytes_(byte_count(piece_count)), piece_count_(piece_count) {}

std::optional<Bitfield> Bitfield::from_wire(ByteView bytes, std::uint32_t piece_count) {
    if (bytes.size() != byte_count(piece_count)) return std::nullopt;
    if (!bytes.empty() && (bytes.back() & spare_mask(piece_count)) != 0) return std::nullopt;
    Bitfield field;
    field.bytes_ = to_buffer(bytes);
    field.piece_count_ = piece_count;
    field.count_ = count_bits(bytes);
    return field;
}

bool Bitfield::set(PieceIndex piece) {
    BT_CHECK(piece.value() < piece_count_);
    if (has(piece)) return false;
    bytes_[piece.value() / 8] |= mask_of(piece);
    ++count_;
    return true;
}

bool Bitfield::clear(PieceIndex piece) {
    BT_CHECK(piece.value() < piece_count_);
    if (!has(piece)) return false;
    bytes_[piece.value() / 8] &= static_cast<Byte>(~mask_of(piece));
    --count_;
    return true;
}

void Bitfield::set_all() {
    if (bytes_.empty()) return;
    for (Byte& b : bytes_) b = 0xFF;
    bytes_.back() &= static_cast<Byte>(~spare_mask(piece_count_));
    count_ = piece_count_;
}

std::optional<PieceIndex> Bitfield::next_set(PieceIndex from) const {
    return next_one(bytes_, piece_count_, from, 0x00);
}

std::optional<PieceIndex> Bitfield::next_clear(PieceIndex from) const {
    return next_one(bytes_, piece_count_, from, 0xFF);
}

void Bitfield::check_invariants() const {
    BT_CHECK(bytes_.size() == byte_count(piece_count_));
    BT_CHECK(bytes_.empty() || (bytes_.back() & spare_mask(piece_count_)) == 0);
    BT_CHECK(count_ == count_bits(bytes_));
    BT_CHECK(count_ <= piece_count_);
}

}  // namespace bt::meta
