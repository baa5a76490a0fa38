#pragma once

// Talks to one UDP tracker at one address (BEP 15), as a machine: it is given questions, packets and the time, and
// answers with packets to send, answers and its next deadline. No sockets; how long an answer may take is the owner's.
//
// State: no connection id / connecting / connected, and the questions that wait for their answer.
// Rules
//  - A question goes out as soon as there is a connection id; a connection id serves every question until 60 s after it
//    was received.
//  - Silence: everything unanswered is sent again after first_wait, then after twice as long each time, up to
//    first_wait x 2^8 (longest_wait); behind that all questions fail (TimedOut). An answer of any kind starts it anew.
//    The BEP's first wait is 15 s. That is as long as one announce may take with us, so that one lost packet would
//    cost a tier its turn; ours is 3 s (sent at 0, 3 and 9 s of 15), beyond every real round trip and still no flood.
//  - Trackers forget connection ids early, or restart: where an id that was there before the question brings silence
//    or an error, a new one is asked for before the question is given up.
//  - Only packets with the transaction id of something that is unanswered count, and with the action that answers it
//    (or an error); others are ignored. One that is too short to be read, but has the id, fails its question.
//  - An error packet answers a question as UdpErrorReply; one that answers the connect answers all of them.
//  - Transaction ids come from the rng and are not shared by two open questions.

#include <cstdint>
#include <deque>
#include <optional>
#include <variant>
#include <vector>

#include "common/base/rng.h"
#include "common/base/time.h"
#include "common/wire/udp_tracker.h"

namespace bt::discovery {

struct UdpSessionSettings {
    Duration first_wait = seconds(3);
    std::uint32_t doublings = 8;
    Duration connection_life = seconds(60);
};

using UdpQuestion = std::variant<wire::UdpAnnounceRequest, wire::UdpScrapeRequest>;
using UdpReplyBody = std::variant<wire::UdpAnnounceReply, wire::UdpScrapeReply, wire::UdpErrorReply>;

struct UdpAnswer {
    std::uint32_t question = 0;
    Result<UdpReplyBody> reply;
};

class UdpTrackerSession {
  public:
    UdpTrackerSession(Address::Family family, UdpSessionSettings settings, Rng rng)
        : family_(family), settings_(settings), rng_(rng) {}

    // The number under which poll_answer() answers it.
    std::uint32_t ask(UdpQuestion question, TimePoint now);
    // No answer comes any more.
    void cancel(std::uint32_t question);

    void receive(ByteView packet, TimePoint now);
    // The network says that nobody is there: all questions fail.
    void on_unreachable(const Error& error);

    [[nodiscard]] std::optional<ByteBuffer> poll_output();  // packets to send, oldest first
    [[nodiscard]] std::optional<UdpAnswer> poll_answer();
    [[nodiscard]] TimePoint next_deadline() const { return resend_at_; }
    void on_deadline(TimePoint now);

    [[nodiscard]] bool has_questions() const { return !questions_.empty(); }
    [[nodiscard]] bool has_answers() const { return !answers_.empty(); }
    [[nodiscard]] TimePoint connection_ends() const { return connection_ends_; }  // of the last connection id
    [[nodiscard]] bool is_connected(TimePoint now) const { return connection_id_ && now < connection_ends_; }

    void check_invariants() const;

  private:
    struct Question {
        std::uint32_t id = 0;
        std::uint32_t transaction_id = 0;
        UdpQuestion body;
        bool had_new_connection = false;  // an error is the tracker's last word
    };

    void send_all(TimePoint now);
    void send_connect();
    void send(const Question& question);
    void wait_on(TimePoint now);
    void forget_connection();
    void on_connect_reply(const wire::UdpReply& reply, TimePoint now);
    void on_question_reply(std::size_t index, Result<wire::UdpReply> reply, TimePoint now);
    void answer(std::size_t index, Result<UdpReplyBody> reply);
    void answer_all(const Result<UdpReplyBody>& reply);
    [[nodiscard]] std::uint32_t new_transaction_id();

    Address::Family family_;
    UdpSessionSettings settings_;
    Rng rng_;
    std::vector<Question> questions_;
    std::uint32_t last_question_ = 0;
    std::optional<std::uint64_t> connection_id_;
    TimePoint connection_ends_{};
    bool connection_was_there_ = false;        // before the oldest unanswered question
    std::optional<std::uint32_t> connecting_;  // transaction id
    std::uint32_t silent_sends_ = 0;           // since the last answer
    TimePoint resend_at_ = kNever;
    std::deque<ByteBuffer> output_;
    std::deque<UdpAnswer> answers_;
};

}  // namespace bt::discovery
