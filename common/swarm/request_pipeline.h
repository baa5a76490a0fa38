#pragma once

#include <cstdint>
#include <deque>
#include <vector>

#include "common/base/time.h"
#include "common/base/types.h"
#include "common/transport/rate_meter.h"

namespace bt::swarm {

struct PipelineSettings {
    std::uint32_t initial_depth = 4;
    std::uint32_t min_depth = 2;
    std::uint32_t max_depth = 500;           // replaced by the peer's reqq when it says one
    Duration queue_time = seconds(3);
    Duration request_timeout = seconds(25);
    Duration snub_after = seconds(60);
};

class RequestPipeline {
  public:
    explicit RequestPipeline(PipelineSettings settings);

    void set_peer_limit(std::uint32_t reqq);                 // the peer's reqq, clamped to 1..2000
    // How many more requests should go out now.
    [[nodiscard]] std::uint32_t room(TimePoint now) const;
    [[nodiscard]] std::uint32_t depth(TimePoint now) const;
    [[nodiscard]] std::uint32_t outstanding() const;

    void on_requested(const BlockRequest& request, TimePoint now);
    // True if the block was outstanding (and now is not). Feeds rate and slow start.
    bool on_block(const BlockRequest& request, TimePoint now);
    // Rejected or cancelled: true if it was outstanding.
    bool on_dropped(const BlockRequest& request);
    // Forgets and answers all that is outstanding (choked, peer gone).
    [[nodiscard]] std::vector<BlockRequest> take_all();
    // Forgets and answers the requests that are older than the timeout while nothing else has come in.
    [[nodiscard]] std::vector<BlockRequest> take_expired(TimePoint now);

    [[nodiscard]] bool is_snubbed(TimePoint now) const;
    [[nodiscard]] TimePoint next_deadline() const;
    [[nodiscard]] std::uint64_t rate_bytes_per_s(TimePoint now) const;
};

}  // namespace bt::swarm
