#pragma once

// Big-endian integers in network messages, bounds-checked.

#include <cstdint>
#include <optional>

#include "common/base/bytes.h"

namespace bt {

[[nodiscard]] inline std::uint16_t load_u16(const Byte* p) {
    return static_cast<std::uint16_t>((p[0] << 8) | p[1]);
}
[[nodiscard]] inline std::uint32_t load_u32(const Byte* p) {
    return (std::uint32_t{p[0]} << 24) | (std::uint32_t{p[1]} << 16) | (std::uint32_t{p[2]} << 8) | p[3];
}
inline void store_u16(Byte* p, std::uint16_t v) {
    p[0] = static_cast<Byte>(v >> 8);
    p[1] = static_cast<Byte>(v);
}
inline void store_u32(Byte* p, std::uint32_t v) {
    p[0] = static_cast<Byte>(v >> 24);
    p[1] = static_cast<Byte>(v >> 16);
    p[2] = static_cast<Byte>(v >> 8);
    p[3] = static_cast<Byte>(v);
}

// Reads from a view; every read past the end answers nullopt and leaves the cursor where it was.
class ByteReader {
  public:
    explicit ByteReader(ByteView bytes) : bytes_(bytes) {}

    [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
    [[nodiscard]] std::size_t position() const { return position_; }

    [[nodiscard]] std::optional<std::uint8_t> u8() {
        if (remaining() < 1) return std::nullopt;
        return bytes_[position_++];
    }
    [[nodiscard]] std::optional<std::uint16_t> u16() {
        if (remaining() < 2) return std::nullopt;
        position_ += 2;
        return load_u16(bytes_.data() + position_ - 2);
    }
    [[nodiscard]] std::optional<std::uint32_t> u32() {
        if (remaining() < 4) return std::nullopt;
        position_ += 4;
        return load_u32(bytes_.data() + position_ - 4);
    }
    [[nodiscard]] std::optional<ByteView> take(std::size_t count) {
        if (remaining() < count) return std::nullopt;
        position_ += count;
        return bytes_.subspan(position_ - count, count);
    }

  private:
    ByteView bytes_;
    std::size_t position_ = 0;
};

inline void append_u16(ByteBuffer& out, std::uint16_t v) {
    out.resize(out.size() + 2);
    store_u16(out.data() + out.size() - 2, v);
}
inline void append_u32(ByteBuffer& out, std::uint32_t v) {
    out.resize(out.size() + 4);
    store_u32(out.data() + out.size() - 4, v);
}

}  // namespace bt
