#include "common/http/url.h"

#include <algorithm>
#include <charconv>
#include <cstdio>

#include "common/base/endpoint.h"

namespace bt::http {
namespace {

constexpr std::size_t kMaxUrl = 8 * 1024;
constexpr std::size_t kMaxHost = 253;

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
char to_lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
    std::string result(text);
    std::transform(result.begin(), result.end(), result.begin(), to_lower);
    return result;
}

std::unexpected<Error> refused(std::string why, std::size_t offset) {
    return fail(remote_error(ErrorCode::InvalidHttp, "URL: " + std::move(why), offset));
}

std::uint16_t default_port(std::string_view scheme) {
    if (scheme == "http") return 80;
    if (scheme == "https") return 443;
    return 0;
}

Result<std::string> read_host(std::string_view text, std::size_t offset) {
    if (text.starts_with('[')) {
        if (!text.ends_with(']')) return refused("'[' without ']'", offset);
        const std::string_view inner = text.substr(1, text.size() - 2);
        const auto address = Address::parse(inner);
        if (!address || address->is_v4()) return refused("no IPv6 address between the brackets", offset);
        return lower(inner);
    }
    if (text.empty()) return refused("host is empty", offset);
    if (text.size() > kMaxHost) return refused("host is longer than 253 bytes", offset);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (!is_letter(c) && !is_digit(c) && c != '-' && c != '.' && c != '_') {
            return refused("host has a byte that no host name has", offset + i);
        }
    }
    return lower(text);
}

Result<std::uint16_t> read_port(std::string_view text, std::size_t offset) {
    std::uint16_t port = 0;
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc{} || stop != end || port == 0) return refused("port must be from 1 to 65535", offset);
    return port;
}

// Path and query as they go on the request line; bytes beyond ASCII are percent-encoded.
std::string to_target(std::string_view text) {
    text = text.substr(0, text.find('#'));
    std::string target;
    if (!text.starts_with('/')) target = "/";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (byte < 0x80) {
            target += c;
            continue;
        }
        char hex[4];
        std::snprintf(hex, sizeof hex, "%%%02X", byte);
        target += hex;
    }
    return target;
}

}  // namespace

Result<Url> Url::parse(std::string_view text) {
    if (text.size() > kMaxUrl) return refused("longer than 8192 bytes", kMaxUrl);
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte <= 0x20 || byte == 0x7f) return refused("space or control byte", i);
    }
    const std::size_t colon = text.find("://");
    if (colon == std::string_view::npos || colon == 0) return refused("no scheme (http://, https://, udp://)", 0);
    Url url;
    url.scheme = lower(text.substr(0, colon));
    if (url.scheme != "http" && url.scheme != "https" && url.scheme != "udp") {
        return refused("scheme is none of http, https, udp", 0);
    }
    const std::size_t start = colon + 3;
    const std::size_t end = std::min(text.find_first_of("/?#", start), text.size());
    const std::string_view authority = text.substr(start, end - start);
    if (authority.find('@') != std::string_view::npos) return refused("user name or password before the host", start);

    // The last colon starts the port unless it stands within the brackets of an IPv6 address.
    std::size_t port_at = authority.rfind(':');
    const std::size_t bracket = authority.rfind(']');
    if (bracket != std::string_view::npos && port_at != std::string_view::npos && port_at < bracket) {
        port_at = std::string_view::npos;
    }
    BT_TRY_ASSIGN(url.host, read_host(authority.substr(0, port_at), start));
    url.port = default_port(url.scheme);
    if (port_at != std::string_view::npos && port_at + 1 < authority.size()) {
        BT_TRY_ASSIGN(url.port, read_port(authority.substr(port_at + 1), start + port_at + 1));
    }
    if (url.port == 0) return refused("no port, and the scheme has none of its own", end);
    url.target = to_target(text.substr(end));
    return url;
}

Result<Url> Url::resolve(std::string_view location) const {
    if (location.starts_with("//")) return parse(scheme + ":" + std::string(location));
    if (!location.starts_with('/')) return parse(location);
    Url base = *this;
    base.target.clear();
    return parse(base.to_string() + std::string(location));
}

std::string Url::to_string() const { return scheme + "://" + host_header() + target; }

std::string Url::host_header() const {
    std::string text = host.find(':') == std::string::npos ? host : "[" + host + "]";
    if (port != default_port(scheme)) text += ":" + std::to_string(port);
    return text;
}

}  // namespace bt::http
