#pragma once

// The parts of an http or https URL that a client needs.

#include <cstdint>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace bt::http {

struct Url {
    std::string scheme;    // lower case: "http", "https", "udp"
    std::string host;      // without brackets
    std::uint16_t port = 0;
    std::string target;    // path and query, starts with '/', no fragment

    // Error: InvalidHttp (remote): no scheme, empty host, port out of range, user:password (refused), control bytes, spaces.
    [[nodiscard]] static Result<Url> parse(std::string_view text);
    // A Location header against this URL (absolute, or starting with '/').
    [[nodiscard]] Result<Url> resolve(std::string_view location) const;
    [[nodiscard]] std::string to_string() const;
    [[nodiscard]] std::string host_header() const;  // host[:port], IPv6 in brackets
};

}  // namespace bt::http
