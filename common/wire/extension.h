#pragma once

// The extension handshake of BEP 10: which extensions a peer speaks, under which ids, and what it says of itself.

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/result.h"

namespace bt::wire {

inline constexpr std::size_t kMaxExtensionText = 100;  // bytes kept of a client version; longest extension name

// The ids under which we want to be sent the messages of each extension (our `m`), and the extensions' names.
inline constexpr std::uint8_t kUtPexId = 1;
inline constexpr std::uint8_t kUtMetadataId = 2;
inline constexpr std::uint8_t kLtDonthaveId = 3;
inline constexpr std::string_view kUtPexName = "ut_pex";
inline constexpr std::string_view kUtMetadataName = "ut_metadata";
inline constexpr std::string_view kLtDonthaveName = "lt_donthave";

struct ExtensionHandshake {
    std::map<std::string, std::uint8_t> ids;          // `m`; id 0 means: switched off
    std::string client_version;                       // `v`
    std::optional<std::uint16_t> listen_port;         // `p`
    std::optional<std::uint32_t> request_queue;       // `reqq`
    std::optional<std::uint64_t> metadata_size;       // BEP 9
    std::optional<Address> your_ip;                   // `yourip`
    std::optional<bool> upload_only;                  // BEP 21: wants no pieces

    // The id under which the peer wants to be sent this extension's messages; 0: it does not speak it.
    [[nodiscard]] std::uint8_t id_of(std::string_view name) const;
    // A later handshake of the same peer: what it does not mention stays as it was (BEP 10).
    void update(ExtensionHandshake later);

    [[nodiscard]] ByteBuffer encode() const;          // payload behind the id
    // Unknown keys and values of an odd type are ignored, as BEP 10 asks; only what is no dictionary is refused
    // (ProtocolViolation, remote). At most 100 entries of `m` are kept;
    // a port or a metadata size of 0 counts as absent.
    [[nodiscard]] static Result<ExtensionHandshake> parse(ByteView payload);
};

}  // namespace bt::wire
