#include "common/engine/scraper.h"

#include <algorithm>
#include <span>

#include "common/discovery/tracker_client.h"
#include "common/engine/udp_tracker_hub.h"
#include "common/wire/udp_tracker.h"

namespace bt::engine {

Scraper::Scraper(TrackerContext context, TrackerRoute route, std::vector<std::string> announce_urls,
                 std::vector<InfoHash> info_hashes, Duration timeout, Rng rng, Done done)
    : context_(std::move(context)),
      route_(std::move(route)),
      info_hashes_(std::move(info_hashes)),
      timeout_(timeout),
      done_(std::move(done)),
      asking_(announce_urls.size()) {
    if (!context_.udp) context_.udp = std::make_shared<UdpTrackerHub>(*context_.env, rng);
    std::vector<wire::ScrapeCounts> unknown;
    for (const InfoHash& info_hash : info_hashes_) unknown.push_back({info_hash, {}, {}, {}});
    for (std::string& url : announce_urls) results_.push_back({std::move(url), unknown});
}

void Scraper::start() {
    if (!results_.empty() && !info_hashes_.empty()) return begin_next();
    nothing_to_ask_ = context_.env->make_timer([this] {
        const Done done = std::move(done_);
        done(std::move(results_));
    });
    nothing_to_ask_->arm(context_.env->now());
}

void Scraper::begin_next() {
    while (running_ < kScrapesAtOnce && next_ < results_.size()) {
        const std::size_t tracker = next_++;
        ++running_;
        asking_[tracker].deadline = context_.env->now() + timeout_;
        ask(tracker);
    }
}

void Scraper::ask(std::size_t tracker) {
    Asking& asking = asking_[tracker];
    const auto batch = std::span(info_hashes_)
                           .subspan(asking.first, std::min(wire::kMaxUdpScrape, info_hashes_.size() - asking.first));
    asking.exchange = start_tracker_exchange(
        context_, route_, results_[tracker].announce_url, ScrapeQuestion{{batch.begin(), batch.end()}}, asking.deadline,
        [this, tracker](Result<TrackerAnswer> answer) { on_answer(tracker, std::move(answer)); });
}

void Scraper::on_answer(std::size_t tracker, Result<TrackerAnswer> answer) {
    Asking& asking = asking_[tracker];
    asking.exchange.reset();
    if (const Status status = take(tracker, answer); !status) {
        results_[tracker].torrents = fail(status.error());
        return end_one();
    }
    asking.first += wire::kMaxUdpScrape;
    if (asking.first >= info_hashes_.size()) return end_one();
    ask(tracker);
}

Status Scraper::take(std::size_t tracker, Result<TrackerAnswer>& answer) {
    if (!answer) return fail(answer.error());
    const auto& reply = std::get<wire::ScrapeReply>(*answer);
    if (reply.failure_reason) {
        return fail(remote_error(ErrorCode::TrackerFailure,
                                 "the tracker says: " + discovery::printable(*reply.failure_reason)));
    }
    for (wire::ScrapeCounts& counts : *results_[tracker].torrents) {
        const auto found = std::ranges::find(reply.torrents, counts.info_hash, &wire::ScrapeCounts::info_hash);
        if (found != reply.torrents.end()) counts = *found;
    }
    return {};
}

void Scraper::end_one() {
    --running_;
    begin_next();
    if (running_ > 0) return;
    const Done done = std::move(done_);
    done(std::move(results_));
}

}  // namespace bt::engine
