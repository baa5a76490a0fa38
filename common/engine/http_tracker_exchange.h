#pragma once

// A tracker exchange over HTTP or HTTPS: one connection for each address and redirect. Rules: tracker_exchange.h.

#include <optional>

#include "common/engine/tracker_dial.h"
#include "common/http/client_exchange.h"

namespace bt::engine {

class HttpTrackerExchange final : public TrackerDial, private env::StreamHandler {
  public:
    HttpTrackerExchange(const TrackerContext& context, const TrackerRoute& route, const std::string& announce_url,
                        const TrackerQuestion& question, TimePoint deadline, TrackerAnswered done);

  private:
    void go_to(const http::Url& url);
    void try_address(const Endpoint& remote) override;
    void on_response(const http::Response& response);
    void redirect(const std::string& location);

    void on_connected() override;
    void on_received(MutableByteView bytes) override;
    void on_writable() override;
    void on_closed(const Error& error) override;

    bool is_scrape_;
    http::Url url_;
    int redirects_ = 0;
    bool connected_ = false;
    std::optional<http::ClientExchange> http_;
    OutputQueue output_;
    std::unique_ptr<env::Stream> stream_;
};

}  // namespace bt::engine
