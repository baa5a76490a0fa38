#pragma once

// A block of IP addresses, "10.0.0.0/8", "::1/128", or one address: who a setting is for.
//
// Rules
//  - An IPv4 range holds IPv4 addresses and those mapped into IPv6 (::ffff:a.b.c.d); an IPv6 range IPv6 addresses.
//  - Bits behind the prefix must be zero in the text ("10.0.0.1/8" is refused: it is not what was meant).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"

namespace bt {

class AddressRange {
  public:
    // Nothing where the text is no range.
    [[nodiscard]] static std::optional<AddressRange> parse(std::string_view text);

    [[nodiscard]] bool contains(const Address& address) const;
    [[nodiscard]] const Address& first() const { return first_; }
    [[nodiscard]] unsigned prefix_bits() const { return prefix_bits_; }
    [[nodiscard]] std::string to_string() const;

    friend bool operator==(const AddressRange&, const AddressRange&) = default;

  private:
    AddressRange(const Address& first, unsigned prefix_bits) : first_(first), prefix_bits_(prefix_bits) {}

    Address first_;
    unsigned prefix_bits_;
};

// True when one of them does.
[[nodiscard]] bool contains(const std::vector<AddressRange>& ranges, const Address& address);

}  // namespace bt
