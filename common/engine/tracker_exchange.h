#pragma once

// One question to one tracker and its answer, whatever carries it: HTTP, HTTPS or UDP, by the URL's scheme.
//
// Rules
//  - `done` is called once, from a callback of the ports, never from inside start_tracker_exchange(); the exchange may
//    be destroyed in it. Destroying it before is how to cancel.
//  - The addresses of the host are tried one after the other, IPv4 first, each for 5 s while there are others; all
//    together until the deadline (TimedOut).
//  - A tracker that says no in so many words has answered: the reply carries its failure reason.
//  - HTTP follows up to 5 redirects, to http and https. HTTPS is verified; without TLS in the context it is refused.
//  - UDP: discovery::UdpTrackerSession says how. A URL's path and query go along (BEP 41).

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "common/env/env.h"
#include "common/wire/http_announce.h"
#include "common/wire/http_scrape.h"

namespace bt::engine {

class TlsProvider;
class UdpTrackerHub;

inline constexpr Duration kAddressTimeout = seconds(5);
inline constexpr int kMaxRedirects = 5;

// What all exchanges of a node share.
struct TrackerContext {
    env::Env* env = nullptr;
    std::shared_ptr<UdpTrackerHub> udp = {};
    std::shared_ptr<TlsProvider> tls = {};  // null: https is not spoken
};

// Which way to go to a tracker that has several addresses.
struct TrackerRoute {
    std::optional<Address> source;          // ask from here, and over its family only
    std::optional<Address::Family> family;  // over this family only

    [[nodiscard]] bool takes(const Endpoint& remote) const {
        return (!source || source->family() == remote.address.family()) &&
               (!family || *family == remote.address.family());
    }
};

struct ScrapeQuestion {
    std::vector<InfoHash> info_hashes;  // at most kMaxUdpScrape
};
using TrackerQuestion = std::variant<wire::AnnounceRequest, ScrapeQuestion>;
using TrackerAnswer = std::variant<wire::AnnounceReply, wire::ScrapeReply>;  // the kind that was asked for
using TrackerAnswered = std::function<void(Result<TrackerAnswer>)>;

class TrackerExchange {
  public:
    virtual ~TrackerExchange() = default;
    // Sooner than it was; a later one changes nothing.
    virtual void shorten(TimePoint deadline) = 0;
};

[[nodiscard]] std::unique_ptr<TrackerExchange> start_tracker_exchange(const TrackerContext& context,
                                                                      const TrackerRoute& route,
                                                                      const std::string& announce_url,
                                                                      TrackerQuestion question, TimePoint deadline,
                                                                      TrackerAnswered done);

}  // namespace bt::engine
