#include "common/base/endpoint.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

#include "common/base/byte_cursor.h"

namespace bt {

Address Address::v4(std::array<Byte, 4> bytes) {
    Address address;
    std::copy(bytes.begin(), bytes.end(), address.bytes_.begin());
    return address;
}

Address Address::v6(std::array<Byte, 16> bytes) {
    Address address;
    address.family_ = Family::V6;
    address.bytes_ = bytes;
    return address;
}

std::optional<Address> Address::parse(std::string_view text) {
    const std::string copy(text);
    if (copy.find('\0') != std::string::npos) return std::nullopt;
    std::array<Byte, 4> four{};
    if (inet_pton(AF_INET, copy.c_str(), four.data()) == 1) return v4(four);
    std::array<Byte, 16> sixteen{};
    if (inet_pton(AF_INET6, copy.c_str(), sixteen.data()) == 1) return v6(sixteen);
    return std::nullopt;
}

bool Address::is_loopback() const {
    if (is_v4()) return bytes_[0] == 127;
    return std::all_of(bytes_.begin(), bytes_.end() - 1, [](Byte b) { return b == 0; }) && bytes_[15] == 1;
}

bool Address::is_unspecified() const {
    return std::all_of(bytes_.begin(), bytes_.end(), [](Byte b) { return b == 0; });
}

std::string Address::to_string() const {
    char text[INET6_ADDRSTRLEN] = {};
    inet_ntop(is_v4() ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
    return text;
}

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) return std::nullopt;
    std::string_view host = text.substr(0, colon);
    const std::string_view port_text = text.substr(colon + 1);
    const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
    if (bracketed) host = host.substr(1, host.size() - 2);
    const auto address = Address::parse(host);
    if (!address || address->is_v4() == bracketed) return std::nullopt;
    std::uint16_t port = 0;
    const auto [end, error] = std::from_chars(port_text.data(), port_text.data() + port_text.size(), port);
    if (error != std::errc{} || end != port_text.data() + port_text.size()) return std::nullopt;
    return Endpoint{*address, port};
}

std::string Endpoint::to_string() const {
    const std::string host = address.is_v4() ? address.to_string() : "[" + address.to_string() + "]";
    return host + ":" + std::to_string(port);
}

void Endpoint::append_compact(ByteBuffer& out) const {
    append(out, address.bytes());
    append_u16(out, port);
}

Endpoint Endpoint::from_compact_v4(const Byte* six) {
    return {Address::v4({six[0], six[1], six[2], six[3]}), load_u16(six + 4)};
}

Endpoint Endpoint::from_compact_v6(const Byte* eighteen) {
    std::array<Byte, 16> bytes{};
    std::copy(eighteen, eighteen + 16, bytes.begin());
    return {Address::v6(bytes), load_u16(eighteen + 16)};
}

}  // namespace bt
