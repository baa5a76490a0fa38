#include "common/discovery/udp_tracker_session.h"

#include <algorithm>

#include "common/base/check.h"

namespace bt::discovery {
namespace {

// The reply's own body, when it is one that answers this question.
std::optional<UdpReplyBody> fitting(const UdpQuestion& question, wire::UdpReply&& reply) {
    if (auto* error = std::get_if<wire::UdpErrorReply>(&reply.body)) return std::move(*error);
    if (std::holds_alternative<wire::UdpAnnounceRequest>(question)) {
        if (auto* announce = std::get_if<wire::UdpAnnounceReply>(&reply.body)) return std::move(*announce);
    } else if (auto* scrape = std::get_if<wire::UdpScrapeReply>(&reply.body)) {
        return std::move(*scrape);
    }
    return std::nullopt;
}

}  // namespace

std::uint32_t UdpTrackerSession::ask(UdpQuestion body, TimePoint now) {
    if (!is_connected(now) && !connecting_) forget_connection();
    if (questions_.empty()) silent_sends_ = 0;
    questions_.push_back({++last_question_, new_transaction_id(), std::move(body)});
    if (connection_id_) {
        connection_was_there_ = true;
        send(questions_.back());
    } else {
        questions_.back().had_new_connection = true;
        if (connecting_) return last_question_;
        send_connect();
    }
    if (resend_at_ == kNever) wait_on(now);
    return last_question_;
}

void UdpTrackerSession::cancel(std::uint32_t question) {
    std::erase_if(questions_, [&](const Question& q) { return q.id == question; });
    std::erase_if(answers_, [&](const UdpAnswer& a) { return a.question == question; });
    if (!questions_.empty()) return;
    connecting_.reset();
    resend_at_ = kNever;
}

void UdpTrackerSession::receive(ByteView packet, TimePoint now) {
    const auto transaction_id = wire::udp_transaction_id(packet);
    if (!transaction_id) return;
    auto reply = wire::parse_udp_reply(packet, family_);
    if (connecting_ == transaction_id) {
        if (!reply) return answer_all(fail(reply.error()));
        return on_connect_reply(*reply, now);
    }
    const auto found = std::find_if(questions_.begin(), questions_.end(),
                                    [&](const Question& q) { return q.transaction_id == *transaction_id; });
    if (found == questions_.end()) return;
    on_question_reply(static_cast<std::size_t>(found - questions_.begin()), std::move(reply), now);
}

void UdpTrackerSession::on_connect_reply(const wire::UdpReply& reply, TimePoint now) {
    if (const auto* error = std::get_if<wire::UdpErrorReply>(&reply.body)) return answer_all(UdpReplyBody(*error));
    const auto* connect = std::get_if<wire::UdpConnectReply>(&reply.body);
    if (connect == nullptr) return;
    connecting_.reset();
    connection_id_ = connect->connection_id;
    connection_ends_ = now + settings_.connection_life;
    connection_was_there_ = false;
    silent_sends_ = 0;
    send_all(now);
}

void UdpTrackerSession::on_question_reply(std::size_t index, Result<wire::UdpReply> reply, TimePoint now) {
    if (!reply) return answer(index, fail(reply.error()));
    Question& question = questions_[index];
    auto body = fitting(question.body, std::move(*reply));
    if (!body) return;
    const bool is_error = std::holds_alternative<wire::UdpErrorReply>(*body);
    if (is_error && connecting_) return;  // to the connection id that is being replaced
    silent_sends_ = 0;
    if (is_error && !question.had_new_connection) {
        forget_connection();
        return send_all(now);
    }
    answer(index, std::move(*body));
    if (!questions_.empty()) wait_on(now);
}

void UdpTrackerSession::on_unreachable(const Error& error) {
    forget_connection();
    answer_all(fail(error));
}

void UdpTrackerSession::on_deadline(TimePoint now) {
    if (now < resend_at_) return;
    if (silent_sends_ > settings_.doublings) {
        return answer_all(fail(remote_error(ErrorCode::TimedOut, "the tracker does not answer over UDP")));
    }
    if (!is_connected(now) || connection_was_there_) forget_connection();
    send_all(now);
}

std::optional<ByteBuffer> UdpTrackerSession::poll_output() {
    if (output_.empty()) return std::nullopt;
    ByteBuffer packet = std::move(output_.front());
    output_.pop_front();
    return packet;
}

std::optional<UdpAnswer> UdpTrackerSession::poll_answer() {
    if (answers_.empty()) return std::nullopt;
    UdpAnswer next = std::move(answers_.front());
    answers_.pop_front();
    return next;
}

// Whatever is unanswered, or the connect that all of it waits for.
void UdpTrackerSession::send_all(TimePoint now) {
    if (questions_.empty()) {
        resend_at_ = kNever;
        return;
    }
    if (connection_id_) {
        for (const Question& question : questions_) send(question);
    } else {
        for (Question& question : questions_) question.had_new_connection = true;
        send_connect();
    }
    wait_on(now);
}

void UdpTrackerSession::send_connect() {
    if (!connecting_) connecting_ = new_transaction_id();
    wire::UdpRequest request;
    request.transaction_id = *connecting_;
    output_.push_back(wire::encode_udp_request(request));
}

void UdpTrackerSession::send(const Question& question) {
    wire::UdpRequest request;
    request.connection_id = *connection_id_;
    request.transaction_id = question.transaction_id;
    std::visit([&](const auto& body) { request.body = body; }, question.body);
    output_.push_back(wire::encode_udp_request(request));
}

void UdpTrackerSession::wait_on(TimePoint now) {
    resend_at_ = now + settings_.first_wait * (std::int64_t{1} << std::min(silent_sends_, settings_.doublings));
    ++silent_sends_;
}

void UdpTrackerSession::forget_connection() {
    connection_id_.reset();
    connection_was_there_ = false;
}

void UdpTrackerSession::answer(std::size_t index, Result<UdpReplyBody> reply) {
    answers_.push_back({questions_[index].id, std::move(reply)});
    questions_.erase(questions_.begin() + static_cast<std::ptrdiff_t>(index));
    if (!questions_.empty()) return;
    connecting_.reset();
    resend_at_ = kNever;
}

void UdpTrackerSession::answer_all(const Result<UdpReplyBody>& reply) {
    connecting_.reset();
    while (!questions_.empty()) answer(0, reply);
}

std::uint32_t UdpTrackerSession::new_transaction_id() {
    for (;;) {
        const auto id = static_cast<std::uint32_t>(rng_.next());
        const bool taken = connecting_ == id || std::any_of(questions_.begin(), questions_.end(),
                                                            [&](const Question& q) { return q.transaction_id == id; });
        if (!taken) return id;
    }
}

void UdpTrackerSession::check_invariants() const {
    BT_CHECK(questions_.empty() == (resend_at_ == kNever));
    BT_CHECK(!connecting_ || (!connection_id_ && !questions_.empty()));
    BT_CHECK(questions_.empty() || connecting_ || connection_id_);
    BT_CHECK(silent_sends_ <= settings_.doublings + 1);
}

}  // namespace bt::discovery
