#pragma once

// Carries out the control channel's requests (control_request.h), one a line; one JSON object a line out for each, with
// the id of the request (docs/formats.md "Control"). The same for `swarm-lab control` and for the socket of `swarm-lab
// up`; any number of callers at a time.
//
// Rules
//  - Answers come when what was asked is so: `wait` and `stop` take their time, others are answered at once. Order is
//  that
//    of the answers, not of the requests.
//  - A request that cannot be carried out is answered with "ok":false and changes nothing.
//  - Waits end with the swarm: with "ok":false where what they wait for can no longer come.
//  - Events of a subscription are dropped while more than kMaxWaiting bytes wait for the caller; the next one that is
//  sent
//    says how many.
// Cost: an event is compared with the query of each subscription.

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "common/net/uv_timer.h"
#include "lab/control_request.h"
#include "lab/run.h"

namespace bt::lab {

inline constexpr std::size_t kMaxWaiting = 4u << 20;
inline constexpr std::size_t kMaxWaits = 1000;  // at a time; subscriptions too

class Caller {
  public:
    virtual ~Caller() = default;
    virtual void send(std::string_view line) = 0;
    [[nodiscard]] virtual std::size_t waiting() const = 0;
};

class ControlDesk {
  public:
    // Starts a swarm for `start`; without one there is a run from the beginning and `start` is refused.
    ControlDesk(net::UvLoop& loop, RunOptions defaults, Guard& guard, bool may_start);

    // The swarm of `up`.
    [[nodiscard]] Status open(Prepared prepared);
    void on_line(const std::shared_ptr<Caller>& caller, std::string_view line);
    // Its waits and subscriptions go.
    void forget(const Caller* caller);
    // As Ctrl-C on `run`.
    void interrupt();
    void stop();
    // Something was done or happened.
    std::function<void()> on_change;

    [[nodiscard]] LabRun* run() { return run_.get(); }
    // The last one's, when it has ended.
    [[nodiscard]] std::optional<LabExit> exit() const { return exit_; }
    [[nodiscard]] const std::string& end() const { return end_; }

  private:
    // Who asked, and the id of what was asked, as JSON.
    struct Asker {
        std::shared_ptr<Caller> caller;
        std::string id;

        void yes(const std::string& fields = "") const;
        void no(const std::string& why) const;
    };
    struct Wait {
        Asker asker;
        enum class For : std::uint8_t { Ready, Condition, Stop } what = For::Ready;
        std::optional<Condition> condition;
        TimePoint deadline = kNever;
    };
    struct Subscription {
        Asker asker;
        std::optional<Query> query;  // nothing: every event
        std::uint64_t dropped = 0;
    };

    void carry_out(const Asker& asker, const StartRequest& request);
    void carry_out(const Asker& asker, WaitRequest request);
    void carry_out(const Asker& asker, const NodesRequest& request);
    void carry_out(const Asker& asker, const EndpointsRequest& request);
    void carry_out(const Asker& asker, const ActRequest& request);
    void carry_out(const Asker& asker, const EventsRequest& request);
    void carry_out(const Asker& asker, SubscribeRequest request);
    void carry_out(const Asker& asker, const UnsubscribeRequest& request);
    void carry_out(const Asker& asker, const StopRequest& request);
    void carry_out(const Asker& asker, const ReportRequest& request);

    [[nodiscard]] Status open(Prepared prepared, const RunOptions& options);
    void changed();
    void settle_waits();
    void conclude();
    [[nodiscard]] std::optional<std::string> outcome_of(const Wait& wait) const;
    void on_event(std::size_t node, std::string_view line);
    [[nodiscard]] std::string stop_answer(const std::string& id) const;

    net::UvLoop& loop_;
    RunOptions defaults_;
    Guard& guard_;
    bool may_start_;
    net::TimerQueue timers_;
    net::UvTimer deadline_;
    net::Deferred conclude_;
    std::unique_ptr<LabRun> run_;
    std::optional<LabExit> exit_;
    std::string end_;  // outcome and detail of the last run, in words
    std::string report_;
    std::vector<Wait> waits_;
    std::vector<Subscription> subscriptions_;
};

}  // namespace bt::lab
