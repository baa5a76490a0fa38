#include "common/wire/lt_donthave.h"

#include "common/base/byte_cursor.h"

namespace bt::wire {

ByteBuffer encode_donthave(std::uint32_t piece) {
    ByteBuffer payload;
    append_u32(payload, piece);
    return payload;
}

Result<std::uint32_t> parse_donthave(ByteView payload) {
    if (payload.size() != 4) {
        return fail(remote_error(ErrorCode::ProtocolViolation,
                                 "lt_donthave of " + std::to_string(payload.size()) + " bytes", payload.size()));
    }
    return load_u32(payload.data());
}

}  // namespace bt::wire
