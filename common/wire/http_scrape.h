#pragma once

// Scrape over HTTP as values (BEP 48): the URL with its query, and the bencoded reply in both directions.
//
// Lenient where trackers are sloppy (counts that are missing or negative are not given, keys that are no info_hash are
// passed over, one that was taken for text and written as UTF-8 is understood), strict in bounds: 1 MiB, at most
// kMaxScrapeTorrents torrents.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/base/types.h"

namespace bt::wire {

inline constexpr std::size_t kMaxScrapeTorrents = 1'000;

struct ScrapeCounts {
    InfoHash info_hash{};
    std::optional<std::uint64_t> complete;    // seeds
    std::optional<std::uint64_t> incomplete;  // leechers
    std::optional<std::uint64_t> downloaded;  // how often it was completed
};

struct ScrapeReply {
    std::optional<std::string> failure_reason;
    std::vector<ScrapeCounts> torrents;
};

// Nothing where the announce URL has no scrape URL (see scrape_url), or no info_hash is given.
[[nodiscard]] std::optional<std::string> scrape_request_url(std::string_view announce_url,
                                                            const std::vector<InfoHash>& info_hashes);

// Error: InvalidTracker or InvalidBencode (remote, offset).
[[nodiscard]] Result<ScrapeReply> parse_scrape_reply(ByteView body);
// One entry for each info_hash, the last where one comes twice.
[[nodiscard]] ByteBuffer encode_scrape_reply(const ScrapeReply& reply);

}  // namespace bt::wire
