#pragma once

// Announce over HTTP as values: the query string (BEP 3, 7, 23) and the bencoded reply (also BEP 24, 31), both
// directions (client and tracker share the types).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/endpoint.h"
#include "common/base/result.h"
#include "common/base/types.h"

namespace bt::wire {

inline constexpr std::size_t kMaxAnnounceReply = 1u << 20;  // bytes of a reply body
inline constexpr std::size_t kMaxAnnouncePeers = 3'000;     // kept of one reply, both families together

enum class AnnounceEvent : std::uint8_t { None, Started, Completed, Stopped, Paused };
[[nodiscard]] std::string_view event_name(AnnounceEvent event);  // "" for None

struct AnnounceRequest {
    InfoHash info_hash{};
    PeerId peer_id{};
    std::uint16_t port = 0;
    std::uint64_t uploaded = 0;
    std::uint64_t downloaded = 0;
    std::uint64_t left = 0;
    AnnounceEvent event = AnnounceEvent::None;
    std::optional<std::uint32_t> numwant;
    std::optional<bool> compact;  // a client always sends compact=1
    bool no_peer_id = false;
    std::string key;
    std::string tracker_id;
    std::string ip;  // "ip=" as sent
};

struct AnnouncePeer {
    Endpoint endpoint;
    std::optional<PeerId> peer_id;  // dictionary form only
};

// How long not to ask again after a failure (BEP 31).
struct RetryIn {
    std::optional<std::uint32_t> minutes;  // nothing: never again

    friend bool operator==(const RetryIn&, const RetryIn&) = default;
};

struct AnnounceReply {
    std::optional<std::string> failure_reason;
    std::optional<RetryIn> retry_in;  // with a failure reason only
    std::string warning_message;
    std::optional<std::uint32_t> interval_s;
    std::optional<std::uint32_t> min_interval_s;
    std::optional<std::uint64_t> complete;
    std::optional<std::uint64_t> incomplete;
    std::string tracker_id;
    std::optional<Address> external_ip;  // ours, as the tracker sees it (BEP 24)
    std::vector<AnnouncePeer> peers;     // `peers` in either form and `peers6`
};

// "info_hash=%..&peer_id=..&port=..&uploaded=..&downloaded=..&left=..&compact=1[&event=..&numwant=..&key=..&trackerid=..]".
[[nodiscard]] std::string to_query(const AnnounceRequest& request);

// Query string (behind the '?') to request. Required: info_hash, peer_id, port (1 to 65535), left. A negative numwant
// counts as absent; '+' is a plus; unknown parameters are ignored; info_hash, peer_id and port must not come twice, of
// the others the last one counts. Error: InvalidTracker (remote), the detail names the parameter and the rule broken.
[[nodiscard]] Result<AnnounceRequest> parse_announce_query(std::string_view query);

// Reply body. Lenient where trackers are sloppy (unsorted keys, missing interval, dictionary peers with host names
// dropped), strict in bounds: 1 MiB, compact lists a multiple of 6 / 18, ports of 0 and
// unspecified addresses dropped, at most 3,000 peers.
// Bytes behind the value are ignored. With a failure reason the peers are not read. Negative intervals and counts, and
// an external ip of odd length, count as not given.
// Error: InvalidTracker or InvalidBencode (remote, offset).
[[nodiscard]] Result<AnnounceReply> parse_announce_reply(ByteView body);

// compact: IPv4 peers in `peers`, IPv6 in `peers6`. Otherwise dictionaries for both families in `peers`.
// A failure reason goes alone, or with retry in.
[[nodiscard]] ByteBuffer encode_announce_reply(const AnnounceReply& reply, bool compact, bool no_peer_id);

// The same bytes where there is nothing but numbers and compact lists, replacing what is in `out`.
void write_compact_announce_reply(std::uint64_t complete, std::uint64_t incomplete, std::uint32_t interval_s,
                                  std::uint32_t min_interval_s, ByteView v4, ByteView v6, ByteBuffer& out);

// http://host/announce -> http://host/scrape where BEP 48 allows it.
[[nodiscard]] std::optional<std::string> scrape_url(std::string_view announce_url);

}  // namespace bt::wire
