#pragma once

// Magnet URIs (BEP 9): xt=urn:btih in hex or base32, dn, tr (repeated, tr.N too), x.pe peers, so file choice (BEP 53).
//
// Refused, with the byte offset of the parameter: no "magnet:?", no usable btih, two different btih, too much.
// Everything else that cannot be used is left out, because a link must not fail for a part nobody needs: parameters
// and other kinds of xt that we do not know, trackers that are not text, peers that are not host:port. A dn with a
// stray '%' is taken as written.

#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/types.h"

namespace bt::meta {

inline constexpr std::size_t kMaxMagnetSize = 64 * 1024;
inline constexpr std::size_t kMaxMagnetTrackers = 200;
inline constexpr std::size_t kMaxMagnetPeers = 200;

struct Magnet {
    InfoHash info_hash{};
    std::string display_name;
    std::vector<std::string> trackers;    // in order, duplicates dropped
    std::vector<Endpoint> peers;          // x.pe entries that are addresses; names are left in peer_hosts
    std::vector<std::string> peer_hosts;  // x.pe "host:port" with a name
    std::string select_only;              // so=, percent-decoded, not judged

    // Error: InvalidMagnet, fault Remote. Limits: 64 KiB in all, 200 trackers, 200 peers of both kinds.
    [[nodiscard]] static Result<Magnet> parse(std::string_view uri);
    // A magnet URI, or a bare info_hash (40 hex digits or 32 of base32).
    [[nodiscard]] static Result<Magnet> parse_link(std::string_view text);
    // Whether the text is meant as one of these, and not as the path of a file.
    [[nodiscard]] static bool is_link(std::string_view text);
    [[nodiscard]] std::string to_uri() const;

    friend bool operator==(const Magnet&, const Magnet&) = default;
};

}  // namespace bt::meta
