#pragma once

// What the transports of tracker exchanges have in common: the look-up, one address after the other, the deadlines, the
// one answer. A transport begins with look_up() or refuse(), is handed an address at a time, and ends with finish().

#include "common/engine/tracker_exchange.h"

namespace bt::engine {

class TrackerDial : public TrackerExchange {
  public:
    TrackerDial(const TrackerContext& context, const TrackerRoute& route, TimePoint deadline, TrackerAnswered done);
    TrackerDial(const TrackerDial&) = delete;
    TrackerDial& operator=(const TrackerDial&) = delete;

    void shorten(TimePoint deadline) override;

  protected:
    // Ask at this one; what was under way with another is over. Called from callbacks of the ports.
    virtual void try_address(const Endpoint& remote) = 0;

    void look_up(const std::string& host, std::uint16_t port);
    // The address answers: no other one is tried.
    void keep_address();
    // It does not: the next one, or failure.
    void leave_address(const Error& error);
    // Ends in failure from a callback of its own: a torrent may name any number of trackers that fail at once, and each
    // of them would begin the next one from inside itself.
    void refuse(Error error);
    // The last thing to do: destroys us, normally.
    void finish(Result<TrackerAnswer> answer);

    [[nodiscard]] const TrackerContext& context() const { return context_; }
    [[nodiscard]] const TrackerRoute& route() const { return route_; }

  private:
    void on_lookup(const std::string& host, Result<std::vector<Endpoint>> addresses);
    void try_next();
    void on_timer();
    void arm();

    TrackerContext context_;
    TrackerRoute route_;
    TimePoint deadline_;
    TimePoint address_deadline_ = kNever;  // while there are other addresses
    TrackerAnswered done_;
    std::optional<Error> refusal_;
    std::vector<Endpoint> addresses_;  // still to be tried
    std::unique_ptr<env::Lookup> lookup_;
    std::unique_ptr<env::Timer> timer_;
};

}  // namespace bt::engine
