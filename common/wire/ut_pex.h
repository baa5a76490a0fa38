#pragma once

// Peer exchange messages (BEP 11): peers that the sender is connected to since its last message, and those it is not
// any more. Both families; flags one byte a peer.
//
// What is read: at most kMaxPexPeers added and as many dropped, of both families together, in the order IPv4, IPv6;
// what is beyond is passed over. Refused (ProtocolViolation, remote): more than kMaxPexMessage bytes, what is no
// dictionary, a list that is no whole number of entries. A missing or short list of flags means no flags; unknown keys
// are ignored. What addresses are good for is not judged here.

#include <cstdint>
#include <vector>

#include "common/base/bytes.h"
#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/time.h"

namespace bt::wire {

inline constexpr std::size_t kMaxPexPeers = 100;
inline constexpr std::size_t kMaxPexMessage = 64u << 10;
inline constexpr Duration kPexInterval = seconds(60);  // between two messages to the same peer, at least

// Flags of a peer, as the sender knows it.
inline constexpr std::uint8_t kPexPrefersEncryption = 0x01;
inline constexpr std::uint8_t kPexUploadOnly = 0x02;
inline constexpr std::uint8_t kPexSpeaksUtp = 0x04;
inline constexpr std::uint8_t kPexHolepunch = 0x08;
inline constexpr std::uint8_t kPexReachable = 0x10;  // it was dialled there

struct PexPeer {
    Endpoint endpoint;
    std::uint8_t flags = 0;

    friend auto operator<=>(const PexPeer&, const PexPeer&) = default;
};

struct PexMessage {
    std::vector<PexPeer> added;
    std::vector<Endpoint> dropped;

    [[nodiscard]] bool is_empty() const { return added.empty() && dropped.empty(); }
    [[nodiscard]] ByteBuffer encode() const;  // payload behind the id
    [[nodiscard]] static Result<PexMessage> parse(ByteView payload);

    friend bool operator==(const PexMessage&, const PexMessage&) = default;
};

}  // namespace bt::wire
