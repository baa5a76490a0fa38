#pragma once

// Shares a limit on bytes fairly: one direction of one node. A node has a total, each of its groups (torrents) may have
// a limit of its own, and every connection is a member of one group. Pure: time is handed in, its owner
// (engine::Throttle) runs the timer.
//
// A member moves bytes only as far as its allowance(). With none left it says wait() and is called back when there is
// some. Without a limit on its group or in all the allowance is UINT64_MAX and nothing is counted.
//
// Rounds, at most every kRound while somebody waits (so the wake-ups are bounded whatever the limit and the number of
// members): what the buckets have earned is given to those that wait.
//  - Groups get equal shares of the total; what a group may not take because of its own limit goes to the others.
//  - Members of a group get equal shares of that. Who does not wait gets none: what somebody cannot use, others do.
//  - Shares below TokenBucket::kLeastGrant are not made smaller by dividing: then those that have waited longest get
//    one each and the others come first the next time. A limit far below a block a round makes rounds rarer, and moves
//    a block in pieces.
//  - An allowance is kept until it is used; one that leaves gives it back. So what was granted and not used is never
//    more than one share a member.
// A changed limit takes all allowances of those it concerns back and calls each of them once.
// Callbacks come from on_deadline() only. A member may be destroyed at any time, in callbacks of others too.
// Cost: allowance() and spend() O(1); a round O(members that wait + groups that wait * log).

#include <cstdint>
#include <deque>
#include <functional>
#include <vector>

#include "common/base/time.h"
#include "common/transport/token_bucket.h"

namespace bt::transport {

class RateLimiter {
  public:
    static constexpr Duration kRound = milliseconds(50);
    class Group;
    class Member;

    // on_need: next_deadline() is earlier than it was; may come from inside any call.
    explicit RateLimiter(std::function<void()> on_need) : on_need_(std::move(on_need)) {}
    ~RateLimiter();  // behind its groups
    RateLimiter(const RateLimiter&) = delete;
    RateLimiter& operator=(const RateLimiter&) = delete;

    void set_rate(std::uint64_t bytes_per_s, TimePoint now);
    [[nodiscard]] std::uint64_t rate() const { return total_.rate(); }
    [[nodiscard]] TimePoint next_deadline() const { return next_; }
    void on_deadline(TimePoint now);

    void check_invariants() const;

  private:
    void round(TimePoint now);
    void serve(Group& group, std::uint64_t bytes);
    void reconsider(TimePoint now);
    void need_at(TimePoint time);
    void forget(Member& member);

    TokenBucket total_;
    std::vector<Group*> groups_;
    std::deque<Group*> waiting_;   // groups with somebody waiting; longest not served first
    std::deque<Member*> to_call_;  // granted or changed
    TimePoint next_ = kNever;
    TimePoint last_round_{};
    bool had_round_ = false;
    std::function<void()> on_need_;
};

class RateLimiter::Group {
  public:
    explicit Group(RateLimiter& limiter);
    ~Group();  // behind its members
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    void set_rate(std::uint64_t bytes_per_s, TimePoint now);
    [[nodiscard]] std::uint64_t rate() const { return own_.rate(); }
    [[nodiscard]] bool is_limited() const { return own_.is_limited() || limiter_->total_.is_limited(); }

  private:
    friend class RateLimiter;
    void start_over();

    RateLimiter* limiter_;
    TokenBucket own_;
    std::vector<Member*> members_;
    std::deque<Member*> waiting_;  // longest first
};

class RateLimiter::Member {
  public:
    // on_change: the allowance is another one.
    Member(Group& group, std::function<void()> on_change);
    ~Member();
    Member(const Member&) = delete;
    Member& operator=(const Member&) = delete;

    [[nodiscard]] bool is_limited() const { return group_->is_limited(); }
    [[nodiscard]] std::uint64_t allowance() const { return is_limited() ? allowance_ : UINT64_MAX; }
    // More than the allowance is a debt of everybody.
    void spend(std::uint64_t bytes);
    void wait(TimePoint now);  // until on_change; nothing when it waits already or has no limit

  private:
    friend class RateLimiter;

    Group* group_;
    std::function<void()> on_change_;
    std::uint64_t allowance_ = 0;
    bool waits_ = false;
};

}  // namespace bt::transport
