#include "tracker/connection_id.h"

#include <algorithm>

#include "common/base/byte_cursor.h"

namespace bt::tracker {
namespace {

// Wraps after 136 years of running.
std::uint32_t whole_second(TimePoint time) {
    return static_cast<std::uint32_t>(std::chrono::floor<seconds>(time.time_since_epoch()).count());
}

}  // namespace

std::uint32_t ConnectionIds::mac(std::uint32_t second, const Address& address) const {
    std::array<Byte, 4 + 16> message;
    store_u32(message.data(), second);
    const ByteView bytes = address.bytes();
    std::copy(bytes.begin(), bytes.end(), message.begin() + 4);
    return static_cast<std::uint32_t>(crypto::siphash(key_, ByteView(message).first(4 + bytes.size())));
}

std::uint64_t ConnectionIds::make(const Address& address, TimePoint now) const {
    const std::uint32_t second = whole_second(now);
    return std::uint64_t{second} << 32 | mac(second, address);
}

bool ConnectionIds::is_good(std::uint64_t id, const Address& address, TimePoint now) const {
    const auto second = static_cast<std::uint32_t>(id >> 32);
    const std::uint32_t now_second = whole_second(now);
    // One word, not byte by byte: the comparison takes the same time wherever they differ.
    const bool is_ours = (mac(second, address) ^ static_cast<std::uint32_t>(id)) == 0;
    if (second > now_second) return false;
    const bool is_young = seconds(now_second - second) <= kIdLifetime + settings_.grace;
    return is_ours && (is_young || settings_.lenient);
}

}  // namespace bt::tracker
