#pragma once

// IP address + port, both families, as values; text and compact (BEP 23, BEP 7) forms.

#include <array>
#include <compare>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"

namespace bt {

class Address {
  public:
    enum class Family : std::uint8_t { V4, V6 };

    Address() = default;  // 0.0.0.0
    [[nodiscard]] static Address v4(std::array<Byte, 4> bytes);
    [[nodiscard]] static Address v6(std::array<Byte, 16> bytes);
    [[nodiscard]] static std::optional<Address> parse(std::string_view text);  // "127.0.0.1", "::1"; no brackets

    [[nodiscard]] Family family() const { return family_; }
    [[nodiscard]] bool is_v4() const { return family_ == Family::V4; }
    [[nodiscard]] ByteView bytes() const { return {bytes_.data(), is_v4() ? 4u : 16u}; }
    [[nodiscard]] bool is_loopback() const;
    [[nodiscard]] bool is_unspecified() const;
    [[nodiscard]] std::string to_string() const;

    friend auto operator<=>(const Address&, const Address&) = default;

  private:
    Family family_ = Family::V4;
    std::array<Byte, 16> bytes_{};
};

struct Endpoint {
    Address address;
    std::uint16_t port = 0;

    [[nodiscard]] static std::optional<Endpoint> parse(std::string_view text);  // "1.2.3.4:80", "[::1]:80"
    [[nodiscard]] std::string to_string() const;

    // 6 bytes for IPv4 (BEP 23), 18 for IPv6 (BEP 7).
    void append_compact(ByteBuffer& out) const;
    [[nodiscard]] static Endpoint from_compact_v4(const Byte* six);
    [[nodiscard]] static Endpoint from_compact_v6(const Byte* eighteen);

    friend auto operator<=>(const Endpoint&, const Endpoint&) = default;
};

}  // namespace bt

template <>
struct std::hash<bt::Endpoint> {
    std::size_t operator()(const bt::Endpoint& endpoint) const noexcept {
        std::size_t h = endpoint.port;
        for (bt::Byte b : endpoint.address.bytes()) h = h * 1099511628211u + b;
        return h;
    }
};
