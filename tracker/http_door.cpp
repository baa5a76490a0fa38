#include "tracker/http_door.h"

#include <algorithm>

#include "common/base/check.h"
#include "common/env/secure_stream.h"
#include "tracker/proxy_stream.h"

namespace bt::tracker {

class HttpDoor::Session final : public env::StreamHandler {
  public:
    Session(HttpDoor& door, ConnectionId id, std::unique_ptr<env::Stream> stream)
        : door_(door),
          id_(id),
          stream_(std::move(stream)),
          http_(door.env_.now()),
          place_(door.quiet_.insert(door.quiet_.end(), id)) {
        stream_->set_handler(this);
        set_deadline(http_.next_deadline());
    }
    ~Session() override {
        door_.quiet_.erase(place_);
        door_.deadlines_.erase({listed_, id_});
        if (paced_.is_active()) --door_.paced_;
    }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    void on_connected() override {}
    void on_received(MutableByteView bytes) override {
        door_.quiet_.splice(door_.quiet_.end(), door_.quiet_, place_);
        // Asked each time: who looks on, and whose word counts, may change while a connection lasts.
        if (door_.front_.has_listener() || door_.front_.wants_head(stream_->remote_endpoint().address)) {
            http_.keep_heads();
        }
        http_.receive(bytes, door_.env_.now());
        serve();
    }
    void on_writable() override { serve(); }
    void on_closed(const Error& error) override {
        door_.close(id_, error.code == ErrorCode::EndOfStream ? "closed by the other side" : error.detail);
    }
    void on_deadline(TimePoint now) {
        if (write_deadline_ <= now) return door_.close(id_, "the reader takes nothing");
        http_.on_deadline(now);
        serve();
    }

    [[nodiscard]] TimePoint deadline() const { return deadline_; }
    [[nodiscard]] TimePoint listed() const { return listed_; }
    void relist() {
        door_.deadlines_.erase({listed_, id_});
        listed_ = deadline_;
        door_.deadlines_.insert({listed_, id_});
        door_.arm();
    }

  private:
    // Answers what is complete, sends, waits for the rest; may destroy this.
    void serve() {
        const TimePoint now = door_.env_.now();
        bool answered = false;
        bool has_sent = false;
        bool more = false;
        do {
            more = answer_some(now);
            if (paced_.is_active()) more = pace(now) || more;
            answered = answered || more;
            const std::uint64_t waiting = http_.output().size();
            if (answered && http_.wants_close() && !paced_.is_active() && !cuts_off_) stream_->closes_behind_queue();
            if (waiting > 0) stream_->send(http_.output());
            if (http_.output().size() < waiting) {
                has_sent = true;
                write_deadline_ = kNever;
            }
        } while (more && http_.output().empty());

        const bool is_empty = http_.output().empty();
        if (is_empty && cuts_off_) {
            stream_->reset_on_close();
            return door_.close(id_, "cut off by a rule");
        }
        if (is_empty && http_.wants_close()) {
            // A refusal (too long, not HTTP) would be lost if the socket closed on bytes that nobody read.
            if (has_sent && !answered && linger_until_ == kNever) linger_until_ = now + kLinger;
            if (linger_until_ == kNever || linger_until_ <= now) return door_.close(id_, "done");
        }
        if (!is_empty && write_deadline_ == kNever) write_deadline_ = now + kWriteTimeout;
        // Behind the last answer nothing counts any more: what comes is not even read.
        pause(http_.output().size() > kMaxOutput || (!is_empty && http_.wants_close()));
        set_deadline(std::min({http_.next_deadline(), write_deadline_, linger_until_, paced_.next_deadline()}));
    }

    // Takes requests as long as not too much waits to be sent. True when there was one.
    bool answer_some(TimePoint now) {
        bool answered = false;
        while (http_.output().size() <= kMaxOutput && !paced_.is_active() && !cuts_off_) {
            const auto request = http_.poll_request();
            if (!request) break;
            HttpAnswer answer = door_.front_.answer(*request, caller(), now);
            answered = true;
            if (answer.delivery && door_.paced_ < kMaxDeliveries) {
                ++door_.paced_;
                paced_.begin(std::move(answer.delivery), now);
                pace(now);
            } else {
                http_.respond(answer.status, answer.content_type, answer.body, now);
            }
        }
        return answered;
    }

    [[nodiscard]] Caller caller() const { return {stream_->remote_endpoint().address, id_, door_.kind()}; }

    // What is due of an answer that has a time-table. True when it was the last of it.
    bool pace(TimePoint now) {
        paced_.advance(now, http_.output());
        if (!paced_.is_over()) return false;
        --door_.paced_;
        switch (paced_.end()) {
            case Delivery::End::Keep:
                http_.end_response(true, now);
                break;
            case Delivery::End::Close:
                http_.end_response(false, now);
                break;
            case Delivery::End::Reset:
                cuts_off_ = true;
                break;
        }
        return true;
    }

    void pause(bool wanted) {
        if (wanted == paused_) return;
        paused_ = wanted;
        if (paused_) {
            stream_->pause_reading();
        } else {
            stream_->resume_reading();
        }
    }

    // A deadline that moves away stays listed where it was: the timer finds nothing due there and lists it anew. That
    // is once in a while, and not at each request.
    void set_deadline(TimePoint deadline) {
        deadline_ = deadline;
        if (deadline < listed_) relist();
    }

    HttpDoor& door_;
    ConnectionId id_;
    std::unique_ptr<env::Stream> stream_;
    http::ServerConnection http_;
    std::list<ConnectionId>::iterator place_;
    TimePoint deadline_ = kNever;
    TimePoint listed_ = kNever;          // in door_.deadlines_, never later than deadline_
    TimePoint write_deadline_ = kNever;  // while something waits to be sent
    TimePoint linger_until_ = kNever;
    PacedAnswer paced_;
    bool cuts_off_ = false;  // once all is sent
    bool paused_ = false;
};

HttpDoor::HttpDoor(env::Env& env, HttpFront& front, telemetry::Telemetry telemetry, HttpDoorSettings settings,
                   std::uint32_t& ids)
    : env_(env),
      front_(front),
      telemetry_(telemetry),
      settings_(std::move(settings)),
      next_connection_(ids),
      timer_(env.make_timer([this] { on_timer(); })) {}

HttpDoor::~HttpDoor() { close(); }

Status HttpDoor::open(const Endpoint& local) {
    BT_TRY_ASSIGN(listener_, env_.listen(local, [this](std::unique_ptr<env::Stream> s) { on_accept(std::move(s)); }));
    return {};
}

void HttpDoor::close() {
    listener_.reset();
    while (!sessions_.empty()) close(quiet_.front(), "the tracker stops");
    armed_ = kNever;
    timer_->cancel();
}

Endpoint HttpDoor::local_endpoint() const { return listener_ ? listener_->local_endpoint() : Endpoint{}; }

void HttpDoor::on_accept(std::unique_ptr<env::Stream> stream) {
    while (sessions_.size() >= settings_.max_connections) close(quiet_.front(), "too many connections");
    const ConnectionId id(next_connection_++);
    if (telemetry_.wants(telemetry::Level::Wire)) {
        telemetry_.emit(env_.now(), telemetry::Level::Wire, "connection_opened", id,
                        {{"remote", stream->remote_endpoint().to_string()}});
    }
    const HttpSettings& http = front_.settings();
    if (http.proxy_protocol && contains(http.proxies, stream->remote_endpoint().address)) {
        stream = std::make_unique<ProxyStream>(std::move(stream));
    }
    if (settings_.tls) stream = std::make_unique<env::SecureStream>(std::move(stream), *settings_.tls);
    sessions_.emplace(id, std::make_unique<Session>(*this, id, std::move(stream)));
}

void HttpDoor::close(ConnectionId id, std::string_view reason) {
    telemetry_.emit(env_.now(), telemetry::Level::Wire, "connection_closed", id, {{"reason", reason}});
    const auto found = sessions_.find(id);
    const std::unique_ptr<Session> dying = std::move(found->second);
    sessions_.erase(found);
}

void HttpDoor::on_timer() {
    armed_ = kNever;
    const TimePoint now = env_.now();
    while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
        const ConnectionId id = deadlines_.begin()->second;
        Session& session = *sessions_.at(id);
        if (session.deadline() > now) {
            session.relist();
            continue;
        }
        session.on_deadline(now);
        // A deadline that stays in the past would keep us here for ever.
        const auto still = sessions_.find(id);
        if (still != sessions_.end() && still->second->deadline() <= now) close(id, "deadline");
    }
    arm();
}

void HttpDoor::arm() {
    if (deadlines_.empty()) return;
    const TimePoint next = deadlines_.begin()->first;
    // Armed earlier is fine: the timer finds nothing to do and is armed again. This saves an arm a request.
    if (next >= armed_ || next == kNever) return;
    armed_ = next;
    timer_->arm(next);
}

void HttpDoor::check_invariants() const {
    BT_CHECK(sessions_.size() == deadlines_.size() && sessions_.size() == quiet_.size());
    for (const auto& [listed, id] : deadlines_) {
        BT_CHECK(sessions_.at(id)->listed() == listed && listed <= sessions_.at(id)->deadline());
    }
}

}  // namespace bt::tracker
