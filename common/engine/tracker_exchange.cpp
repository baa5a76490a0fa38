#include "common/engine/tracker_exchange.h"

#include "common/engine/http_tracker_exchange.h"
#include "common/engine/udp_tracker_exchange.h"

namespace bt::engine {

std::unique_ptr<TrackerExchange> start_tracker_exchange(const TrackerContext& context, const TrackerRoute& route,
                                                        const std::string& announce_url, TrackerQuestion question,
                                                        TimePoint deadline, TrackerAnswered done) {
    const auto url = http::Url::parse(announce_url);
    if (url && url->scheme == "udp") {
        return std::make_unique<UdpTrackerExchange>(context, route, *url, std::move(question), deadline,
                                                    std::move(done));
    }
    return std::make_unique<HttpTrackerExchange>(context, route, announce_url, question, deadline, std::move(done));
}

}  // namespace bt::engine
