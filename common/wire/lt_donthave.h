#pragma once

// The one message of lt_donthave (BEP 54): "I do not have this piece any more", behind the id of the extended message.

#include <cstdint>

#include "common/base/bytes.h"
#include "common/base/result.h"

namespace bt::wire {

[[nodiscard]] ByteBuffer encode_donthave(std::uint32_t piece);
// The piece as it was said. Anything but exactly four bytes is refused (ProtocolViolation, remote).
[[nodiscard]] Result<std::uint32_t> parse_donthave(ByteView payload);

}  // namespace bt::wire
