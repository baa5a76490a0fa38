#pragma once

// How fast a node, or one of its torrents, may move bytes of peer connections: everything behind the handshakes, blocks
// and messages alike, as TCP carries it (its own headers not counted). Trackers' traffic is not limited.
// engine::Engine::set_limits (all torrents together) and engine::TorrentNode::set_limits (one) take it at any time.

#include <cstdint>

namespace bt::transport {

struct RateLimits {
    std::uint64_t download = 0;  // bytes per second; 0: no limit
    std::uint64_t upload = 0;

    friend bool operator==(const RateLimits&, const RateLimits&) = default;
};

}  // namespace bt::transport
