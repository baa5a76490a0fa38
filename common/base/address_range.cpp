#include "common/base/address_range.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace bt {
namespace {

constexpr std::array<Byte, 12> kMapped = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

bool same_prefix(ByteView a, ByteView b, unsigned bits) {
    const unsigned whole = bits / 8;
    if (!equal_bytes(a.first(whole), b.first(whole))) return false;
    const unsigned rest = bits % 8;
    return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

std::optional<AddressRange> AddressRange::parse(std::string_view text) {
    const std::size_t slash = text.find('/');
    const auto address = Address::parse(text.substr(0, slash));
    if (!address) return std::nullopt;
    const auto size = static_cast<unsigned>(address->bytes().size()) * 8;
    unsigned bits = size;
    if (slash != std::string_view::npos) {
        const std::string_view digits = text.substr(slash + 1);
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), bits);
        if (error != std::errc() || end != digits.data() + digits.size() || bits > size) return std::nullopt;
    }
    const ByteView bytes = address->bytes();
    for (unsigned bit = bits; bit < size; ++bit) {
        if ((bytes[bit / 8] & (0x80u >> (bit % 8))) != 0) return std::nullopt;
    }
    return AddressRange(*address, bits);
}

bool AddressRange::contains(const Address& address) const {
    const ByteView bytes = address.bytes();
    if (address.family() == first_.family()) return same_prefix(bytes, first_.bytes(), prefix_bits_);
    if (!first_.is_v4() || !equal_bytes(bytes.first(kMapped.size()), kMapped)) return false;
    return same_prefix(bytes.subspan(kMapped.size()), first_.bytes(), prefix_bits_);
}

std::string AddressRange::to_string() const { return first_.to_string() + "/" + std::to_string(prefix_bits_); }

bool contains(const std::vector<AddressRange>& ranges, const Address& address) {
    return std::any_of(ranges.begin(), ranges.end(),
                       [&](const AddressRange& range) { return range.contains(address); });
}

}  // namespace bt
