#pragma once

// Canonical peer priority (BEP 40): how much two peers should want to be connected with each other, the same number on
// both sides, and one that neither can choose. Higher is better. If everybody prefers by it, a swarm is a random graph
// of short ways, and whoever keeps its best connections keeps those that the other side keeps too.
//
// CRC-32C of both addresses, lower first, masked so that many addresses of one network do not help: IPv4 to
// FF.FF.55.55, within the same /16 FF.FF.FF.55, within the same /24 whole; IPv6 likewise from /48 on, byte by byte. The
// same address: of the two ports, lower first. Different families have nothing in common: 0.

#include <cstdint>

#include "common/base/endpoint.h"

namespace bt::swarm {

[[nodiscard]] std::uint32_t peer_priority(const Endpoint& a, const Endpoint& b);

}  // namespace bt::swarm
