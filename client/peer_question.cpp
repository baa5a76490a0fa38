#include "client/peer_question.h"

#include <algorithm>

#include "common/discovery/tracker_client.h"
#include "common/engine/announcer.h"
#include "common/engine/udp_tracker_hub.h"

namespace bt::client {

PeerQuestion::PeerQuestion(engine::TrackerContext context, engine::TrackerRoute route,
                           std::vector<std::string> announce_urls, wire::AnnounceRequest request, Duration timeout,
                           Rng rng, Done done)
    : context_(std::move(context)),
      route_(route),
      urls_(std::move(announce_urls)),
      request_(std::move(request)),
      deadline_(context_.env->now() + timeout),
      done_(std::move(done)),
      last_error_(local_error(ErrorCode::TrackerFailure, "no tracker is named")),
      nobody_left_(context_.env->make_timer([this] {
          const Done told = std::move(done_);
          told(fail(last_error_));
      })) {
    if (!context_.udp) context_.udp = std::make_shared<engine::UdpTrackerHub>(*context_.env, rng);
}

void PeerQuestion::start() { ask_next(); }

void PeerQuestion::ask_next() {
    const TimePoint now = context_.env->now();
    if (next_ == urls_.size() || (next_ > 0 && now >= deadline_)) return nobody_left_->arm(now);
    const std::string& url = urls_[next_++];
    exchange_ = engine::start_tracker_exchange(
        context_, route_, url, request_, std::min(deadline_, now + engine::kAnnounceTimeout),
        [this](Result<engine::TrackerAnswer> answer) { on_answer(std::move(answer)); });
}

void PeerQuestion::on_answer(Result<engine::TrackerAnswer> answer) {
    exchange_.reset();
    const std::string& url = urls_[next_ - 1];
    if (!answer) {
        last_error_ = answer.error();
        last_error_.detail = url + ": " + last_error_.detail;
        return ask_next();
    }
    const auto& reply = std::get<wire::AnnounceReply>(*answer);
    if (reply.failure_reason) {
        last_error_ =
            remote_error(ErrorCode::TrackerFailure, url + " says: " + discovery::printable(*reply.failure_reason));
        return ask_next();
    }
    std::vector<Endpoint> peers;
    for (const wire::AnnouncePeer& peer : reply.peers) peers.push_back(peer.endpoint);
    const Done told = std::move(done_);
    told(std::move(peers));
}

}  // namespace bt::client
