#pragma once

// All talk of a node with UDP trackers: one socket for each of its addresses, one discovery::UdpTrackerSession for each
// tracker behind it, so that torrents which use the same tracker share its connection id.
//
// A socket is closed when nothing waits for an answer and no connection id is left that a later question could use.
// What comes from an address that no session belongs to is ignored. Held by shared_ptr: a callback may let go of the
// last user.

#include <functional>
#include <map>
#include <memory>
#include <optional>

#include "common/discovery/udp_tracker_session.h"
#include "common/env/env.h"

namespace bt::engine {

class UdpTrackerHub final : public std::enable_shared_from_this<UdpTrackerHub> {
  public:
    using Answered = std::function<void(Result<discovery::UdpReplyBody>)>;

    // A question on its way; destroying it is how to cancel.
    class Asked {
      public:
        ~Asked();
        Asked(const Asked&) = delete;
        Asked& operator=(const Asked&) = delete;

      private:
        friend class UdpTrackerHub;
        Asked(std::weak_ptr<UdpTrackerHub> hub, std::uint64_t number) : hub_(std::move(hub)), number_(number) {}
        std::weak_ptr<UdpTrackerHub> hub_;
        std::uint64_t number_;
    };

    UdpTrackerHub(env::Env& env, Rng rng);
    ~UdpTrackerHub();
    UdpTrackerHub(const UdpTrackerHub&) = delete;
    UdpTrackerHub& operator=(const UdpTrackerHub&) = delete;

    // `answered` is called once, never from inside. Error: no socket on `source`.
    [[nodiscard]] Result<std::unique_ptr<Asked>> ask(const std::optional<Address>& source, const Endpoint& remote,
                                                     discovery::UdpQuestion question, Answered answered);

    [[nodiscard]] std::size_t socket_count() const { return sockets_.size(); }

  private:
    struct Socket;
    struct Waiting {
        Address local;
        Endpoint remote;
        std::uint32_t question = 0;
        Answered answered;
    };

    void cancel(std::uint64_t number);
    void flush(Socket& socket, const Endpoint& remote, discovery::UdpTrackerSession& session);
    void on_timer();
    void end_turn();
    void deliver(const Address& local, const Endpoint& remote, discovery::UdpTrackerSession& session);
    void close_idle();
    void arm();

    env::Env* env_;
    Rng rng_;
    std::map<Address, std::unique_ptr<Socket>> sockets_;  // by the address they are bound to
    std::map<std::uint64_t, Waiting> waiting_;
    std::uint64_t last_number_ = 0;
    std::unique_ptr<env::Timer> timer_;
};

}  // namespace bt::engine
