#pragma once

// Magnet URIs (BEP 9): xt=urn:btih in hex or base32, dn, tr (repeated, tr.N too), x.pe peers (BEP 9), so file choice is kept raw (BEP 53).

#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/types.h"

namespace bt::meta {

struct Magnet {
    InfoHash info_hash{};
    std::string display_name;
    std::vector<std::string> trackers;       // in order, duplicates dropped
    std::vector<Endpoint> peers;             // x.pe entries that are addresses; names are left in peer_hosts
    std::vector<std::string> peer_hosts;     // x.pe "host:port" with a name
    std::string select_only;                 // so=, as written

    // Error: InvalidMagnet with the byte offset of the parameter. Limits: 64 KiB in all, 200 trackers, 200 peers.
    [[nodiscard]] static Result<Magnet> parse(std::string_view uri);
    [[nodiscard]] std::string to_uri() const;
};

}  // namespace bt::meta
