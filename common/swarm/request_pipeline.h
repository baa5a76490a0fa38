#pragma once

// How many blocks one connection should have requested at a time, and which those are. One per connection.
//
// Depth.
//  - Slow start: initial_depth, +1 for each block that comes, because the path's capacity is unknown; until a whole
//    second brought less than a tenth more than the second before it (more requests buy nothing any more), or a snub.
//  - Then what the peer delivers in queue_time at its present rate, so that its send queue never runs dry.
//  - Always between min_depth and the limit: max_depth, or the peer's reqq when it said one (which wins over
//  min_depth).
//  - Snubbed: 1. A request tells whether the peer has woken up; more would keep blocks from other peers.
//  take_all() (choked) starts over with slow start: an old rate says nothing about the next unchoke.
//
// Snubbed: requests went out and for snub_after no outstanding block has come. Requests that expire do not stop that
// clock; having nothing asked (all dropped by us or rejected, or take_all) does, for then the peer owes us nothing. A
// peer that chokes us is not snubbed by that.
//
// Expiry. A request older than request_timeout expires if nothing at all has come for as long (a slow peer that works
// through a long queue is left alone), or if it was overtaken: a request made after it has been answered, so it was
// probably lost.
//
// Blocks that are not outstanding change nothing: neither rate nor clocks. The caller does not request a block that is
// outstanding here already.
//
// Cost: every call O(1) for answers in the order of the requests (a ring buffer); an answer out of order costs a look
// at the requests before it. No allocation once the ring has grown to the depth in use.

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "common/base/time.h"
#include "common/base/types.h"
#include "common/transport/rate_meter.h"

namespace bt::swarm {

struct PipelineSettings {
    std::uint32_t initial_depth = 4;
    std::uint32_t min_depth = 2;
    std::uint32_t max_depth = 500;  // replaced by the peer's reqq when it says one
    Duration queue_time = seconds(3);
    Duration request_timeout = seconds(25);
    Duration snub_after = seconds(60);
};

class RequestPipeline {
  public:
    static constexpr std::uint32_t kLargestPeerLimit = 2000;
    static constexpr Duration kShortQueue = milliseconds(500);
    static constexpr Duration kNotWorthMoving = seconds(1);
    static constexpr std::uint32_t kSendBuffer =
        (1u << 20) / kBlockSize;  // blocks; clients keep up to 0.5 MiB and the socket

    explicit RequestPipeline(PipelineSettings settings);

    // One below the peer's reqq, within 1..kLargestPeerLimit: Transmission 3.00 drops the request that would fill its
    // queue without a word, and the block then comes only after a time-out.
    void set_peer_limit(std::uint32_t reqq);
    // How many more requests should go out now.
    [[nodiscard]] std::uint32_t room(TimePoint now) const;
    [[nodiscard]] std::uint32_t depth(TimePoint now) const;
    [[nodiscard]] std::uint32_t outstanding() const { return outstanding_; }
    // How many of the outstanding requests, the last ones, will not be answered within kNotWorthMoving, nor are so near
    // that the answer may be in a send buffer already, where a cancel does not reach it.
    [[nodiscard]] std::uint32_t surplus(TimePoint now) const;
    // Of the last `among` outstanding requests those that satisfy the predicate, at most `count`, youngest first.
    [[nodiscard]] std::vector<BlockRequest> youngest(std::size_t among, std::size_t count,
                                                     const std::function<bool(const BlockRequest&)>& wanted) const;
    // The depth that does with a queue of kShortQueue at the peer, and the way there and back: part of depth(). As the
    // way counts the least time in which a block has come, ten times, so that the rate can still grow; before one has
    // come there is no shorter one.
    [[nodiscard]] std::uint32_t short_depth(TimePoint now) const;
    [[nodiscard]] bool is_slow_start() const { return slow_start_; }

    void on_requested(const BlockRequest& request, TimePoint now);
    // True if the block was outstanding (and now is not). Feeds rate and slow start.
    bool on_block(const BlockRequest& request, TimePoint now);
    // Rejected or cancelled: true if it was outstanding.
    bool on_dropped(const BlockRequest& request);
    // Forgets and answers all that is outstanding (choked, peer gone), oldest first.
    [[nodiscard]] std::vector<BlockRequest> take_all();
    // Forgets and answers the requests that have expired, oldest first. To be called at next_deadline(), also when it
    // is the snub that is due: it takes that off the deadlines.
    [[nodiscard]] std::vector<BlockRequest> take_expired(TimePoint now);

    [[nodiscard]] bool is_snubbed(TimePoint now) const;
    // When a request expires or the peer becomes snubbed, whichever is first; kNever if neither will.
    [[nodiscard]] TimePoint next_deadline() const;
    [[nodiscard]] std::uint64_t rate_bytes_per_s(TimePoint now) const;

    void check_invariants() const;

  private:
    struct Slot {
        BlockRequest request;  // length 0: not outstanding any more
        TimePoint sent_at;
    };

    [[nodiscard]] Slot& slot(std::uint64_t number) { return ring_[number & (ring_.size() - 1)]; }
    [[nodiscard]] const Slot& slot(std::uint64_t number) const { return ring_[number & (ring_.size() - 1)]; }
    [[nodiscard]] std::optional<std::uint64_t> find(const BlockRequest& request) const;
    void remove(std::uint64_t number);
    void make_place();
    void stop_waiting();
    void judge_slow_start(std::uint32_t bytes, TimePoint now);
    [[nodiscard]] std::uint32_t depth_by_rate(TimePoint now) const;

    PipelineSettings settings_;
    std::uint32_t limit_;

    // Requests by number, [head_, tail_), in the order in which they went out; the slot at head_ is outstanding.
    std::vector<Slot> ring_;  // a power of two long, or empty
    std::uint64_t head_ = 0;
    std::uint64_t tail_ = 0;
    std::uint64_t overtaken_ = 0;  // requests with a lower number have been overtaken
    std::uint32_t outstanding_ = 0;

    std::optional<TimePoint> last_block_at_;
    std::optional<TimePoint> waiting_since_;  // since when the peer owes us a block
    bool snub_seen_ = false;                  // take_expired() was called since it is snubbed

    std::optional<Duration> least_latency_;

    bool slow_start_ = true;
    std::uint32_t slow_start_depth_;
    std::optional<TimePoint> second_began_at_;
    std::uint64_t bytes_this_second_ = 0;
    std::optional<std::uint64_t> bytes_last_second_;

    // depth_by_rate as of the last block, computed anew at most every kDepthAge: it is asked for at every block.
    static constexpr Duration kDepthAge = milliseconds(100);
    std::uint32_t cached_depth_ = 0;
    std::optional<TimePoint> cached_at_;
    transport::RateMeter rate_;
};

}  // namespace bt::swarm
