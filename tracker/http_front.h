#pragma once

// The HTTP side of the tracker without its sockets: a request in, a status and a body out. Pure.
//
// Paths: any that ends in "announce" (private keys in front of it are no business of ours), any that ends in
// "/scrape"; all else is 404. Methods other than GET get 405. A bad announce or scrape is no HTTP error (clients do
// not show those to people): status 200 and a bencoded `failure reason` that names the parameter and the rule.
// Scrape (BEP 48): 1 to kMaxScrape info_hashes; there is no full scrape. An unknown info_hash is answered with zeros.
// Events (level decision): announced, announce_refused, scraped, scrape_refused, request_refused (404, 405).

#include <cstdint>
#include <string_view>

#include "common/base/bytes.h"
#include "common/http/server_connection.h"
#include "common/telemetry/event.h"
#include "tracker/announce_service.h"

namespace bt::tracker {

inline constexpr std::size_t kMaxScrape = 100;

struct HttpAnswer {
    int status = 200;
    std::string_view content_type;
    ByteBuffer body;
};

struct FrontCounters {
    std::uint64_t announces = 0;
    std::uint64_t scrapes = 0;
    std::uint64_t refused = 0;
};

class HttpFront {
  public:
    HttpFront(AnnounceService& service, telemetry::Telemetry telemetry);

    [[nodiscard]] HttpAnswer answer(const http::Request& request, const Address& source,
                                    std::optional<ConnectionId> connection, TimePoint now);

    // The query string behind /announce and /scrape, and the bencoded reply.
    [[nodiscard]] ByteBuffer announce(std::string_view query, const Address& source,
                                      std::optional<ConnectionId> connection, TimePoint now);
    [[nodiscard]] ByteBuffer scrape(std::string_view query, const Address& source,
                                    std::optional<ConnectionId> connection, TimePoint now);

    [[nodiscard]] AnnounceService& service() { return service_; }
    [[nodiscard]] const FrontCounters& counters() const { return counters_; }

  private:
    [[nodiscard]] HttpAnswer refuse(int status, std::string_view text, const http::Request& request,
                                    const Address& source, std::optional<ConnectionId> connection, TimePoint now);

    AnnounceService& service_;
    telemetry::Telemetry telemetry_;
    FrontCounters counters_;
};

// The info_hashes of a scrape's query. Error: InvalidTracker (remote).
[[nodiscard]] Result<std::vector<InfoHash>> parse_scrape_query(std::string_view query);

}  // namespace bt::tracker
