#pragma once

// Announce and scrape over UDP as values (BEP 15, URL data of BEP 41): requests and replies, both directions; client
// and tracker share the types.
//
// Sizes are lower bounds: what stands behind the known fields is ignored, as the BEP asks. Addresses in an announce
// reply are of the family that the packet came over (18 bytes each over IPv6).
// Negative numbers: an interval or a count below zero counts as not given, a negative numwant as no wish.
// Cost: one pass, no allocation beyond the values.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/types.h"
#include "common/wire/http_announce.h"

namespace bt::wire {

inline constexpr std::uint64_t kUdpProtocolId = 0x41727101980;  // in place of the connection id of a connect
inline constexpr std::size_t kMaxUdpScrape = 74;                // info_hashes of one request; more are not read
inline constexpr std::size_t kMaxUdpUrlData = 2'048;            // bytes of path and query
inline constexpr std::size_t kMaxUdpErrorText = 512;            // bytes kept of a tracker's error

struct UdpConnectRequest {};

struct UdpAnnounceRequest {
    // Carried: info_hash, peer_id, counters, port, numwant, and the event, where paused goes as none. ip only as an
    // IPv4 address.
    AnnounceRequest announce;
    std::uint32_t key = 0;
    std::string url_data;  // path and query of the tracker's URL; empty: none
};

struct UdpScrapeRequest {
    std::vector<InfoHash> info_hashes;
};

struct UdpRequest {
    std::uint64_t connection_id = kUdpProtocolId;
    std::uint32_t transaction_id = 0;
    std::variant<UdpConnectRequest, UdpAnnounceRequest, UdpScrapeRequest> body;
};

struct UdpConnectReply {
    std::uint64_t connection_id = 0;
};

struct UdpAnnounceReply {
    std::optional<std::uint32_t> interval_s;
    std::optional<std::uint32_t> incomplete;
    std::optional<std::uint32_t> complete;
    std::vector<Endpoint> peers;
};

struct UdpScrapeCounts {
    std::uint32_t complete = 0;
    std::uint32_t downloaded = 0;
    std::uint32_t incomplete = 0;
};

struct UdpScrapeReply {
    std::vector<UdpScrapeCounts> torrents;  // in the order of the request
};

struct UdpErrorReply {
    std::string message;
};

struct UdpReply {
    std::uint32_t transaction_id = 0;
    std::variant<UdpConnectReply, UdpAnnounceReply, UdpScrapeReply, UdpErrorReply> body;
};

enum class UdpAction : std::uint32_t { Connect = 0, Announce = 1, Scrape = 2, Error = 3 };

// What every request begins with.
struct UdpRequestHead {
    std::uint64_t connection_id = 0;
    std::uint32_t action = 0;
    std::uint32_t transaction_id = 0;
};

[[nodiscard]] ByteBuffer encode_udp_request(const UdpRequest& request);
// Peers of the other family are left out.
[[nodiscard]] ByteBuffer encode_udp_reply(const UdpReply& reply, Address::Family family);

// Error: InvalidTracker (remote): too short, unknown action or event, a connect without the protocol id, a port of 0, a
// scrape of nothing, too much URL data. Options of BEP 41 that are not known, or cut off, are passed over.
[[nodiscard]] Result<UdpRequest> parse_udp_request(ByteView packet);

// For a tracker that answers many, the same without memory of their own. Nothing when there are less than 16 bytes.
[[nodiscard]] std::optional<UdpRequestHead> udp_request_head(ByteView packet);
// `into` may have been used before. Errors as of parse_udp_request.
[[nodiscard]] Status read_udp_announce(ByteView packet, UdpAnnounceRequest& into);
// The info_hashes one behind the other, at most kMaxUdpScrape; a view into the packet.
[[nodiscard]] Result<ByteView> read_udp_scrape(ByteView packet);
// Appended to `out`: what stands in front of the peers of an announce reply, of the rows of a scrape reply, …
void append_udp_head(ByteBuffer& out, UdpAction action, std::uint32_t transaction_id);
void append_udp_connect(ByteBuffer& out, std::uint32_t transaction_id, std::uint64_t connection_id);
void append_udp_error(ByteBuffer& out, std::uint32_t transaction_id, std::string_view message);

// Error: InvalidTracker (remote): too short, unknown action. At most kMaxAnnouncePeers peers; ports of 0 and
// unspecified addresses are dropped.
[[nodiscard]] Result<UdpReply> parse_udp_reply(ByteView packet, Address::Family family);

// Of a reply that may be broken otherwise; nothing when it is too short to have one.
[[nodiscard]] std::optional<std::uint32_t> udp_transaction_id(ByteView reply);

}  // namespace bt::wire
