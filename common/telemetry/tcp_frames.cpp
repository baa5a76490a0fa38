#include "common/telemetry/tcp_frames.h"

#include <algorithm>
#include <concepts>

namespace bt::telemetry {
namespace {

constexpr Byte kFin = 0x01, kSyn = 0x02, kPush = 0x08, kAck = 0x10;
constexpr std::uint16_t kTcpHeader = 20, kIpv4Header = 20, kIpv6Header = 40;
constexpr Byte kTcp = 6, kHopLimit = 64;
constexpr std::uint16_t kWindow = 65535;

template <std::unsigned_integral Number>
void put_big_endian(ByteBuffer& out, Number value) {
    for (std::size_t i = sizeof(Number); i-- > 0;) out.push_back(static_cast<Byte>(value >> (8 * i)));
}

void put_ip_header(ByteBuffer& out, const Address& from, const Address& to, std::uint32_t segment_length) {
    if (from.is_v4()) {
        put_big_endian(out, std::uint16_t{0x4500});
        put_big_endian(out, static_cast<std::uint16_t>(kIpv4Header + segment_length));
        put_big_endian(out, std::uint32_t{0x00004000});  // not to be fragmented
        put_big_endian(out, kHopLimit);
        put_big_endian(out, kTcp);
        put_big_endian(out, std::uint16_t{0});
    } else {
        put_big_endian(out, std::uint32_t{0x60000000});
        put_big_endian(out, static_cast<std::uint16_t>(segment_length));
        put_big_endian(out, kTcp);
        put_big_endian(out, kHopLimit);
    }
    append(out, from.bytes());
    append(out, to.bytes());
}

Direction other(Direction direction) { return direction == Direction::In ? Direction::Out : Direction::In; }

}  // namespace

TcpConversation::TcpConversation(const Endpoint& local, const Endpoint& remote, bool outgoing)
    : sides_{Side{remote, 0}, Side{local, 0}}, outgoing_(outgoing) {}

TcpFrame TcpConversation::frame(Direction direction, Byte flags, ByteView kept, std::uint32_t length) {
    Side& from = sides_[static_cast<std::size_t>(direction)];
    const Side& to = sides_[static_cast<std::size_t>(other(direction))];
    TcpFrame frame;
    frame.direction = direction;
    put_ip_header(frame.bytes, from.endpoint.address, to.endpoint.address, kTcpHeader + length);
    put_big_endian(frame.bytes, from.endpoint.port);
    put_big_endian(frame.bytes, to.endpoint.port);
    put_big_endian(frame.bytes, from.next);
    put_big_endian(frame.bytes, (flags & kAck) != 0 ? to.next : 0u);
    put_big_endian(frame.bytes, static_cast<Byte>(kTcpHeader / 4 << 4));
    put_big_endian(frame.bytes, flags);
    put_big_endian(frame.bytes, kWindow);
    put_big_endian(frame.bytes, std::uint32_t{0});
    frame.original_length = frame.bytes.size() + length;
    append(frame.bytes, kept);
    from.next += length + ((flags & (kSyn | kFin)) != 0 ? 1 : 0);
    return frame;
}

std::vector<TcpFrame> TcpConversation::open() {
    const Direction first = outgoing_ ? Direction::Out : Direction::In;
    std::vector<TcpFrame> frames;
    frames.push_back(frame(first, kSyn, {}, 0));
    frames.push_back(frame(other(first), kSyn | kAck, {}, 0));
    frames.push_back(frame(first, kAck, {}, 0));
    return frames;
}

std::vector<TcpFrame> TcpConversation::say(Direction direction, ByteView kept, std::uint64_t length) {
    std::vector<TcpFrame> frames;
    while (length > 0) {
        const auto now = static_cast<std::uint32_t>(std::min<std::uint64_t>(length, kMaxSegment));
        const ByteView part = kept.first(std::min<std::size_t>(kept.size(), now));
        const Byte flags = length == now ? kPush | kAck : kAck;
        frames.push_back(frame(direction, flags, part, now));
        kept = kept.subspan(part.size());
        length -= now;
    }
    return frames;
}

std::vector<TcpFrame> TcpConversation::close(Direction by) {
    std::vector<TcpFrame> frames;
    frames.push_back(frame(by, kFin | kAck, {}, 0));
    frames.push_back(frame(other(by), kFin | kAck, {}, 0));
    return frames;
}

}  // namespace bt::telemetry
