#include "common/telemetry/pcapng.h"

#include <algorithm>
#include <array>
#include <concepts>

namespace bt::telemetry {
namespace {

constexpr std::uint32_t kSectionBlock = 0x0a0d0d0a;
constexpr std::uint32_t kInterfaceBlock = 1;
constexpr std::uint32_t kNameBlock = 4;
constexpr std::uint32_t kPacketBlock = 6;
constexpr std::uint32_t kByteOrderMagic = 0x1a2b3c4d;
constexpr std::uint16_t kOptionEnd = 0;
constexpr std::uint16_t kOptionComment = 1;
constexpr std::uint16_t kOptionName = 2;         // of an interface
constexpr std::uint16_t kOptionDescription = 3;  // of an interface
constexpr std::uint16_t kOptionFlags = 2;        // of a packet
constexpr std::uint16_t kOptionApplication = 4;  // of a section
constexpr std::uint16_t kOptionResolution = 9;
constexpr std::uint16_t kNameIpv4 = 1, kNameIpv6 = 2;
constexpr std::size_t kMaxOption = 0xffff;
constexpr std::size_t kFrame = 12;  // type, length, length again

template <std::unsigned_integral Number>
void put(ByteBuffer& out, Number value) {
    for (std::size_t i = 0; i < sizeof(Number); ++i) out.push_back(static_cast<Byte>(value >> (8 * i)));
}

template <std::unsigned_integral Number>
Number get(ByteView bytes, std::size_t at) {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < sizeof(Number); ++i) value |= std::uint64_t{bytes[at + i]} << (8 * i);
    return static_cast<Number>(value);
}

std::size_t padded(std::size_t size) { return (size + 3) & ~std::size_t{3}; }

void put_padded(ByteBuffer& out, ByteView bytes) {
    append(out, bytes);
    out.resize(out.size() + padded(bytes.size()) - bytes.size());
}

void put_option(ByteBuffer& out, std::uint16_t code, ByteView value) {
    value = value.first(std::min(value.size(), kMaxOption));
    put(out, code);
    put(out, static_cast<std::uint16_t>(value.size()));
    put_padded(out, value);
}

void put_end_of_options(ByteBuffer& out) { put(out, std::uint32_t{kOptionEnd}); }

// The body is written by `body`; its length goes in front and behind.
template <class Body>
void put_block(ByteBuffer& out, std::uint32_t type, Body body) {
    const std::size_t begin = out.size();
    put(out, type);
    put(out, std::uint32_t{0});
    body();
    const auto length = static_cast<std::uint32_t>(out.size() - begin + 4);
    put(out, length);
    for (std::size_t i = 0; i < 4; ++i) out[begin + 4 + i] = static_cast<Byte>(length >> (8 * i));
}

// Each option of a block's tail; false where they do not fit.
template <class Take>
bool for_each_option(ByteView options, Take take) {
    while (options.size() >= 4) {
        const auto code = get<std::uint16_t>(options, 0);
        const auto length = get<std::uint16_t>(options, 2);
        if (code == kOptionEnd) return true;
        if (options.size() < 4 + padded(length)) return false;
        take(code, options.subspan(4, length));
        options = options.subspan(4 + padded(length));
    }
    return options.empty();
}

std::optional<Block> read_interface(ByteView body) {
    if (body.size() < 8) return std::nullopt;
    Interface interface;
    const bool good = for_each_option(body.subspan(8), [&](std::uint16_t code, ByteView value) {
        if (code == kOptionName) interface.name = to_string(value);
        if (code == kOptionDescription) interface.description = to_string(value);
    });
    return good ? std::optional<Block>(std::move(interface)) : std::nullopt;
}

std::optional<Block> read_packet(ByteView body) {
    constexpr std::size_t kFixed = 20;
    if (body.size() < kFixed) return std::nullopt;
    const auto captured = get<std::uint32_t>(body, 12);
    if (captured > body.size() - kFixed || padded(captured) > body.size() - kFixed) return std::nullopt;
    Packet packet;
    packet.interface = get<std::uint32_t>(body, 0);
    packet.time_ns = std::uint64_t{get<std::uint32_t>(body, 4)} << 32 | get<std::uint32_t>(body, 8);
    packet.original_length = get<std::uint32_t>(body, 16);
    packet.bytes = body.subspan(kFixed, captured);
    const bool good = for_each_option(body.subspan(kFixed + padded(captured)), [&](std::uint16_t code, ByteView value) {
        if (code == kOptionComment) packet.comment = as_text(value);
        if (code == kOptionFlags && value.size() == 4) {
            packet.direction = (value[0] & 3) == 2 ? Direction::Out : Direction::In;
        }
    });
    return good ? std::optional<Block>(packet) : std::nullopt;
}

// The first record is the only one that append_name() writes.
std::optional<Block> read_name(ByteView body) {
    if (body.size() < 4) return std::nullopt;
    const auto kind = get<std::uint16_t>(body, 0);
    const auto length = get<std::uint16_t>(body, 2);
    const std::size_t address = kind == kNameIpv4 ? 4 : kind == kNameIpv6 ? 16 : 0;
    if (address == 0) return Block{};
    if (length < address || body.size() < 4u + length) return std::nullopt;
    NameRecord record;
    const ByteView value = body.subspan(4, length);
    if (address == 4) {
        record.address = Address::v4({value[0], value[1], value[2], value[3]});
    } else {
        std::array<Byte, 16> bytes{};
        std::copy_n(value.begin(), 16, bytes.begin());
        record.address = Address::v6(bytes);
    }
    const std::string_view name = as_text(value.subspan(address));
    record.name = name.substr(0, name.find('\0'));
    return Block(std::move(record));
}

}  // namespace

void append_section(ByteBuffer& out, std::string_view application) {
    put_block(out, kSectionBlock, [&] {
        put(out, kByteOrderMagic);
        put(out, std::uint16_t{1});
        put(out, std::uint16_t{0});
        put(out, UINT64_MAX);  // the section's length: not known
        put_option(out, kOptionApplication, as_bytes(application));
        put_end_of_options(out);
    });
}

void append_interface(ByteBuffer& out, std::string_view name, std::string_view description) {
    put_block(out, kInterfaceBlock, [&] {
        put(out, kLinkTypeRawIp);
        put(out, std::uint16_t{0});
        put(out, std::uint32_t{0});  // no limit on the length of a packet
        put_option(out, kOptionName, as_bytes(name));
        if (!description.empty()) put_option(out, kOptionDescription, as_bytes(description));
        constexpr std::array<Byte, 1> kNanoseconds = {9};
        put_option(out, kOptionResolution, kNanoseconds);
        put_end_of_options(out);
    });
}

void append_name(ByteBuffer& out, const Address& address, std::string_view name) {
    put_block(out, kNameBlock, [&] {
        ByteBuffer record = to_buffer(address.bytes());
        append(record, name.substr(0, kMaxOption - record.size() - 1));
        record.push_back(0);
        put_option(out, address.is_v4() ? kNameIpv4 : kNameIpv6, record);
        put_end_of_options(out);
    });
}

void append_packet(ByteBuffer& out, const Packet& packet) {
    put_block(out, kPacketBlock, [&] {
        put(out, packet.interface);
        put(out, static_cast<std::uint32_t>(packet.time_ns >> 32));
        put(out, static_cast<std::uint32_t>(packet.time_ns));
        put(out, static_cast<std::uint32_t>(packet.bytes.size()));
        put(out, static_cast<std::uint32_t>(packet.original_length));
        put_padded(out, packet.bytes);
        if (!packet.comment.empty()) put_option(out, kOptionComment, as_bytes(packet.comment));
        const std::array<Byte, 4> flags = {static_cast<Byte>(packet.direction == Direction::In ? 1 : 2), 0, 0, 0};
        put_option(out, kOptionFlags, flags);
        put_end_of_options(out);
    });
}

std::optional<Block> PcapngReader::next() {
    if (damaged_ || left_.empty()) return std::nullopt;
    const std::size_t length = left_.size() < kFrame ? 0 : get<std::uint32_t>(left_, 4);
    damaged_ =
        length < kFrame || length % 4 != 0 || length > left_.size() || get<std::uint32_t>(left_, length - 4) != length;
    if (damaged_) return std::nullopt;
    const auto type = get<std::uint32_t>(left_, 0);
    const ByteView body = left_.subspan(8, length - kFrame);
    left_ = left_.subspan(length);
    std::optional<Block> block = Block{};
    if (type == kInterfaceBlock) block = read_interface(body);
    if (type == kPacketBlock) block = read_packet(body);
    if (type == kNameBlock) block = read_name(body);
    damaged_ = !block;
    return block;
}

}  // namespace bt::telemetry
