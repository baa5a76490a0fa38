#pragma once

// Asks trackers who is in a swarm, once and plainly (engine::WireProfile::Plain): an announce without event, numwant or
// key. Trackers are asked one after the other, in the order given, until one answers with a list, which may be empty.
//
// `done` is called once, from a callback of the ports; the question may be destroyed in it. Destroying it before is how
// to cancel. Error: that of the last tracker, or TrackerFailure with its words; TrackerFailure where there is none.
// Each tracker has engine::kAnnounceTimeout, all together `timeout`.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "common/engine/tracker_exchange.h"

namespace bt::client {

class PeerQuestion final {
  public:
    using Done = std::function<void(Result<std::vector<Endpoint>>)>;

    // The request is sent as it is; a context without a hub gets one of its own.
    PeerQuestion(engine::TrackerContext context, engine::TrackerRoute route, std::vector<std::string> announce_urls,
                 wire::AnnounceRequest request, Duration timeout, Rng rng, Done done);
    PeerQuestion(const PeerQuestion&) = delete;
    PeerQuestion& operator=(const PeerQuestion&) = delete;

    void start();

  private:
    void ask_next();
    void on_answer(Result<engine::TrackerAnswer> answer);

    engine::TrackerContext context_;
    engine::TrackerRoute route_;
    std::vector<std::string> urls_;
    wire::AnnounceRequest request_;
    TimePoint deadline_;
    Done done_;
    std::size_t next_ = 0;
    Error last_error_;
    std::unique_ptr<engine::TrackerExchange> exchange_;
    std::unique_ptr<env::Timer> nobody_left_;
};

}  // namespace bt::client
