#pragma once

// The blocks of a pcapng file (IETF draft-ietf-opsawg-pcapng), as bytes: what Wireshark opens. Little endian, link
// type 101 (raw IP), time stamps in nanoseconds. Pure; whoever writes them to a file writes whole blocks, so that a
// file that ends early is still one.
//
// A file is: section, then interfaces before the first packet on them, packets, names anywhere. Sections may follow
// one another. Interfaces are numbered from 0 in the order of their blocks, anew in every section.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/telemetry/link_tap.h"

namespace bt::telemetry {

inline constexpr std::uint16_t kLinkTypeRawIp = 101;

void append_section(ByteBuffer& out, std::string_view application);
// A name of the interface ("client-1 -> seeder-1") and more about it.
void append_interface(ByteBuffer& out, std::string_view name, std::string_view description);
// What the address is called.
void append_name(ByteBuffer& out, const Address& address, std::string_view name);

struct Packet {
    std::uint32_t interface = 0;
    std::uint64_t time_ns = 0;          // since 1970
    ByteView bytes;                     // what was kept of it
    std::uint64_t original_length = 0;  // what it was long
    Direction direction = Direction::In;
    std::string_view comment;  // empty: none
};
void append_packet(ByteBuffer& out, const Packet& packet);

// Reading back what is written by the functions above, block by block; blocks of other kinds are passed over.
struct Interface {
    std::string name;
    std::string description;
};
struct NameRecord {
    Address address;
    std::string name;
};
// The views of the packet lie in the file's bytes.
using Block = std::variant<std::monostate, Interface, NameRecord, Packet>;

class PcapngReader {
  public:
    explicit PcapngReader(ByteView file) : left_(file) {}
    // nullopt at the end, and where a block is cut off or damaged (is_damaged() then).
    [[nodiscard]] std::optional<Block> next();
    [[nodiscard]] bool is_damaged() const { return damaged_; }

  private:
    ByteView left_;
    bool damaged_ = false;
};

}  // namespace bt::telemetry
