#pragma once

// CRC-32C (Castagnoli), as iSCSI and BEP 40 use it. For a few bytes at a time: bit by bit, without a table.

#include <cstdint>

#include "common/base/bytes.h"

namespace bt {

[[nodiscard]] constexpr std::uint32_t crc32c(ByteView bytes) {
    std::uint32_t crc = 0xffff'ffff;
    for (const Byte byte : bytes) {
        crc ^= byte;
        for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0x82f6'3b78u : 0u);
    }
    return ~crc;
}

}  // namespace bt
