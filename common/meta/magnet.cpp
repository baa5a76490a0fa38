#include "common/meta/magnet.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "common/base/encoding.h"

namespace bt::meta {
namespace {

constexpr std::string_view kScheme = "magnet:?";
constexpr std::string_view kHashPrefix = "urn:btih:";

std::unexpected<Error> refuse_magnet(std::string detail, std::size_t offset) {
    return fail(remote_error(ErrorCode::InvalidMagnet, "magnet: " + std::move(detail), offset));
}

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool starts_with_any_case(std::string_view text, std::string_view lower_prefix) {
    return text.size() >= lower_prefix.size() && std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(),
                                                            [](char p, char t) { return p == lower(t); });
}

// Printable UTF-8 without spaces: what a tracker URL and a host name are made of.
bool is_plain_text(std::string_view text) {
    return !text.empty() && is_valid_utf8(text) &&
           std::all_of(text.begin(), text.end(), [](char c) { return static_cast<Byte>(c) > 0x20 && c != 0x7f; });
}

bool is_decimal_digit(char c) { return c >= '0' && c <= '9'; }

// "tr" and, as some programs number them, "tr.1".
bool is_key(std::string_view key, std::string_view name) {
    if (!starts_with_any_case(key, name)) return false;
    key.remove_prefix(name.size());
    return key.empty() ||
           (key.size() > 1 && key[0] == '.' && std::all_of(key.begin() + 1, key.end(), is_decimal_digit));
}

std::optional<InfoHash> parse_hash(std::string_view text) {
    std::optional<ByteBuffer> bytes;
    if (text.size() == 40) bytes = from_hex(text);
    if (text.size() == 32) bytes = from_base32(text);
    if (!bytes || bytes->size() != InfoHash{}.size()) return std::nullopt;
    InfoHash hash{};
    std::copy(bytes->begin(), bytes->end(), hash.begin());
    return hash;
}

// "name:port", where the name is no address and the port not 0.
bool is_host_and_port(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == 0 || colon == std::string_view::npos || !is_plain_text(text)) return false;
    const std::string_view host = text.substr(0, colon);
    const std::string_view port_text = text.substr(colon + 1);
    if (host.find_first_of("[]/?#@%") != std::string_view::npos) return false;
    std::uint16_t port = 0;
    const char* const last = port_text.data() + port_text.size();
    const auto parsed = std::from_chars(port_text.data(), last, port);
    return parsed.ec == std::errc{} && parsed.ptr == last && port != 0;
}

class Parser {
  public:
    Result<Magnet> run(std::string_view uri) {
        if (uri.size() > kMaxMagnetSize)
            return refuse_magnet(std::to_string(uri.size()) + " bytes are more than 64 KiB", kMaxMagnetSize);
        if (!starts_with_any_case(uri, kScheme)) return refuse_magnet("does not start with \"magnet:?\"", 0);
        std::size_t begin = kScheme.size();
        while (begin <= uri.size()) {
            const std::size_t end = std::min(uri.find('&', begin), uri.size());
            BT_TRY(parameter(uri.substr(begin, end - begin), begin));
            begin = end + 1;
        }
        if (!has_hash_) return refuse_magnet("no xt=urn:btih", uri.size());
        return std::move(magnet_);
    }

  private:
    Status parameter(std::string_view text, std::size_t offset) {
        const std::size_t equals = text.find('=');
        if (equals == std::string_view::npos) return {};
        const std::string_view key = text.substr(0, equals);
        const std::string_view raw = text.substr(equals + 1);
        if (is_key(key, "dn")) {
            if (magnet_.display_name.empty())
                magnet_.display_name = percent_decode(raw, true).value_or(std::string(raw));
            return {};
        }
        const auto value = percent_decode(raw);
        if (is_key(key, "xt")) return topic(value.value_or(""), offset);
        if (!value) return {};
        if (is_key(key, "tr")) return tracker(*value, offset);
        if (is_key(key, "x.pe")) return peer(*value, offset);
        if (is_key(key, "so")) magnet_.select_only = *value;
        return {};
    }

    Status topic(std::string_view value, std::size_t offset) {
        if (!starts_with_any_case(value, kHashPrefix)) return {};
        const auto hash = parse_hash(value.substr(kHashPrefix.size()));
        if (!hash) return refuse_magnet("btih is neither 40 hex digits nor 32 of base32", offset);
        if (has_hash_ && magnet_.info_hash != *hash) return refuse_magnet("two different btih", offset);
        has_hash_ = true;
        magnet_.info_hash = *hash;
        return {};
    }

    Status tracker(const std::string& url, std::size_t offset) {
        auto& trackers = magnet_.trackers;
        if (!is_plain_text(url) || std::find(trackers.begin(), trackers.end(), url) != trackers.end()) return {};
        if (trackers.size() == kMaxMagnetTrackers) return refuse_magnet("more than 200 trackers", offset);
        trackers.push_back(url);
        return {};
    }

    Status peer(const std::string& text, std::size_t offset) {
        const auto endpoint = Endpoint::parse(text);
        const bool is_usable = endpoint ? endpoint->port != 0 : is_host_and_port(text);
        if (!is_usable) return {};
        if (magnet_.peers.size() + magnet_.peer_hosts.size() == kMaxMagnetPeers)
            return refuse_magnet("more than 200 peers", offset);
        if (endpoint) {
            magnet_.peers.push_back(*endpoint);
        } else {
            magnet_.peer_hosts.push_back(text);
        }
        return {};
    }

    Magnet magnet_;
    bool has_hash_ = false;
};

}  // namespace

Result<Magnet> Magnet::parse(std::string_view uri) { return Parser().run(uri); }

Result<Magnet> Magnet::parse_link(std::string_view text) {
    if (starts_with_any_case(text, "magnet:")) return parse(text);
    const auto hash = parse_hash(text);
    if (!hash) return refuse_magnet("neither a magnet URI nor an info_hash of 40 hex digits or 32 of base32", 0);
    Magnet magnet;
    magnet.info_hash = *hash;
    return magnet;
}

bool Magnet::is_link(std::string_view text) {
    return starts_with_any_case(text, "magnet:") || parse_hash(text).has_value();
}

std::string Magnet::to_uri() const {
    std::string uri(kScheme);
    uri += "xt=" + std::string(kHashPrefix) + to_hex(info_hash);
    const auto add = [&](std::string_view key, std::string_view value) {
        uri += '&';
        uri += key;
        uri += '=';
        uri += percent_encode(as_bytes(value));
    };
    if (!display_name.empty()) add("dn", display_name);
    for (const std::string& url : trackers) add("tr", url);
    for (const Endpoint& endpoint : peers) add("x.pe", endpoint.to_string());
    for (const std::string& host : peer_hosts) add("x.pe", host);
    if (!select_only.empty()) add("so", select_only);
    return uri;
}

}  // namespace bt::meta
