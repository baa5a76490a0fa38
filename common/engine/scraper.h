#pragma once

// Asks trackers how many seeds and leechers torrents have, without becoming one of them (BEP 48, BEP 15).
//
// Rules
//  - Every tracker is asked, at most kScrapesAtOnce at a time, in the order given; each has `timeout` for all its
//    answers. A tracker is asked for kMaxUdpScrape torrents at a time, whatever the transport.
//  - `done` is called once, from a callback of the ports, with one entry for each tracker in the order given. The
//  scraper
//    may be destroyed in it; destroying it before is how to cancel.
//  - Error of a tracker: what went wrong with it, or its own refusal as TrackerFailure, made fit for a terminal.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "common/base/rng.h"
#include "common/engine/tracker_exchange.h"

namespace bt::engine {

inline constexpr std::size_t kScrapesAtOnce = 16;

struct TrackerScrape {
    std::string announce_url;
    // One for each info_hash, in the order asked. No counts: the tracker does not know the torrent, or does not say.
    Result<std::vector<wire::ScrapeCounts>> torrents;
};

class Scraper final {
  public:
    using Done = std::function<void(std::vector<TrackerScrape>)>;

    // A context without a hub gets one of its own.
    Scraper(TrackerContext context, TrackerRoute route, std::vector<std::string> announce_urls,
            std::vector<InfoHash> info_hashes, Duration timeout, Rng rng, Done done);
    Scraper(const Scraper&) = delete;
    Scraper& operator=(const Scraper&) = delete;

    void start();

  private:
    struct Asking {
        std::unique_ptr<TrackerExchange> exchange;
        TimePoint deadline{};
        std::size_t first = 0;  // info_hash of the batch under way
    };

    void begin_next();
    void ask(std::size_t tracker);
    void on_answer(std::size_t tracker, Result<TrackerAnswer> answer);
    [[nodiscard]] Status take(std::size_t tracker, Result<TrackerAnswer>& answer);
    void end_one();

    TrackerContext context_;
    TrackerRoute route_;
    std::vector<InfoHash> info_hashes_;
    Duration timeout_;
    Done done_;
    std::vector<Asking> asking_;  // as results_
    std::vector<TrackerScrape> results_;
    std::size_t next_ = 0;  // tracker to begin with
    std::size_t running_ = 0;
    std::unique_ptr<env::Timer> nothing_to_ask_;
};

}  // namespace bt::engine
