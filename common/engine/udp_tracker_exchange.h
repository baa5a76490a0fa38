#pragma once

// A tracker exchange over UDP, through the node's hub. Rules: tracker_exchange.h.

#include "common/engine/tracker_dial.h"
#include "common/engine/udp_tracker_hub.h"
#include "common/http/url.h"

namespace bt::engine {

class UdpTrackerExchange final : public TrackerDial {
  public:
    UdpTrackerExchange(const TrackerContext& context, const TrackerRoute& route, const http::Url& url,
                       TrackerQuestion question, TimePoint deadline, TrackerAnswered done);

  private:
    void try_address(const Endpoint& remote) override;
    void on_answered(Result<discovery::UdpReplyBody> reply);

    TrackerQuestion question_;
    std::string url_data_;
    std::unique_ptr<UdpTrackerHub::Asked> asked_;
};

}  // namespace bt::engine
