#include "lab/capture_merge.h"

#include <algorithm>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "common/telemetry/pcapng.h"

namespace bt::lab {
namespace {

using telemetry::Direction;

// As a node saw it.
struct SeenPacket {
    telemetry::Packet packet;
    std::size_t capture = 0;
    std::uint32_t link = 0;  // interface of that capture
};

struct SeenLink {
    Endpoint local, remote;
    bool outgoing = false;
    bool is_known = false;
};

// Dialler, acceptor, and which time these two ports met.
using LinkKey = std::tuple<Endpoint, Endpoint, std::size_t>;

struct Recorded {
    std::vector<SeenPacket> packets;
    std::map<std::pair<std::size_t, std::uint32_t>, SeenLink> links;
    std::map<Address, std::string> names;
};

std::optional<std::pair<Endpoint, Endpoint>> endpoints_of(ByteView packet) {
    const bool is_v4 = !packet.empty() && packet[0] >> 4 == 4;
    const std::size_t header = is_v4 ? 20 : 40;
    if (packet.size() < header + 4) return std::nullopt;
    const auto address = [&](std::size_t number) {
        if (is_v4) {
            const ByteView bytes = packet.subspan(12 + 4 * number, 4);
            return Address::v4({bytes[0], bytes[1], bytes[2], bytes[3]});
        }
        std::array<Byte, 16> bytes{};
        std::copy_n(packet.begin() + static_cast<std::ptrdiff_t>(8 + 16 * number), 16, bytes.begin());
        return Address::v6(bytes);
    };
    const auto port = [&](std::size_t number) {
        const std::size_t at = header + 2 * number;
        return static_cast<std::uint16_t>(packet[at] << 8 | packet[at + 1]);
    };
    return std::pair{Endpoint{address(0), port(0)}, Endpoint{address(1), port(1)}};
}

// The first packet of a connection is the SYN of the side that dialled.
void note_link(SeenLink& link, const telemetry::Packet& packet) {
    if (std::exchange(link.is_known, true)) return;
    const auto ends = endpoints_of(packet.bytes);
    if (!ends) return;
    link.outgoing = packet.direction == Direction::Out;
    link.local = link.outgoing ? ends->first : ends->second;
    link.remote = link.outgoing ? ends->second : ends->first;
}

void read_capture(ByteView capture, std::size_t number, Recorded& content) {
    telemetry::PcapngReader reader(capture);
    while (const auto block = reader.next()) {
        if (const auto* name = std::get_if<telemetry::NameRecord>(&*block)) content.names[name->address] = name->name;
        if (const auto* packet = std::get_if<telemetry::Packet>(&*block)) {
            note_link(content.links[{number, packet->interface}], *packet);
            content.packets.push_back({*packet, number, packet->interface});
        }
    }
}

// Which connection each node's link is, and how many of its sides were captured.
struct Connections {
    std::map<std::pair<std::size_t, std::uint32_t>, LinkKey> key_of;
    std::map<LinkKey, std::size_t> sides;
};

Connections identify(const Recorded& content) {
    Connections connections;
    std::map<std::tuple<std::size_t, Endpoint, Endpoint>, std::size_t> met;
    for (const auto& [where, link] : content.links) {
        const Endpoint& dialler = link.outgoing ? link.local : link.remote;
        const Endpoint& acceptor = link.outgoing ? link.remote : link.local;
        const LinkKey key{dialler, acceptor, met[{where.first, dialler, acceptor}]++};
        connections.key_of.emplace(where, key);
        ++connections.sides[key];
    }
    return connections;
}

std::string name_of(const Recorded& content, const Endpoint& endpoint) {
    const auto found = content.names.find(endpoint.address);
    return found == content.names.end() ? endpoint.to_string() : found->second;
}

}  // namespace

ByteBuffer merge_captures(const std::vector<ByteBuffer>& captures) {
    Recorded content;
    for (std::size_t i = 0; i < captures.size(); ++i) read_capture(captures[i], i, content);
    std::ranges::stable_sort(content.packets, {}, [](const SeenPacket& seen) { return seen.packet.time_ns; });
    const Connections connections = identify(content);

    ByteBuffer merged;
    telemetry::append_section(merged, "swarm-lab");
    for (const auto& [address, name] : content.names) telemetry::append_name(merged, address, name);
    std::map<LinkKey, std::uint32_t> interfaces;
    for (const SeenPacket& seen : content.packets) {
        const LinkKey& key = connections.key_of.at({seen.capture, seen.link});
        if (connections.sides.at(key) > 1 && seen.packet.direction == Direction::In) continue;
        const auto& [dialler, acceptor, time] = key;
        const auto [interface, is_new] = interfaces.emplace(key, static_cast<std::uint32_t>(interfaces.size()));
        if (is_new) {
            telemetry::append_interface(merged, name_of(content, dialler) + " -> " + name_of(content, acceptor),
                                        dialler.to_string() + " -> " + acceptor.to_string());
        }
        telemetry::Packet packet = seen.packet;
        packet.interface = interface->second;
        const bool from_dialler =
            content.links.at({seen.capture, seen.link}).outgoing == (packet.direction == Direction::Out);
        packet.direction = from_dialler ? Direction::Out : Direction::In;
        telemetry::append_packet(merged, packet);
    }
    return merged;
}

}  // namespace bt::lab
