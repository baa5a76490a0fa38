#pragma once

// The HTTP side of the tracker without its sockets: a request in, a status and a body out. Pure.
//
// Paths: any that ends in "announce", any that ends in "/scrape"; all else is 404. Where there are passkeys, what
// stands in front of it must be one (/PASSKEY/announce), and no event shows it. Methods other than GET get 405. A bad
// announce or scrape is no HTTP error (clients do not show those to people): status 200 and a bencoded `failure reason`
// that names the parameter and the rule. Scrape (BEP 48): 1 to max_scrape info_hashes; without any all torrents, at
// most kMaxFullScrape, where that is wanted. An unknown info_hash is answered with zeros. Who asks: where the
// connection comes from; behind a listed proxy, in place of it, whom its X-Forwarded-For names. Events (level
// decision): announced, announce_refused, scraped, scrape_refused, request_refused (404, 405).

#include <cstdint>
#include <string_view>

#include "common/base/bytes.h"
#include "common/http/server_connection.h"
#include "common/telemetry/event.h"
#include "tracker/announce_service.h"
#include "tracker/exchange.h"

namespace bt::tracker {

inline constexpr std::uint32_t kMaxScrape = 100;
inline constexpr std::size_t kMaxFullScrape = 10'000;

struct HttpSettings {
    std::uint32_t max_scrape = kMaxScrape;
    bool full_scrape = false;
    std::vector<AddressRange> proxies;
    bool proxy_protocol = false;  // connections from proxies begin with a PROXY header, in place of X-Forwarded-For
};

// Whose request it is.
struct Caller {
    Address source;
    std::optional<ConnectionId> connection = {};
    Door door = Door::Http;
    std::string_view passkey = {};
};

struct HttpAnswer {
    int status = 200;
    std::string_view content_type;
    ByteBuffer body;
    std::unique_ptr<Delivery> delivery = nullptr;  // goes out in place of all the above
};

// Pages beside announce and scrape (the live page, counters).
class PageSource {
  public:
    virtual ~PageSource() = default;
    // Nothing: there is no such page, for nobody or for this source.
    [[nodiscard]] virtual std::optional<HttpAnswer> page(const http::Request& request, const Address& source,
                                                         TimePoint now) = 0;
};

struct FrontCounters {
    std::uint64_t announces = 0;
    std::uint64_t scrapes = 0;
    std::uint64_t refused = 0;
};

class HttpFront {
  public:
    // The service must outlive the front.
    HttpFront(AnnounceService& service, HttpSettings settings, telemetry::Telemetry telemetry);

    // The request comes with its head where wants_head() says so of its source; the passkey is found in its path.
    [[nodiscard]] HttpAnswer answer(const http::Request& request, Caller caller, TimePoint now);
    [[nodiscard]] bool wants_head(const Address& source) const;

    // The query string behind /announce and /scrape, and the bencoded reply.
    [[nodiscard]] ByteBuffer announce(std::string_view query, const Caller& caller, TimePoint now);
    [[nodiscard]] ByteBuffer scrape(std::string_view query, const Caller& caller, TimePoint now);

    void configure(HttpSettings settings) { settings_ = std::move(settings); }

    // None: nullptr. They must outlive the front or be taken away.
    void set_listener(ExchangeListener* listener) { listener_ = listener; }
    void set_pages(PageSource* pages) { pages_ = pages; }
    [[nodiscard]] bool has_listener() const { return listener_ != nullptr; }

    [[nodiscard]] AnnounceService& service() { return service_; }
    [[nodiscard]] const HttpSettings& settings() const { return settings_; }
    [[nodiscard]] const FrontCounters& counters() const { return counters_; }

  private:
    // What a listener is told beside the bytes.
    struct Seen {
        ExchangeKind kind = ExchangeKind::Other;
        std::optional<wire::AnnounceRequest> announce;
        std::optional<wire::AnnounceReply> reply;
        std::vector<InfoHash> scrape;
        std::string refusal;
    };
    // Fills in whose request it is.
    [[nodiscard]] HttpAnswer answer_now(const http::Request& request, Caller& caller, TimePoint now);
    [[nodiscard]] Address page_reader(const http::Request& request, const Address& source) const;
    void show(const http::Request& request, const Caller& caller, TimePoint now, HttpAnswer& answer);
    [[nodiscard]] HttpAnswer refuse(int status, std::string_view text, const http::Request& request,
                                    const Caller& caller, TimePoint now);
    [[nodiscard]] ByteBuffer refuse_announce(const wire::AnnounceReply& reply, const Caller& caller, TimePoint now);
    [[nodiscard]] ByteBuffer refuse_scrape(const std::string& reason, const Caller& caller, TimePoint now);
    [[nodiscard]] Result<std::vector<InfoHash>> scraped(std::string_view query) const;
    bool announce_quickly(const wire::AnnounceRequest& request, const Caller& caller, TimePoint now, ByteBuffer& body);
    void emit_announced(const wire::AnnounceRequest& request, const wire::AnnounceReply& reply, const Caller& caller,
                        TimePoint now) const;

    AnnounceService& service_;
    HttpSettings settings_;
    telemetry::Telemetry telemetry_;
    FrontCounters counters_;
    ExchangeListener* listener_ = nullptr;
    PageSource* pages_ = nullptr;
    Seen seen_;  // filled with a listener only
    ByteBuffer v4_, v6_;  // scratch
};

// The info_hashes of a scrape's query, at most `max`; none is no error. Error: InvalidTracker (remote).
[[nodiscard]] Result<std::vector<InfoHash>> parse_scrape_query(std::string_view query, std::uint32_t max);

}  // namespace bt::tracker
