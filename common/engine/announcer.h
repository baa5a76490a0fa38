#pragma once

// Tells the trackers of one torrent about us and brings back peers: a discovery::TrackerClient that decides when and
// whom to ask, and the HTTP exchanges that do it, one at a time over env streams.
//
// An exchange has 15 s, everything behind stop() together 2 s; it follows up to 5 redirects, and dials from the node's own
// address so that the tracker sees it. An address of a name that has more of them is given 5 s to connect.
// on_announcer_finished may come from inside stop(); everything else comes from callbacks of the ports.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/discovery/tracker_client.h"
#include "common/env/env.h"
#include "common/http/client_exchange.h"
#include "common/telemetry/event.h"

namespace bt::engine {

inline constexpr Duration kAnnounceTimeout = seconds(15);
inline constexpr Duration kStoppedTimeout = seconds(2);   // for all that is left to say when stopping
inline constexpr Duration kAddressTimeout = seconds(5);
inline constexpr int kMaxRedirects = 5;

class AnnouncerHost {
  public:
    virtual ~AnnouncerHost() = default;
    // Counters, port and ids for the request that is about to go out; event and tracker id are filled in here.
    [[nodiscard]] virtual wire::AnnounceRequest announce_request() const = 0;
    virtual void on_tracker_peers(const std::vector<wire::AnnouncePeer>& peers) = 0;
    virtual void on_tracker_failed(const Error& error) = 0;
    // `stopped` was answered, or could not be.
    virtual void on_announcer_finished() = 0;
};

class Announcer final : private env::StreamHandler {
  public:
    Announcer(env::Env& env, AnnouncerHost& host, std::vector<std::vector<std::string>> tiers,
              discovery::TrackerSettings settings, std::optional<Address> source, telemetry::Telemetry telemetry,
              Rng rng);

    void start();
    void on_completed();
    void stop();   // then on_announcer_finished(), once, later or at once
    void need_peers();

    [[nodiscard]] const discovery::TrackerClient& client() const { return client_; }

  private:
    void pump();
    void begin(const discovery::AnnounceCommand& command);
    void dial(const std::string& url);
    void on_lookup(Result<std::vector<Endpoint>> addresses);
    void finish_exchange();
    void on_response(const http::Response& response);
    void try_next_address();
    void refuse(Error error);
    void fail_exchange(const Error& error);
    void end_exchange();
    void on_timer();

    void on_connected() override;
    void on_received(MutableByteView bytes) override;
    void on_writable() override;
    void on_closed(const Error& error) override;

    env::Env* env_;
    AnnouncerHost* host_;
    discovery::TrackerClient client_;
    std::optional<Address> source_;
    telemetry::Telemetry telemetry_;
    std::unique_ptr<env::Timer> timer_;

    struct Exchange {
        discovery::AnnounceCommand command;
        http::Url url;
        int redirects = 0;
        TimePoint deadline;
        TimePoint address_deadline = kNever;   // for one address, while the name has others
        std::optional<Error> refusal;          // it cannot even be begun
        bool connected = false;
        std::unique_ptr<env::Lookup> lookup;
        std::vector<Endpoint> addresses;   // still to be tried
        std::optional<http::ClientExchange> http;
        OutputQueue output;
        std::unique_ptr<env::Stream> stream;
    };
    std::optional<Exchange> exchange_;
    bool stopping_ = false;
    TimePoint stop_deadline_ = kNever;
    bool finished_told_ = false;
};

}  // namespace bt::engine
