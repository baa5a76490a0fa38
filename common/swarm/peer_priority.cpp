#include "common/swarm/peer_priority.h"

#include <algorithm>

#include "common/base/byte_cursor.h"
#include "common/base/crc32c.h"

namespace bt::swarm {
namespace {

// Whole bytes up to and with the first that differs behind the network's part, 0x55 of the rest.
ByteBuffer masked(ByteView address, std::size_t whole) {
    ByteBuffer bytes(address.begin(), address.end());
    for (std::size_t i = whole; i < bytes.size(); ++i) bytes[i] = static_cast<Byte>(bytes[i] & 0x55);
    return bytes;
}

}  // namespace

std::uint32_t peer_priority(const Endpoint& a, const Endpoint& b) {
    if (a.address.family() != b.address.family()) return 0;
    ByteBuffer input;
    if (a.address == b.address) {
        append_u16(input, std::min(a.port, b.port));
        append_u16(input, std::max(a.port, b.port));
        return crc32c(input);
    }
    const ByteView x = a.address.bytes();
    const ByteView y = b.address.bytes();
    const auto same = static_cast<std::size_t>(std::ranges::mismatch(x, y).in1 - x.begin());
    const std::size_t least = a.address.is_v4() ? 2 : 6;
    const std::size_t whole = same < least ? least : same + 1;
    ByteBuffer first = masked(x, whole);
    ByteBuffer second = masked(y, whole);
    if (second < first) first.swap(second);
    append(first, second);
    return crc32c(first);
}

}  // namespace bt::swarm
