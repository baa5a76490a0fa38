#include "common/http/proxy_header.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

namespace bt::http {
namespace {

constexpr std::string_view kSignature2{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr std::string_view kSignature1 = "PROXY ";
constexpr std::size_t kHead2 = 16;
constexpr std::size_t kAddressesV4 = 12;
constexpr std::size_t kAddressesV6 = 36;

using Parsed = Result<std::optional<ProxyHeader>>;

std::unexpected<Error> broken(std::string_view what) {
    return fail(remote_error(ErrorCode::InvalidHttp, "PROXY header: " + std::string(what), 0));
}

std::optional<std::uint16_t> to_port(std::string_view text) {
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, port);
    if (text.empty() || error != std::errc{} || stop != end) return std::nullopt;
    return port;
}

std::vector<std::string_view> split(std::string_view text) {
    std::vector<std::string_view> words;
    while (true) {
        const std::size_t space = text.find(' ');
        words.push_back(text.substr(0, space));
        if (space == std::string_view::npos) return words;
        text.remove_prefix(space + 1);
    }
}

// "PROXY TCP4 source destination source-port destination-port\r\n"
Parsed parse_line(std::string_view text) {
    const std::size_t end = text.substr(0, kMaxProxyLine).find("\r\n");
    if (end == std::string_view::npos) {
        if (text.size() >= kMaxProxyLine) return broken("no end of line within 107 bytes");
        return std::nullopt;
    }
    const auto words = split(text.substr(0, end));
    ProxyHeader header{end + 2, std::nullopt};
    if (words[1] == "UNKNOWN") return header;
    const bool is_v4 = words[1] == "TCP4";
    if (!is_v4 && words[1] != "TCP6") return broken("neither TCP4 nor TCP6 nor UNKNOWN");
    if (words.size() != 6) return broken("not two addresses and two ports");
    const auto source = Address::parse(words[2]);
    const auto destination = Address::parse(words[3]);
    const auto source_port = to_port(words[4]);
    const auto family = is_v4 ? Address::Family::V4 : Address::Family::V6;
    if (!source || !destination || source->family() != family || destination->family() != family) {
        return broken("an address is none, or not of the family it names");
    }
    if (!source_port || !to_port(words[5])) return broken("a port is none");
    header.source = Endpoint{*source, *source_port};
    return header;
}

Parsed parse_binary(ByteView bytes) {
    if (bytes.size() < kHead2) return std::nullopt;
    const Byte version_command = bytes[12];
    const std::size_t body = std::size_t{bytes[14]} << 8 | bytes[15];
    if (version_command >> 4 != 2) return broken("a version that is not 2");
    if ((version_command & 15) > 1) return broken("neither LOCAL nor PROXY");
    if (body > kMaxProxyBody) return broken("more than 2048 bytes");
    if (bytes.size() < kHead2 + body) return std::nullopt;
    ProxyHeader header{kHead2 + body, std::nullopt};
    const ByteView addresses = bytes.subspan(kHead2, body);
    if ((version_command & 15) == 0) return header;
    constexpr Byte kTcp4 = 0x11;
    constexpr Byte kTcp6 = 0x21;
    if (bytes[13] != kTcp4 && bytes[13] != kTcp6) return header;
    const bool is_v4 = bytes[13] == kTcp4;
    if (body < (is_v4 ? kAddressesV4 : kAddressesV6)) return broken("shorter than its addresses");
    std::array<Byte, 4> v4{};
    std::array<Byte, 16> v6{};
    if (is_v4) {
        std::copy_n(addresses.begin(), v4.size(), v4.begin());
    } else {
        std::copy_n(addresses.begin(), v6.size(), v6.begin());
    }
    const std::size_t port_at = is_v4 ? 8 : 32;
    header.source = Endpoint{is_v4 ? Address::v4(v4) : Address::v6(v6),
                             static_cast<std::uint16_t>(addresses[port_at] << 8 | addresses[port_at + 1])};
    return header;
}

}  // namespace

Result<std::optional<ProxyHeader>> parse_proxy_header(ByteView bytes) {
    const std::string_view text = as_text(bytes);
    for (const auto& [signature, is_binary] : {std::pair{kSignature1, false}, std::pair{kSignature2, true}}) {
        const std::size_t known = std::min(text.size(), signature.size());
        if (text.substr(0, known) != signature.substr(0, known)) continue;
        if (known < signature.size()) return std::nullopt;
        return is_binary ? parse_binary(bytes) : parse_line(text);
    }
    return broken("missing; a connection from this address begins with one");
}

}  // namespace bt::http
