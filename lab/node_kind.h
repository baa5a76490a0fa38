#pragma once

// What a node is in its swarm, whoever's program it runs.

#include <cstdint>
#include <string_view>

namespace bt::lab {

enum class NodeKind : std::uint8_t {
    Tracker,
    Seeder,
    Client,
    Peer,  // scripted, of a persona
};
[[nodiscard]] std::string_view kind_name(NodeKind kind);

}  // namespace bt::lab
