#include "common/engine/udp_tracker_exchange.h"

#include <algorithm>
#include <charconv>

namespace bt::engine {
namespace {

wire::UdpAnnounceRequest to_udp(const wire::AnnounceRequest& announce, const std::string& url_data) {
    wire::UdpAnnounceRequest request;
    request.announce = announce;
    request.url_data = url_data;
    const std::string& key = announce.key;
    std::from_chars(key.data(), key.data() + key.size(), request.key, 16);
    return request;
}

wire::AnnounceReply from_udp(wire::UdpAnnounceReply&& udp) {
    wire::AnnounceReply reply;
    reply.interval_s = udp.interval_s;
    reply.complete = udp.complete;
    reply.incomplete = udp.incomplete;
    for (const Endpoint& peer : udp.peers) reply.peers.push_back({peer, std::nullopt});
    return reply;
}

wire::ScrapeReply from_udp(const wire::UdpScrapeReply& udp, const std::vector<InfoHash>& info_hashes) {
    wire::ScrapeReply reply;
    for (std::size_t i = 0; i < std::min(info_hashes.size(), udp.torrents.size()); ++i) {
        const wire::UdpScrapeCounts& counts = udp.torrents[i];
        reply.torrents.push_back({info_hashes[i], counts.complete, counts.incomplete, counts.downloaded});
    }
    return reply;
}

}  // namespace

UdpTrackerExchange::UdpTrackerExchange(const TrackerContext& context, const TrackerRoute& route, const http::Url& url,
                                       TrackerQuestion question, TimePoint deadline, TrackerAnswered done)
    : TrackerDial(context, route, deadline, std::move(done)), question_(std::move(question)) {
    if (url.target != "/") url_data_ = url.target;
    if (url_data_.size() <= wire::kMaxUdpUrlData) {
        look_up(url.host, url.port);
    } else {
        refuse(local_error(ErrorCode::InvalidTracker, "path and query of a UDP tracker's URL are longer than " +
                                                          std::to_string(wire::kMaxUdpUrlData) + " bytes"));
    }
}

void UdpTrackerExchange::try_address(const Endpoint& remote) {
    discovery::UdpQuestion question;
    if (const auto* announce = std::get_if<wire::AnnounceRequest>(&question_)) {
        question = to_udp(*announce, url_data_);
    } else {
        question = wire::UdpScrapeRequest{std::get<ScrapeQuestion>(question_).info_hashes};
    }
    asked_.reset();
    auto asked = context().udp->ask(route().source, remote, std::move(question),
                                    [this](Result<discovery::UdpReplyBody> reply) { on_answered(std::move(reply)); });
    if (!asked) return leave_address(asked.error());
    asked_ = std::move(*asked);
}

void UdpTrackerExchange::on_answered(Result<discovery::UdpReplyBody> reply) {
    if (!reply) return leave_address(reply.error());
    const bool is_announce = std::holds_alternative<wire::AnnounceRequest>(question_);
    if (auto* error = std::get_if<wire::UdpErrorReply>(&*reply)) {
        if (is_announce) {
            wire::AnnounceReply refused;
            refused.failure_reason = std::move(error->message);
            return finish(TrackerAnswer(std::move(refused)));
        }
        return finish(TrackerAnswer(wire::ScrapeReply{std::move(error->message), {}}));
    }
    if (auto* announce = std::get_if<wire::UdpAnnounceReply>(&*reply)) {
        return finish(TrackerAnswer(from_udp(std::move(*announce))));
    }
    const auto& scrape = std::get<wire::UdpScrapeReply>(*reply);
    finish(TrackerAnswer(from_udp(scrape, std::get<ScrapeQuestion>(question_).info_hashes)));
}

}  // namespace bt::engine
