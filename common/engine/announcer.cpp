#include "common/engine/announcer.h"

#include <algorithm>

#include "common/base/encoding.h"
#include "common/engine/udp_tracker_hub.h"

namespace bt::engine {

using telemetry::Level;

namespace {

std::string make_key(Rng rng) {
    std::array<Byte, 4> bytes{};
    rng.fill(bytes);
    return to_hex(bytes);
}

bool is_success(const Result<wire::AnnounceReply>& outcome) { return outcome && !outcome->failure_reason; }

}  // namespace

std::vector<TrackerRoute> announce_routes(std::span<const Endpoint> listening, const std::optional<Address>& source) {
    std::vector<TrackerRoute> routes;
    for (const Address::Family family : {Address::Family::V4, Address::Family::V6}) {
        const auto found =
            std::ranges::find(listening, family, [](const Endpoint& local) { return local.address.family(); });
        if (found == listening.end()) continue;
        std::optional<Address> from;
        if (!found->address.is_unspecified()) from = found->address;
        routes.push_back({from, family});
    }
    if (routes.size() == 2) return routes;
    return {{source, std::nullopt}};
}

Announcer::Announcer(TrackerContext context, AnnouncerHost& host, AnnouncerSettings settings,
                     telemetry::Telemetry telemetry, Rng rng)
    : context_(std::move(context)),
      host_(&host),
      client_(std::move(settings.tiers), settings.tracker, rng),
      routes_(std::move(settings.routes)),
      profile_(settings.profile),
      key_(make_key(rng.fork(1))),
      telemetry_(telemetry),
      timer_(context_.env->make_timer([this] { pump(); })) {
    if (routes_.empty()) routes_.emplace_back();
    if (!context_.udp) context_.udp = std::make_shared<UdpTrackerHub>(*context_.env, rng.fork(2));
}

void Announcer::start() {
    client_.start(context_.env->now());
    pump();
}

void Announcer::on_completed() {
    if (profile_ == WireProfile::Plain) return;
    client_.on_completed(context_.env->now());
    pump();
}

void Announcer::need_peers() {
    client_.need_peers(context_.env->now());
    pump();
}

void Announcer::stop() {
    if (std::exchange(stopping_, true)) return;
    const TimePoint now = context_.env->now();
    stop_deadline_ = now + kStoppedTimeout;
    client_.stop(now);
    if (profile_ == WireProfile::Plain) {
        announce_.reset();
        stop_deadline_ = now;
    }
    if (announce_) {
        // What is under way now leaves half of the time to the farewell itself.
        for (Leg& leg : announce_->legs) {
            if (leg.exchange) leg.exchange->shorten(now + kStoppedTimeout / 2);
        }
    }
    pump();
}

// Begins what is due, arms the timer for what comes next.
void Announcer::pump() {
    const TimePoint now = context_.env->now();
    const bool out_of_time = now >= stop_deadline_;
    if (!announce_ && !out_of_time) {
        if (auto command = client_.poll_announce(now)) begin(std::move(*command));
    }
    if (stopping_ && !announce_ && (out_of_time || client_.is_finished())) {
        timer_->cancel();
        if (!std::exchange(finished_told_, true)) host_->on_announcer_finished();
        return;
    }
    // An announce under way has its own deadline, which is not behind that of the stop.
    const TimePoint next = announce_ ? kNever : std::min(client_.next_deadline(), stop_deadline_);
    if (next == kNever) {
        timer_->cancel();
    } else {
        timer_->arm(next);
    }
}

void Announcer::begin(discovery::AnnounceCommand command) {
    const TimePoint now = context_.env->now();
    const wire::AnnounceRequest request = request_for(command);
    telemetry_.emit(now, Level::Decision, "announce_sent", std::nullopt,
                    {{"url", command.url},
                     {"announce_event", wire::event_name(request.event)},
                     {"left", request.left},
                     {"downloaded", request.downloaded},
                     {"uploaded", request.uploaded}});
    announce_.emplace();
    announce_->command = std::move(command);
    announce_->legs.resize(routes_.size());
    const TimePoint deadline = std::min(now + kAnnounceTimeout, stop_deadline_);
    for (std::size_t i = 0; i < routes_.size(); ++i) {
        announce_->legs[i].exchange =
            start_tracker_exchange(context_, routes_[i], announce_->command.url, request, deadline,
                                   [this, i](Result<TrackerAnswer> answer) { on_leg(i, std::move(answer)); });
    }
}

wire::AnnounceRequest Announcer::request_for(const discovery::AnnounceCommand& command) const {
    wire::AnnounceRequest request = host_->announce_request();
    request.tracker_id = command.tracker_id;
    if (profile_ == WireProfile::Plain) {
        request.numwant.reset();
        request.left = std::max<std::uint64_t>(request.left, 1);
        return request;
    }
    request.event = command.event;
    request.key = key_;
    if (command.event == wire::AnnounceEvent::Stopped) request.numwant = 0;
    return request;
}

void Announcer::on_leg(std::size_t index, Result<TrackerAnswer> answer) {
    Leg& leg = announce_->legs[index];
    leg.exchange.reset();
    if (answer) {
        leg.outcome = std::get<wire::AnnounceReply>(std::move(*answer));
    } else {
        leg.outcome = fail(std::move(answer).error());
    }
    std::vector<wire::AnnouncePeer> peers;
    const bool success = is_success(*leg.outcome);
    if (success) {
        wire::AnnounceReply& reply = **leg.outcome;
        note_answer(reply);
        peers = std::move(reply.peers);
    }
    const auto& legs = announce_->legs;
    if (std::all_of(legs.begin(), legs.end(), [](const Leg& l) { return l.outcome.has_value(); })) end_announce();
    if (success && !stopping_) host_->on_tracker_peers(peers);
    pump();
}

void Announcer::note_answer(const wire::AnnounceReply& reply) {
    const TimePoint now = context_.env->now();
    telemetry_.emit(now, Level::Decision, "announce_answered", std::nullopt,
                    {{"peers", std::uint64_t{reply.peers.size()}},
                     {"interval", std::uint64_t{reply.interval_s.value_or(0)}},
                     {"complete", reply.complete.value_or(0)},
                     {"incomplete", reply.incomplete.value_or(0)}});
    if (!reply.warning_message.empty()) {
        telemetry_.emit(now, Level::Summary, "tracker_warning", std::nullopt,
                        {{"url", announce_->command.url}, {"warning", discovery::printable(reply.warning_message)}});
    }
    if (reply.external_ip) host_->on_external_address(*reply.external_ip);
}

// One outcome of all routes: a success, else what a tracker said, else what went wrong; that a tracker has no address of
// one family says least.
void Announcer::end_announce() {
    const Announce ended = std::move(*announce_);
    announce_.reset();
    const TimePoint now = context_.env->now();
    const auto best = std::max_element(ended.legs.begin(), ended.legs.end(), [](const Leg& a, const Leg& b) {
        const auto rank = [](const Leg& leg) {
            if (is_success(*leg.outcome)) return 3;
            if (leg.outcome->has_value()) return 2;
            return leg.outcome->error().code == ErrorCode::NotFound ? 0 : 1;
        };
        return rank(a) < rank(b);
    });
    const Result<wire::AnnounceReply>& outcome = *best->outcome;
    if (is_success(outcome)) return client_.on_reply(*outcome, now);
    Error error;
    if (outcome) {
        client_.on_reply(*outcome, now);
        error = remote_error(ErrorCode::TrackerFailure,
                             "the tracker says: " + discovery::printable(*outcome->failure_reason));
    } else {
        error = outcome.error();
        client_.on_failure(error, now);
    }
    telemetry_.emit(now, Level::Summary, "announce_failed", std::nullopt,
                    {{"url", ended.command.url}, {"reason", error.message()}});
    host_->on_tracker_failed(error);
}

}  // namespace bt::engine
