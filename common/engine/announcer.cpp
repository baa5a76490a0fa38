#include "common/engine/announcer.h"

#include <algorithm>

namespace bt::engine {

using telemetry::Level;

Announcer::Announcer(env::Env& env, AnnouncerHost& host, std::vector<std::vector<std::string>> tiers,
                     discovery::TrackerSettings settings, std::optional<Address> source,
                     telemetry::Telemetry telemetry, Rng rng)
    : env_(&env),
      host_(&host),
      client_(std::move(tiers), settings, rng),
      source_(source),
      telemetry_(telemetry),
      timer_(env.make_timer([this] { on_timer(); })) {}

void Announcer::start() {
    client_.start(env_->now());
    pump();
}

void Announcer::on_completed() {
    client_.on_completed(env_->now());
    pump();
}

void Announcer::need_peers() {
    client_.need_peers(env_->now());
    pump();
}

void Announcer::stop() {
    if (std::exchange(stopping_, true)) return;
    const TimePoint now = env_->now();
    stop_deadline_ = now + kStoppedTimeout;
    client_.stop(now);
    // What is under way now leaves half of the time to the farewell itself.
    if (exchange_) exchange_->deadline = std::min(exchange_->deadline, now + kStoppedTimeout / 2);
    pump();
}

// Begins what is due, arms the timer for what comes next.
void Announcer::pump() {
    const bool out_of_time = env_->now() >= stop_deadline_;
    if (!exchange_ && !out_of_time) {
        if (const auto command = client_.poll_announce(env_->now())) begin(*command);
    }
    if (stopping_ && !exchange_ && (out_of_time || client_.is_finished())) {
        timer_->cancel();
        if (!std::exchange(finished_told_, true)) host_->on_announcer_finished();
        return;
    }
    const TimePoint due =
        exchange_ ? std::min(exchange_->deadline, exchange_->address_deadline) : client_.next_deadline();
    const TimePoint next = std::min(due, stop_deadline_);
    if (next == kNever) {
        timer_->cancel();
    } else {
        timer_->arm(next);
    }
}

void Announcer::on_timer() {
    if (exchange_ && exchange_->refusal) return fail_exchange(Error(*exchange_->refusal));
    if (exchange_ && exchange_->deadline <= env_->now()) {
        return fail_exchange(remote_error(ErrorCode::TimedOut, "no answer in time"));
    }
    if (exchange_ && exchange_->address_deadline <= env_->now()) try_next_address();
    pump();
}

void Announcer::begin(const discovery::AnnounceCommand& command) {
    exchange_.emplace();
    exchange_->command = command;
    const bool last = command.event == wire::AnnounceEvent::Stopped;
    exchange_->deadline = std::min(env_->now() + kAnnounceTimeout, stop_deadline_);
    wire::AnnounceRequest request = host_->announce_request();
    request.event = command.event;
    request.tracker_id = command.tracker_id;
    if (last) request.numwant = 0;
    telemetry_.emit(env_->now(), Level::Decision, "announce_sent", std::nullopt,
                    {{"url", command.url},
                     {"announce_event", wire::event_name(command.event)},
                     {"left", request.left},
                     {"downloaded", request.downloaded},
                     {"uploaded", request.uploaded}});
    const bool has_query = command.url.find('?') != std::string::npos;
    dial(command.url + (has_query ? "&" : "?") + wire::to_query(request));
}

void Announcer::dial(const std::string& url) {
    auto parsed = http::Url::parse(url);
    if (!parsed) return refuse(parsed.error());
    if (parsed->scheme != "http") {
        return refuse(
            local_error(ErrorCode::InvalidTracker, "trackers of scheme " + parsed->scheme + " are not spoken to"));
    }
    exchange_->url = std::move(*parsed);
    exchange_->lookup = env_->resolve(exchange_->url.host, exchange_->url.port,
                                      [this](Result<std::vector<Endpoint>> found) { on_lookup(std::move(found)); });
}

// Fails the exchange from a callback of its own: a torrent may name any number of trackers that fail at once, and
// each of them would begin the next one from inside itself.
void Announcer::refuse(Error error) {
    exchange_->refusal = std::move(error);
    exchange_->deadline = env_->now();
}

void Announcer::on_lookup(Result<std::vector<Endpoint>> addresses) {
    if (!addresses) return fail_exchange(addresses.error());
    exchange_->addresses = std::move(*addresses);
    // An address of the other family cannot be reached from the one we are bound to.
    if (source_) {
        std::erase_if(exchange_->addresses,
                      [&](const Endpoint& e) { return e.address.family() != source_->family(); });
    }
    if (exchange_->addresses.empty()) {
        return fail_exchange(remote_error(ErrorCode::NotFound, "no usable address for " + exchange_->url.host));
    }
    try_next_address();
    pump();
}

void Announcer::try_next_address() {
    const Endpoint target = exchange_->addresses.front();
    exchange_->addresses.erase(exchange_->addresses.begin());
    exchange_->http.emplace(exchange_->url, "Swarmlab/0.1");
    exchange_->output.clear();
    exchange_->output.append_bytes(exchange_->http->request_bytes());
    std::optional<Endpoint> source;
    if (source_) source = Endpoint{*source_, 0};
    exchange_->stream = env_->connect(target, source);
    exchange_->stream->set_handler(this);
    exchange_->connected = false;
    exchange_->address_deadline = exchange_->addresses.empty() ? kNever : env_->now() + kAddressTimeout;
}

void Announcer::on_connected() {
    exchange_->connected = true;
    exchange_->address_deadline = kNever;
    exchange_->stream->send(exchange_->output);
    pump();
}

void Announcer::on_writable() { exchange_->stream->send(exchange_->output); }

void Announcer::on_received(MutableByteView bytes) {
    if (const auto status = exchange_->http->receive(bytes); !status) return fail_exchange(status.error());
    finish_exchange();
}

void Announcer::on_closed(const Error& error) {
    if (error.code == ErrorCode::EndOfStream && exchange_->http) {
        if (const auto status = exchange_->http->on_end(); !status) return fail_exchange(status.error());
        return finish_exchange();
    }
    if (!exchange_->connected && !exchange_->addresses.empty()) {
        try_next_address();
        return pump();
    }
    fail_exchange(error);
}

void Announcer::finish_exchange() {
    const http::Response* response = exchange_->http->response();
    if (response != nullptr) on_response(*response);
}

void Announcer::on_response(const http::Response& response) {
    if (response.status >= 300 && response.status < 400 && !response.location.empty()) {
        if (++exchange_->redirects > kMaxRedirects) {
            return fail_exchange(remote_error(ErrorCode::InvalidTracker, "more than 5 redirects"));
        }
        const auto target = exchange_->url.resolve(response.location);
        exchange_->stream.reset();
        exchange_->http.reset();
        if (!target) return fail_exchange(target.error());
        dial(target->to_string());
        return pump();
    }
    if (response.status != 200) {
        return fail_exchange(
            remote_error(ErrorCode::InvalidTracker, "HTTP status " + std::to_string(response.status)));
    }
    const auto reply = wire::parse_announce_reply(response.body);
    if (!reply) return fail_exchange(reply.error());
    if (reply->failure_reason) {
        end_exchange();
        client_.on_reply(*reply, env_->now());
        const Error error = remote_error(ErrorCode::TrackerFailure, "the tracker says: " + *reply->failure_reason);
        telemetry_.emit(env_->now(), Level::Summary, "announce_failed", std::nullopt, {{"reason", error.detail}});
        host_->on_tracker_failed(error);
        return pump();
    }
    telemetry_.emit(env_->now(), Level::Decision, "announce_answered", std::nullopt,
                    {{"peers", std::uint64_t{reply->peers.size()}},
                     {"interval", std::uint64_t{reply->interval_s.value_or(0)}},
                     {"complete", reply->complete.value_or(0)},
                     {"incomplete", reply->incomplete.value_or(0)}});
    const auto answer = *reply;
    end_exchange();
    client_.on_reply(answer, env_->now());
    if (!stopping_) host_->on_tracker_peers(answer.peers);
    pump();
}

void Announcer::fail_exchange(const Error& error) {
    const Error copy = error;
    const std::string url = exchange_->command.url;
    end_exchange();
    client_.on_failure(copy, env_->now());
    telemetry_.emit(env_->now(), Level::Summary, "announce_failed", std::nullopt,
                    {{"url", url}, {"reason", copy.message()}});
    host_->on_tracker_failed(copy);
    pump();
}

void Announcer::end_exchange() { exchange_.reset(); }

}  // namespace bt::engine
